"""Jobs: required properties, defaults, and their status when read.

What each kind has to give is in ``command_jobs``, ``sweep_jobs`` and ``pipeline_jobs``; other kinds
are refused. The nodes run command jobs; sweeps and pipelines are driven.
"""

import re
from collections.abc import Mapping
from typing import Final

from infra.catalogue.api_versions import MACHINE_LEARNING_JOBS
from infra.catalogue.body_shapes import body_shape, shape_problems
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.job_references import refers_to
from localcloud.behaviours.job_runs import add_run
from localcloud.behaviours.pipeline_driving import begin_job, cancel_job, origin_of
from localcloud.behaviours.pipeline_jobs import filled
from localcloud.behaviours.pipeline_nodes import NODE_PROPERTIES, is_default
from localcloud.calls.kinds import Kind
from localcloud.calls.long_running import begin
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.numbers import count_asked
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource
from localcloud.store.runs import StoredRun

SCHEDULE: Final = "azureml.scheduleid"
"""The property of a job that names the schedule that started it."""
TYPE: Final = "Microsoft.MachineLearningServices/workspaces/jobs"
_NAME: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9\-_]{0,254}")
_OPEN: Final = ("isArchived", "notificationSetting", "tags", "properties", "description",
                "displayName", "status", "services")  # fmt: skip
_SEARCHES: Final = frozenset({"Sweep", "AutoML"})
_REFERENCES: Final = frozenset({"computeId", "codeId", "environmentId"})
_ASSET: Final = "uri"  # of an input: the id of what a client may have written shorter


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    given = wanted.get("properties") or {}
    if old is not None:
        # Clients submit again after a lost response, so the same job twice is no conflict.
        return {**wanted, "properties": _amended(call, given, old)}
    properties = filled(call, given)
    properties.pop("status", None)
    properties.pop("services", None)
    return {**wanted, "properties": properties}


def submit(call: Call, properties: JsonObject) -> None:
    """Create the job that the call's target names, as a PUT of ``properties`` would."""
    problems = list(shape_problems({"properties": properties}, body_shape(TYPE)))
    if problems:
        raise invalid(problems)
    workspace = existing(call, call.arm.parent)
    made = {"createdBy": str(call.caller.get("oid", "local-user")), "createdAt": iso(call.now),
            "createdByType": "Application"}  # fmt: skip
    with call.cloud.store.database.write():
        document = _fill(call, {"properties": properties, "systemData": made}, None)
        job = StoredResource(
            id=f"{workspace.id}/jobs/{call.arm.name}",
            type=TYPE,
            parent=workspace.id,
            document=document,
            created=call.now,
            modified=call.now,
            scope=workspace.scope,
        )
        call.cloud.store.resources.put(job)
    _stored(call, job, None)
    _begun(call, job)


def submitted(job: StoredResource) -> JsonObject:
    """Return the properties with which a job like a stored one can be submitted.

    Its outputs get places of their own, and nothing says that it was a node of a pipeline.
    """
    given = {key: value for key, value in job.properties.items() if key != "isArchived"}
    own = {k: v for k, v in (given.get("properties") or {}).items() if k not in NODE_PROPERTIES}
    outputs = {
        name: {key: each for key, each in output.items() if key != "uri" or not is_default(each)}
        for name, output in (given.get("outputs") or {}).items()
    }
    return {**given, "properties": own, "outputs": outputs}


def _amended(call: Call, given: Document, old: StoredResource) -> JsonObject:
    """Return an existing job with the allowed changes; refuse any other change."""
    before = dict(old.properties)
    for key, value in given.items():
        if key not in _OPEN and value not in (None, {}) and not _same(key, before.get(key), value):
            raise RefusedError(
                409,
                "Conflict",
                f"A job with the name '{old.name}' already exists in this workspace and differs in "
                f"'{key}', which cannot be changed.",
                target=f"properties.{key}",
            )
    changed = {k: given[k] for k in _OPEN[:-2] if given.get(k) is not None}
    run = _run(call, old)
    if run is not None and "tags" in changed:
        call.cloud.store.tracking.set_tags(
            run.key, {key: str(value) for key, value in changed["tags"].items()}
        )
    return before | changed


