"""Experiments, runs and metrics as azureml-core reads and writes them.

Runs are those of run history and MLflow: a metric that ``Run.log`` writes is a metric in MLflow,
and the other way round. Rows, lists and tables, which MLflow does not have, are kept as sent.
"""

import json
import re
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.times import iso
from localcloud.calls.tokens import LASTS_S, NETWORK, issue
from localcloud.planes import history
from localcloud.planes.mlflow_documents import number
from localcloud.planes.run_filters import run_filter
from localcloud.store.runs import StoredRun
from localcloud.store.tracking import Metric, StoredExperiment
from runtime.model.states import RunState

_ID: Final = re.compile(r"[a-zA-Z0-9][\w\-.]{0,254}")
_SCALAR: Final = "azureml.v1.scalar"
_KEPT: Final = "azureml_metrics"
_NON_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})
_STATES: Final = {str(state).lower(): state for state in RunState}
# The last word of an event's name: "Microsoft.MachineLearning.Run.Completed". An error is followed
# by the event that says how the run ended.
_EVENTS: Final = {
    "start": RunState.RUNNING,
    "completed": RunState.COMPLETED,
    "failed": RunState.FAILED,
    "canceled": RunState.CANCELED,
}


def show_experiment(call: Call) -> Reply:
    return answer(_experiment_document(_experiment(call)))


def create_experiment(call: Call) -> Reply:
    """Return the experiment with a name, created if there is none."""
    existing(call, call.workspace)
    if not _ID.fullmatch(call.params["experiment"]):
        says = f"'{call.params['experiment']}' is not the name of an experiment."
        raise RefusedError(400, "UserError", says)
    made = call.cloud.store.tracking.named_experiment(
        call.workspace, call.params["experiment"], call.now
    )
    return answer(_experiment_document(made))


def list_experiments(call: Call) -> Reply:
    existing(call, call.workspace)
    _refuse_filter(call)
    found = call.cloud.store.tracking.experiments(call.workspace)
    return _all_of([_experiment_document(each) for each in found if not each.deleted])


def list_runs(call: Call) -> Reply:
    """Respond with an experiment's runs, newest first."""
    wanted = run_filter(str(call.json().get("filter") or ""))
    experiment = _experiment(call)
    runs = call.cloud.store.runs.of_workspace(call.workspace, experiments={experiment.id})
    newest_first = sorted(runs, key=lambda run: run.created, reverse=True)
    shown = (_run_document(call, run) for run in newest_first if not run.deleted)
    return _all_of([each for each in shown if wanted(each)])


def show_run(call: Call) -> Reply:
    return answer(_run_document(call, _run(call)))


def show_children(call: Call) -> Reply:
    return _all_of([_run_document(call, each) for each in history.children_of(call, _run(call))])


def change_run(call: Call) -> Reply:
    """Change a run; one that does not exist yet is created, which is how clients start one."""
    body, run_id = call.json(), call.params["run"]
    run = call.cloud.store.runs.get(call.workspace, run_id)
    if run is None:
        run = _new_run(call, run_id, body)
    state = _STATES.get(str(body.get("status") or "").lower())
    _move(call, run, state)
    history.change_run(call)
    return answer(_run_document(call, _run(call)))


def create_runs(call: Call) -> Reply:
    """Create or change several runs at once, all or none."""
    bodies = [each for each in call.json().get("runs") or () if each]
    missing = [each for each in bodies if not each.get("runId")]
    if missing:
        raise RefusedError(400, "UserError", "Every run needs a runId.")
    shown = {}
    with call.cloud.store.runs.transaction():
        for body in bodies:
            run_id = str(body["runId"])
            run = call.cloud.store.runs.get(call.workspace, run_id)
            run = run or _new_run(call, run_id, body)
            given = (body.get("tags") or {}).items()
            tags = {str(key): "" if value is None else str(value) for key, value in given}
            call.cloud.store.tracking.set_tags(run.key, tags)
            shown[run_id] = _run_document(call, run)
    return answer({"runs": shown, "errors": {}})


def change_experiment(call: Call) -> Reply:
    """Change an experiment's tags, and whether it is archived."""
    body, found = call.json(), _experiment(call)
    given = (body.get("tags") or {}).items()
    tags = {str(key): "" if value is None else str(value) for key, value in given}
    archived = body.get("archive")
    changed = replace(
        found,
        tags={**found.tags, **tags},
        deleted=found.deleted if archived is None else bool(archived),
        modified=call.now,
    )
    call.cloud.store.tracking.change_experiment(changed)
    return answer(_experiment_document(changed))


def delete_tags(call: Call) -> Reply:
    run = _run(call)
    for tag in _names(call):
        call.cloud.store.tracking.delete_tag(run.key, str(tag))
    return answer(_run_document(call, run))


def _names(call: Call) -> list[str]:
    """Return the body of a request that is a list of names."""
    try:
        names = json.loads(call.body or b"[]")
    except (ValueError, RecursionError):
        names = None
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise RefusedError(400, "UserError", "The request content must be a list of names.")
    return names


