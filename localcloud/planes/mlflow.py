"""The MLflow plane: MLflow's REST API for unmodified clients, at ``/mlflow/v2.0{workspace}``.

A table of endpoints; their handlers are in the ``mlflow_*`` modules. Traces and whatever else is
not in it respond ``ENDPOINT_NOT_FOUND``, in any version of the API. There is no web UI.
"""

from collections.abc import Callable, Mapping
from typing import Final

from infra.catalogue.body_shapes import shape_problems
from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.content import read_object
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route
from localcloud.planes import mlflow_experiments as experiments
from localcloud.planes import mlflow_models as models
from localcloud.planes import mlflow_registered_models as registry
from localcloud.planes import mlflow_runs as runs
from localcloud.planes.mlflow_artifacts import (
    delete_artifact,
    download_artifact,
    list_folder,
    list_run_artifacts,
    upload_artifact,
)
from localcloud.planes.mlflow_errors import MlflowRefusedError
from localcloud.planes.mlflow_shapes import SHAPES
from runtime.agent.searching import SearchError

_VERSION: Final = "3.1.0"  # of the API; newer clients fall back to it
ENDPOINTS: Final[Mapping[str, Callable[[Call, Document], Document]]] = {
    "POST experiments/create": experiments.create_experiment,
    "GET experiments/get": experiments.get_experiment,
    "GET experiments/get-by-name": experiments.get_by_name,
    "GET experiments/search": experiments.search_experiments,
    "POST experiments/search": experiments.search_experiments,
    "POST experiments/update": experiments.update_experiment,
    "POST experiments/delete": experiments.delete_experiment,
    "POST experiments/restore": experiments.restore_experiment,
    "POST experiments/set-experiment-tag": experiments.set_experiment_tag,
    "POST experiments/delete-experiment-tag": experiments.delete_experiment_tag,
    "POST runs/create": runs.create_run,
    "GET runs/get": runs.get_run,
    "POST runs/update": runs.update_run,
    "POST runs/delete": runs.delete_run,
    "POST runs/restore": runs.restore_run,
    "POST runs/search": runs.search_runs,
    "POST runs/log-metric": runs.log_metric,
    "POST runs/log-parameter": runs.log_parameter,
    "POST runs/log-batch": runs.log_batch,
    "POST runs/set-tag": runs.set_tag,
    "POST runs/delete-tag": runs.delete_tag,
    "POST runs/log-inputs": runs.log_inputs,
    "POST runs/outputs": runs.log_outputs,
    "POST runs/log-model": runs.log_model,
    "GET metrics/get-history": runs.metric_history,
    "GET metrics/get-history-bulk": runs.metric_history_bulk,
    "GET artifacts/list": list_run_artifacts,
    "POST logged-models": models.create_model,
    "POST logged-models/search": models.search_models,
    "GET logged-models/{}": models.get_model,
    "PATCH logged-models/{}": models.finalize_model,
    "DELETE logged-models/{}": models.delete_model,
    "PATCH logged-models/{}/tags": models.set_tags,
    "DELETE logged-models/{}/tags/{}": models.delete_tag,
    "POST logged-models/{}/params": models.log_params,
    "POST registered-models/create": registry.create_model,
    "GET registered-models/get": registry.get_model,
    "PATCH registered-models/update": registry.update_model,
    "POST registered-models/rename": registry.rename_model,
    "DELETE registered-models/delete": registry.delete_model,
    "GET registered-models/search": registry.search_models,
    "GET registered-models/get-latest-versions": registry.latest_versions,
    "POST registered-models/get-latest-versions": registry.latest_versions,
    "POST registered-models/set-tag": registry.set_model_tag,
    "DELETE registered-models/delete-tag": registry.delete_model_tag,
    "POST registered-models/alias": registry.set_alias,
    "DELETE registered-models/alias": registry.delete_alias,
    "GET registered-models/alias": registry.get_by_alias,
    "POST model-versions/create": registry.create_version,
    "GET model-versions/get": registry.get_version,
    "PATCH model-versions/update": registry.update_version,
    "DELETE model-versions/delete": registry.delete_version,
    "GET model-versions/search": registry.search_versions,
    "GET model-versions/get-download-uri": registry.download_uri,
    "POST model-versions/transition-stage": registry.transition_stage,
    "POST model-versions/set-tag": registry.set_version_tag,
    "DELETE model-versions/delete-tag": registry.delete_version_tag,
}


