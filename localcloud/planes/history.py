"""Run history: what ``jobs.stream`` and ``jobs.download`` of Azure ML's clients ask for.

Details with signed log URLs, run data, resolved URIs, changes of tags and names; and one endpoint
that only this cloud has: a run's events.
"""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.artifacts import ArtifactStore, artifact_store, signed_url
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.numbers import count_asked
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.shared_access import account_keys
from localcloud.calls.times import iso
from localcloud.store.runs import StoredRun

_LOGS: Final = ("user_logs/", "azureml-logs/", "logs/", "system_logs/")
_MODEL_TYPES: Final = {  # run history's own names; data types are the same in jobs and history
    "custom_model": "CustomModel",
    "mlflow_model": "MLFlowModel",
    "triton_model": "TritonModel",
}


def show_run(call: Call) -> Reply:
    return answer(run_document(call, _run(call)))


def show_details(call: Call) -> Reply:
    """Respond with a run's status and with log URLs that need no token."""
    run = _run(call)
    return answer({**run_document(call, run), "logFiles": _log_files(call, run)})


def show_events(call: Call) -> Reply:
    """Respond with the run's events from ``from`` on. Azure has no such endpoint."""
    events = call.cloud.store.runs.events(_run(call).key, count_asked(call, "from"))
    return answer(
        [
            {"seq": e.seq, "time": e.time, "kind": e.kind, "data": e.data, "origin": e.origin}
            for e in events
        ]
    )


def show_children(call: Call) -> Reply:
    """Respond with the runs whose parent is this one."""
    return answer({"value": [run_document(call, run) for run in children_of(call, _run(call))]})


def children_of(call: Call, parent: StoredRun) -> list[StoredRun]:
    """Return the runs whose parent is this one."""
    tracking = call.cloud.store.tracking
    return [
        run
        for run in call.cloud.store.runs.of_workspace(call.workspace)
        if tracking.tags(run.key).get("mlflow.parentRunId") == parent.run_id
    ]


def show_services(call: Call) -> Reply:
    """Respond with the services a job offers on one node: none, since no job can offer any."""
    _run(call)
    node = call.params["node"]
    if not node.isdecimal():
        raise RefusedError(400, "BadRequest", f"The node is '{node}'; it must be a number.")
    return answer({"instances": {}})


def show_run_data(call: Call) -> Reply:
    """Respond to the look-up of outputs that precedes a download."""
    run = _named_run(call, str(call.json().get("runId")))
    job = call.cloud.store.resources.get(f"{call.workspace}/jobs/{run.run_id}", now=call.now)
    declared = dict(job.properties.get("outputs") or {}) if job else {}
    outputs = {
        name: {
            "assetId": _output_uri(run, name, output),
            "type": _MODEL_TYPES.get(output["jobOutputType"], output["jobOutputType"]),
        }
        for name, output in declared.items()
    }
    metadata = {**run_document(call, run), "outputs": outputs}
    specification = {"job": dict(job.properties) if job else {}}
    return answer(
        {
            "runMetadata": metadata,
            "runDefinition": None,
            "jobSpecification": specification,
        }
    )


def resolve_uris(call: Call) -> Reply:
    """Resolve data URIs: each resolves to itself."""
    wanted = [str(each) for each in call.json().get("values") or ()]
    return answer({"values": {uri: {"uri": uri, "type": "uri_folder"} for uri in wanted}})


def resolve_models(call: Call) -> Reply:
    """Resolve model URIs: each resolves to itself."""
    wanted = [str(each) for each in call.json().get("values") or ()]
    return answer({"values": {uri: {"path": uri, "type": "custom_model"} for uri in wanted}})


def change_run(call: Call) -> Reply:
    """Change a run's display name, tags, and whether it is hidden (archived)."""
    run, body = _run(call), call.json()
    changes: JsonObject = {}
    if body.get("displayName"):
        changes["displayName"] = str(body["displayName"])
        call.cloud.store.runs.amend(run.key, name=changes["displayName"])
    if isinstance(body.get("tags"), dict):
        changes["tags"] = {str(k): "" if v is None else str(v) for k, v in body["tags"].items()}
        call.cloud.store.tracking.set_tags(run.key, changes["tags"])
    if isinstance(body.get("hidden"), bool):
        changes["isArchived"] = body["hidden"]
    if body.get("properties"):
        changes["properties"] = _add_properties(call, run, body["properties"])
    _change_job(call, run, changes)
    return answer(run_document(call, call.cloud.store.runs.by_key(run.key)))


def _add_properties(call: Call, run: StoredRun, added: Document) -> Document:
    """Add properties, none of which can be changed later; return all that the run has."""
    known = properties_of(call, run)
    texts = {str(key): str(value) for key, value in added.items() if value is not None}
    changed = [key for key, value in texts.items() if known.get(key, value) != value]
    if changed:
        raise RefusedError(
            400,
            "UserError",
            f"Properties of run {run.run_id} cannot be changed: {', '.join(sorted(changed))}.",
        )
    call.cloud.store.tracking.add_properties(run.key, texts)
    return {**known, **texts}