def post_event(call: Call) -> Reply:
    """Move a run to the state that an event says. The nodes set the state of a job's run."""
    run = _run(call)
    name = str(call.json().get("name") or "").rpartition(".")[2].lower()
    _move(call, run, _EVENTS.get(name))
    return Reply(200)


def post_events(call: Call) -> Reply:
    """Move each of several runs to the state that its event says."""
    for event in call.json().get("events") or ():
        run_id = str(((event or {}).get("data") or {}).get("RunId") or "")
        run = call.cloud.store.runs.get(call.workspace, run_id)
        if run is not None:
            name = str(event.get("name") or "").rpartition(".")[2].lower()
            _move(call, run, _EVENTS.get(name))
    return answer({"errors": []})


def show_token(call: Call) -> Reply:
    """Issue a new token for a run in progress, which asks for one before its own expires."""
    _run(call)
    network = call.caller.get(NETWORK)
    token = issue(call.cloud, call.origin, "job", network=network)
    return answer({"token": token, "expiryTimeUtc": iso(call.now + LASTS_S)})


def post_metrics(call: Call) -> Reply:
    """Add metrics to a run, all or nothing."""
    run, tracking = _run(call), call.cloud.store.tracking
    documents = [each for each in call.json().get("values") or () if each]
    if not all(each.get("name") and each.get("columns") for each in documents):
        raise RefusedError(400, "UserError", "Every metric needs a name and columns.")
    scalars = [metric for each in documents for metric in _scalars(call, each)]
    others = [each for each in documents if not _is_scalar(each)]
    with call.cloud.store.runs.transaction():
        tracking.add_metrics(run.key, scalars)
        tracking.add_inputs(run.key, _KEPT, others)
    return answer({"errors": []})


def wait_for_metrics(call: Call) -> Reply:
    """Say that all metrics are there: they are as soon as they are posted."""
    _run(call)
    return answer({})


def list_metrics(call: Call) -> Reply:
    """Respond with the names and columns of a run's metrics."""
    run = _run(call)
    tracking = call.cloud.store.tracking
    columns = {metric.key: {metric.key: "Double"} for metric in tracking.last_metrics(run.key)}
    columns |= {each["name"]: each["columns"] for each in tracking.inputs(run.key, _KEPT)}
    keys = [
        {
            "metricKey": {"name": name, "labelsHash": None, "namespace": None, "labels": None},
            "columns": found,
        }
        for name, found in columns.items()
    ]
    return _all_of(keys)


def show_metric(call: Call) -> Reply:
    """Respond with all values of one metric."""
    run, name = _run(call), str(call.json().get("metricName") or "")
    kept = [m for m in call.cloud.store.tracking.inputs(run.key, _KEPT) if m["name"] == name]
    if kept:
        rows = [row for each in kept for row in each.get("value") or ()]
        return answer({**kept[0], "value": rows, "continuationToken": None})
    logged = call.cloud.store.tracking.metric_history(run.key, name)
    if not logged:
        raise RefusedError(404, "UserError", f"Run {run.run_id} has no metric '{name}'.")
    return answer(
        {
            "dataContainerId": f"dcid.{run.run_id}",
            "name": name,
            "columns": {name: "Double"},
            "properties": {"uxMetricType": _SCALAR},
            "value": [
                {
                    "metricId": str(uuid.uuid4()),
                    "createdUtc": iso(metric.timestamp / 1000),
                    "step": metric.step,
                    "data": {name: number(metric.value)},
                }
                for metric in logged
            ],
            "continuationToken": None,
        }
    )


def _is_scalar(metric: Document) -> bool:
    """Return whether a metric is what MLflow calls one: a single number with a step."""
    named = str(metric.get("name"))
    kind = str((metric.get("properties") or {}).get("uxMetricType"))
    rows = metric.get("value") or ()
    return kind == _SCALAR and all(_number(row or {}, named) is not None for row in rows)


def _number(row: Document, name: str) -> float | None:
    value = (row.get("data") or {}).get(name)
    if isinstance(value, str):
        return float(value) if value in _NON_FINITE else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _scalars(call: Call, metric: Document) -> list[Metric]:
    if not _is_scalar(metric):
        return []
    name = str(metric["name"])
    return [
        Metric(name, value, _milliseconds(call, row), int(row.get("step") or 0))
        for row in metric.get("value") or ()
        if (value := _number(row, name)) is not None
    ]


def _milliseconds(call: Call, row: Document) -> int:
    try:
        return round(datetime.fromisoformat(str(row.get("createdUtc"))).timestamp() * 1000)
    except (ValueError, OverflowError):
        return round(call.now * 1000)


def _new_run(call: Call, run_id: str, body: Document) -> StoredRun:
    if not _ID.fullmatch(run_id):
        raise RefusedError(
            400,
            "UserError",
            f"'{run_id}' is not a run id: use letters, digits, '-', '_' and '.', and begin with a "
            "letter or digit.",
        )
    experiment = _experiment(call)
    name = str(body.get("displayName") or body.get("name") or run_id)
    run = call.cloud.store.runs.add(
        StoredRun(
            workspace=call.workspace,
            run_id=run_id,
            experiment=experiment.id,
            name=name,
            created=call.now,
            state=RunState.NOT_STARTED,
            user=str(call.caller.get("appid", "")),
        )
    )
    parent = body.get("parentRunId")
    tags = {"mlflow.runName": name, **({"mlflow.parentRunId": str(parent)} if parent else {})}
    call.cloud.store.tracking.set_tags(run.key, tags)
    return run