def _same(key: str, before: object, after: object) -> bool:
    """Return whether a sent value means the stored one: it may omit defaults, or use short ids."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return all(_same(k, before.get(k), v) for k, v in after.items() if v not in (None, {}))
    if key in _REFERENCES or (key == _ASSET and str(before).startswith("/")):
        return refers_to(str(after), str(before))
    if key == "jobType":
        return str(before).lower() == str(after).lower()
    return bool(before == after)


def _stored(call: Call, job: StoredResource, old: StoredResource | None) -> None:
    """Create the run of a new job."""
    if old is None:
        user = str(call.caller.get("appid", ""))
        add_run(call.cloud, job, user=user, origin=origin_of(job.properties))


def _begun(call: Call, job: StoredResource) -> None:
    """Have a new job run; its run is committed, since other threads read it."""
    begin_job(call.cloud, job)


def _show(call: Call, job: StoredResource, body: JsonObject) -> JsonObject:
    """Add the job's status and its tracking and studio URLs."""
    url, workspace = call.cloud.url, job.parent
    run = _run(call, job)
    services = {
        "Tracking": {
            "jobServiceType": "Tracking",
            "endpoint": f"azureml://{call.cloud.authority}/mlflow/v1.0{workspace}?",
            "port": None, "status": None, "errorMessage": None, "properties": None, "nodes": None,
        },
        "Studio": {
            "jobServiceType": "Studio",
            "endpoint": f"{url}/runs/{job.name}?wsid={workspace}",
            "port": None, "status": None, "errorMessage": None, "properties": None, "nodes": None,
        },
    }  # fmt: skip
    status = str(run.state) if run else "Unknown"
    properties = {**body["properties"], "status": status, "services": services}
    found = _found(call, run) if properties.get("jobType") in _SEARCHES else {}
    properties["properties"] = {**(properties.get("properties") or {}), **found}
    return {**body, "properties": properties}


def _found(call: Call, run: StoredRun | None) -> JsonObject:
    """Return what a search notes on its run: clients read the best trial from the job."""
    return dict(call.cloud.store.tracking.properties(run.key)) if run else {}


def _removed(call: Call, job: StoredResource) -> None:
    cancel_job(call.cloud, job)
    run = _run(call, job)
    if run is not None:
        call.cloud.store.tracking.forget_run(run.key)
        call.cloud.store.runs.remove(job.parent, job.name)


def _cancel(call: Call) -> Reply:
    job = existing(call)
    cancel_job(call.cloud, job)
    return Reply(202, b"", begin(call, job.id, ready=call.now, location_header=True))


def _delete(call: Call) -> None:
    """Refuse to delete a job that has not ended, as Azure does; then the generic DELETE."""
    job = call.cloud.store.resources.get(str(call.arm), now=call.now)
    run = _run(call, job) if job else None
    if run is not None and not run.state.final:
        raise RefusedError(
            409, "Conflict", f"Job '{call.arm.name}' is {run.state}; cancel it before deleting it."
        )


def _list(call: Call) -> Reply:
    """List jobs, newest first."""
    workspace = existing(call, call.arm)
    view = call.query.get("listviewtype", "ActiveOnly").lower()
    kind, tag = call.query.get("jobtype", "").lower(), call.query.get("tag")
    schedule = call.query.get("scheduleid")
    jobs = call.cloud.store.resources.children(workspace.id, type=TYPE, now=call.now)
    items = [
        _show(call, job, {"id": job.id, "name": job.name, "type": TYPE, **job.document})
        for job in reversed(jobs)
        if (view == "all" or bool(job.properties["isArchived"]) == (view == "archivedonly"))
        and (not kind or kind == str(job.properties["jobType"]).lower())
        and (not tag or tag in job.properties["tags"])
        and (not schedule or (job.properties["properties"] or {}).get(SCHEDULE) == schedule)
    ]
    return answer({"value": items[count_asked(call, "$skip") :]})


def _run(call: Call, job: StoredResource) -> StoredRun | None:
    return call.cloud.store.runs.get(job.parent, job.name)


def _name_problem(name: str, _body: Document) -> str | None:
    if _NAME.fullmatch(name):
        return None
    return (
        f"'{name}' is not a valid job name: use up to 255 letters, digits, '-' and '_', starting "
        "with a letter or digit."
    )


KINDS: Final = (
    Kind(
        TYPE,
        versions=MACHINE_LEARNING_JOBS,
        name_problem=_name_problem,
        required=("properties.jobType",),
        read_only=("properties.status", "properties.services"),
        provisioning=False,
        system_data=True,
        fill=_fill,
        show=_show,
        stored=_stored,
        removed=_removed,
        begun=_begun,
        actions={"cancel": _cancel},
        handlers={"LIST": _list, "DELETE": _delete},
    ),
)