def answer_mlflow_call(call: Call) -> Reply:
    """Respond to one call of MLflow's REST API."""
    return _guarded(call, lambda: answer(_dispatch(call)))


def answer_artifact_call(call: Call) -> Reply:
    """Respond to one call of the artifact proxy."""
    if "path" not in call.params:
        return _guarded(call, lambda: answer(list_folder(call, call.query.get("path", ""))))
    handler = {"GET": download_artifact, "PUT": upload_artifact, "DELETE": delete_artifact}
    return _guarded(call, lambda: handler[call.method](call, call.params["path"]))


def answer_version(_call: Call) -> Reply:
    return Reply(200, _VERSION.encode(), media_type="text/plain")


def refuse_mlflow_call(call: Call) -> Reply:
    """Refuse a call of a version of the API that has nothing the local cloud implements."""

    def work() -> Reply:
        raise _no_endpoint(call.method, call.params["endpoint"])

    return _guarded(call, work)


def _dispatch(call: Call) -> Document:
    endpoint = template = "/".join(part for part in call.params["endpoint"].split("/") if part)
    named: dict[str, str] = {}
    handler = ENDPOINTS.get(f"{call.method} {endpoint}")
    if handler is None:
        first, *names = endpoint.split("/")
        path = [part if i % 2 else "{}" for i, part in enumerate(names)]
        template = "/".join((first, *path))
        handler = ENDPOINTS.get(f"{call.method} {template}")
        named = dict(zip(("model_id", "tag_key"), names[::2], strict=False))
    if handler is None:
        raise _no_endpoint(call.method, endpoint)
    return handler(call, {**_body(call, template), **named})


def _body(call: Call, template: str) -> JsonObject:
    """Return the fields of a request: a GET has them in its query, the others in their body."""
    if call.method == "GET":
        return {**call.query, **call.repeated}
    try:
        body = read_object(call.body)
    except ValueError as error:
        raise MlflowRefusedError(400, "BAD_REQUEST", f"The body is not JSON: {error}") from None
    for path, sentence in shape_problems(body, SHAPES.get(template, {})):
        raise MlflowRefusedError(
            400, "INVALID_PARAMETER_VALUE", f"Invalid value for parameter '{path}': {sentence}"
        )
    return body


def _no_endpoint(method: str, endpoint: str) -> MlflowRefusedError:
    """Return what a server says that lacks an endpoint: clients then try an older one, or stop."""
    says = f"The local cloud does not implement MLflow's {method} {endpoint}."
    return MlflowRefusedError(404, "ENDPOINT_NOT_FOUND", says)


def _guarded(call: Call, work: Callable[[], Reply]) -> Reply:
    existing(call, call.workspace)
    try:
        return work()
    except MlflowRefusedError as fault:
        return answer(fault.body, fault.status)
    except SearchError as error:
        return answer({"error_code": "INVALID_PARAMETER_VALUE", "message": str(error)}, 400)
    except UsageError as error:
        body = {
            "error_code": "INVALID_PARAMETER_VALUE",
            "message": f"{error.detail} {error.remedy}",
        }
        return answer(body, 400)


def _routes(version: str) -> tuple[Route, ...]:
    base = f"/mlflow/{version}{{ws}}"
    artifacts = f"{base}/api/2.0/mlflow-artifacts/artifacts"
    return (
        Route("GET", f"{base}/version", answer_version, open=True),
        Route("*", f"{base}/api/2.0/mlflow/{{endpoint:path}}", answer_mlflow_call),
        Route("GET", artifacts, answer_artifact_call),
        Route("GET PUT DELETE", f"{artifacts}/{{path:path}}", answer_artifact_call),
        Route("*", f"{base}/api/{{endpoint:path}}", refuse_mlflow_call),
        Route("*", f"{base}/ajax-api/{{endpoint:path}}", refuse_mlflow_call),
        Route("*", f"{base}/v1/{{endpoint:path}}", refuse_mlflow_call),
    )


ROUTES: Final = (*_routes("v2.0"), *_routes("v1.0"))