def _move(call: Call, run: StoredRun, state: RunState | None) -> None:
    if state is not None and run.origin == "mlflow":
        call.cloud.store.runs.set_state(run.key, state, call.now if state.final else None)


def _run(call: Call) -> StoredRun:
    existing(call, call.workspace)
    run_id = call.params["run"]
    run = call.cloud.store.runs.get(call.workspace, run_id)
    if run is None:
        raise RefusedError(404, "UserError", f"RunId {run_id} was not found in the workspace.")
    return run


def _experiment(call: Call) -> StoredExperiment:
    """Return the experiment that the path names, or whose id it has."""
    existing(call, call.workspace)
    tracking, named = call.cloud.store.tracking, call.params.get("experiment")
    found = (
        tracking.experiment_named(call.workspace, named)
        if named is not None
        else tracking.experiment(call.workspace, call.params["id"])
    )
    if found is None:
        wanted = named or call.params.get("id")
        raise RefusedError(404, "UserError", f"There is no experiment '{wanted}'.")
    return found


def _experiment_document(experiment: StoredExperiment) -> JsonObject:
    return {
        "experimentId": experiment.id,
        "name": experiment.name,
        "description": None,
        "createdUtc": iso(experiment.created),
        "archivedTime": iso(experiment.modified) if experiment.deleted else None,
        "tags": {key: value or None for key, value in experiment.tags.items()},
    }


def _run_document(call: Call, run: StoredRun) -> JsonObject:
    shown = history.run_document(call, run)
    return {**shown, "name": run.name, "hidden": False, "userId": run.user}


def _all_of(items: list[JsonObject]) -> Reply:
    return answer({"value": items, "continuationToken": None, "nextLink": None})


def _refuse_filter(call: Call) -> None:
    if call.json().get("filter"):
        raise RefusedError(
            400, "UserError", "The local cloud cannot filter experiments; search with MLflow."
        )


_CHANGE: Final[Shape] = {
    "displayName": "string",
    "name": "string",
    "parentRunId": "string",
    "status": "string",
    "tags": {"*": "text"},
    "properties": {"*": "text"},
    "hidden": "boolean",
}
_BATCH: Final[Shape] = {
    "runs": [{"runId": "string", "parentRunId": "string", "tags": {"*": "text"}}]
}
_EVENT_LIST: Final[Shape] = {"events": [{"name": "string", "data": {"*": "any"}}]}
_EXPERIMENT: Final[Shape] = {"tags": {"*": "text"}, "archive": "boolean"}
_METRICS: Final[Shape] = {
    "values": [
        {
            "name": "string",
            "columns": {"*": "string"},
            "properties": {"uxMetricType": "string"},
            "value": [{"createdUtc": "string", "step": "long", "data": {}}],
        }
    ]
}
_QUERY: Final[Shape] = {"filter": "string"}
_H: Final = "/history/v1.0{ws}"
_RUNS: Final = (
    f"{_H}/experiments/{{experiment}}/runs/{{run}}",
    f"{_H}/experimentids/{{id}}/runs/{{run}}",
)
_METRIC: Final = "/metric/v2.0{ws}/runs/{run}"
ROUTES: Final = (
    Route("GET", f"{_H}/experiments/{{experiment}}", show_experiment),
    Route("POST", f"{_H}/experiments/{{experiment}}", create_experiment),
    Route("GET", f"{_H}/experimentids/{{id}}", show_experiment),
    Route("PATCH", f"{_H}/experimentids/{{id}}", change_experiment, shape=_EXPERIMENT),
    Route("PATCH", f"{_H}/experiments/{{experiment}}/batch/runs", create_runs, shape=_BATCH),
    Route("POST", f"{_H}/experiments/{{experiment}}/batch/events", post_events, shape=_EVENT_LIST),
    Route("POST", f"{_H}/experiments:query", list_experiments, shape=_QUERY),
    Route("POST", f"{_H}/experiments/{{experiment}}/runs:query", list_runs, shape=_QUERY),
    *(
        route
        for run in _RUNS
        for route in (
            Route("GET", run, show_run),
            Route("PATCH", run, change_run, shape=_CHANGE),
            Route("GET", f"{run}/details", history.show_details),
            Route("GET", f"{run}/children", show_children),
            Route("GET POST", f"{run}/token", show_token),
            Route("POST", f"{run}/events", post_event, shape={"name": "string"}),
            Route("GET", f"{run}/metricsingest/wait", wait_for_metrics),
            Route("DELETE", f"{run}/tags", delete_tags),
        )
    ),
    Route("POST", f"{_METRIC}/batch", post_metrics, shape=_METRICS, non_finite=True),
    Route("POST", f"{_METRIC}/list", list_metrics),
    Route("POST", f"{_METRIC}/full", show_metric, shape={"metricName": "string"}),
)