def _change_job(call: Call, run: StoredRun, changes: Document) -> None:
    """Apply the same changes to the job, if the run belongs to one."""
    with call.cloud.store.database.write():
        job = call.cloud.store.resources.get(f"{call.workspace}/jobs/{run.run_id}", now=call.now)
        if job is None:
            return
        tags = {**job.properties["tags"], **changes.get("tags", {})}
        properties = {**job.properties, **changes, "tags": tags}
        document = {**job.document, "properties": properties}
        call.cloud.store.resources.put(replace(job, document=document, modified=call.now))


def _run(call: Call) -> StoredRun:
    return _named_run(call, call.params["run"])


def _named_run(call: Call, run_id: str) -> StoredRun:
    existing(call, call.workspace)
    run = call.cloud.store.runs.get(call.workspace, run_id)
    if run is None:
        raise RefusedError(404, "UserError", f"RunId {run_id} was not found in the workspace.")
    return run


def run_document(call: Call, run: StoredRun) -> JsonObject:
    """Return a run as run history's responses show it."""
    tracking = call.cloud.store.tracking
    error = {"code": "UserError", "message": run.error} if run.error else None
    experiment = tracking.experiment(call.workspace, run.experiment)
    parent = tracking.tags(run.key).get("mlflow.parentRunId")
    return {
        "runId": run.run_id,
        "target": run.target.rpartition("/")[2] or None,
        "status": run.state,
        "experimentId": run.experiment,
        "experimentName": experiment.name if experiment else None,
        "displayName": run.name,
        "createdUtc": iso(run.created),
        "startTimeUtc": iso(run.started) if run.started else None,
        "endTimeUtc": iso(run.ended) if run.ended else None,
        "error": {"error": error} if error else None,
        "warnings": None,
        # As the service shows a tag without a value.
        "tags": {key: value or None for key, value in tracking.tags(run.key).items()},
        "properties": properties_of(call, run),
        "parentRunId": parent,
        "rootRunId": root_of(call, run).run_id,
        "runNumber": run.key,
        "runUuid": str(uuid.uuid5(uuid.UUID(call.cloud.id), run.run_id)),
        "dataContainerId": f"dcid.{run.run_id}",
        "inputDatasets": [],
        "outputDatasets": [],
        "submittedBy": run.user,
    }


def properties_of(call: Call, run: StoredRun) -> JsonObject:
    """Return a run's properties: its job's, and those added to the run."""
    job = call.cloud.store.resources.get(f"{call.workspace}/jobs/{run.run_id}", now=call.now)
    own = dict(job.properties.get("properties") or {}) if job else {}
    return {**call.cloud.store.tracking.properties(run.key), **own}


def root_of(call: Call, run: StoredRun) -> StoredRun:
    """Return the run at the top of those above ``run``, which may be ``run`` itself."""
    seen = {run.run_id}
    while parent := call.cloud.store.tracking.tags(run.key).get("mlflow.parentRunId"):
        above = call.cloud.store.runs.get(call.workspace, parent)
        if above is None or above.run_id in seen:
            break
        seen.add(above.run_id)
        run = above
    return run


def _log_files(call: Call, run: StoredRun) -> Mapping[str, str]:
    store = artifact_store(call.cloud, call.workspace)
    if store is None or not account_keys(call.cloud, store.account):
        return {}
    prefix = f"{run.artifact_folder}/"
    return {
        name: signed_url(call.cloud, store, prefix + name) for name in _logs(call, store, prefix)
    }


def _logs(call: Call, store: ArtifactStore, prefix: str) -> list[str]:
    found = call.cloud.store.blobs.listing(store.account, store.container, prefix)
    names = (blob.name.removeprefix(prefix) for blob in found)
    return [name for name in names if name.startswith(_LOGS)]


def _output_uri(run: StoredRun, name: str, output: Document) -> str:
    default = f"azureml://datastores/workspaceblobstore/paths/azureml/{run.run_id}/{name}/"
    return str(output.get("uri") or default)


_CHANGE: Final[Shape] = {
    "displayName": "string",
    "tags": {"*": "text"},
    "properties": {"*": "text"},
    "hidden": "boolean",
}
_URIS: Final[Shape] = {"values": ["string"]}
_HISTORY: Final = "/history/v1.0{ws}"
ROUTES: Final = (
    Route("GET", f"{_HISTORY}/runs/{{run}}", show_run),
    Route("GET", f"{_HISTORY}/runs/{{run}}/details", show_details),
    Route("GET", f"{_HISTORY}/runs/{{run}}/events", show_events),
    Route("GET", f"{_HISTORY}/runs/{{run}}/children", show_children),
    Route("GET", f"{_HISTORY}/runs/{{run}}/serviceinstances/{{node}}", show_services),
    Route("POST", f"{_HISTORY}/rundata", show_run_data, shape={"runId": "string"}),
    Route("PATCH", f"{_HISTORY}/runs/{{run}}", change_run, shape=_CHANGE),
    Route("POST", "/data/v1.0{ws}/dataversion/batchGetResolvedUris", resolve_uris, shape=_URIS),
    Route(
        "POST", "/modelregistry/v1.0{ws}/models/batchGetResolvedUris", resolve_models, shape=_URIS
    ),
)
