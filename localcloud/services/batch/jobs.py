"""Jobs: what tasks are grouped by; with a pool, or one that is created for the job alone."""

import uuid
from collections.abc import Sequence
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Reply, answer
from localcloud.services.batch.odata import listed, selected
from localcloud.services.batch.planning import instances
from localcloud.services.batch.pools import make_pool
from localcloud.services.batch.records import moved, shown
from localcloud.services.batch.refusals import BatchRefusedError, wrong_value
from localcloud.services.batch.service import BatchCall, new_id, require_known, routes

_KNOWN: Final = (
    "id", "displayName", "usesTaskDependencies", "priority", "maxParallelTasks", "constraints",
    "commonEnvironmentSettings", "poolInfo", "onAllTasksComplete", "onTaskFailure", "metadata",
)  # fmt: skip
_IN_TASK: Final = "Do it in a task of the job."
_REFUSED: Final = {
    "jobManagerTask": _IN_TASK,
    "jobPreparationTask": _IN_TASK,
    "jobReleaseTask": _IN_TASK,
    "networkConfiguration": "Nodes are processes on this machine's network.",
    "allowTaskPreemption": "Give the job a priority.",
}
_COUNTED: Final = {"preparing": "running"}
_CONSTANT: Final = ("id", "poolInfo", "usesTaskDependencies")
_DISABLED: Final = {"requeue": "requeued", "terminate": "terminated", "wait": ""}


def _create(on: BatchCall) -> Reply:
    body = on.call.json()
    name = new_id(body)
    require_known(body, _KNOWN, _REFUSED, noun="job")
    if body.get("onTaskFailure") not in (None, "noaction"):
        raise wrong_value("onTaskFailure", body["onTaskFailure"], "exit conditions need it.")
    with on.engine.changing:
        if on.records.get("job", name) is not None:
            raise BatchRefusedError(409, "JobExists", f"The specified job '{name}' already exists.")
        info = {"startTime": on.records.now(), "poolId": _pool(on, body)}
        job = on.records.new(
            f"jobs/{name}",
            {"priority": 0, "maxParallelTasks": -1, "onTaskFailure": "noaction", **body},
            "active",
            executionInfo=info,
            onAllTasksComplete=body.get("onAllTasksComplete") or "noaction",
            constraints={
                "maxWallClockTime": "P10675199DT2H48M5.4775807S",
                "maxTaskRetryCount": 0,
                **(body.get("constraints") or {}),
            },
        )
        on.records.add("job", name, document=job)
        on.schedule()
    return on.accepted(job, 201)


def _pool(on: BatchCall, body: Document) -> str:
    """Return the id of a job's pool, creating one that is to live as long as the job."""
    info = body.get("poolInfo") or {}
    automatic = info.get("autoPoolSpecification")
    if not automatic:
        if not info.get("poolId"):
            raise wrong_value("poolInfo", info, "give poolId or autoPoolSpecification.")
        return str(info["poolId"])
    if automatic.get("poolLifetimeOption") != "job":
        raise wrong_value(
            "autoPoolSpecification.poolLifetimeOption",
            automatic.get("poolLifetimeOption"),
            "the local cloud has no job schedules; it must be 'job'.",
        )
    name = f"{automatic.get('autoPoolIdPrefix') or ''}_{uuid.uuid4()}".strip("_")
    make_pool(on.records, automatic.get("pool") or {}, name)
    return name


def _list(on: BatchCall) -> Reply:
    return listed(on.call, map(shown, on.records.all("job")))


def _get(on: BatchCall) -> Reply:
    return answer(selected(on.call, shown(on.existing("job", "job"))))


def _update(on: BatchCall) -> Reply:
    body = {name: value for name, value in on.call.json().items() if name not in _CONSTANT}
    require_known(body, _KNOWN, _REFUSED, noun="job")
    with on.engine.changing:
        job = {**on.existing("job", "job"), **body, **on.records.touched()}
        on.records.put("job", job["id"], document=job)
        on.schedule()
    return on.accepted(job, 200)


def _terminate(on: BatchCall) -> Reply:
    with on.engine.changing:
        job = on.existing("job", "job")
        if job["state"] in ("terminating", "completed"):
            raise BatchRefusedError(
                409, "JobTerminating" if job["state"] == "terminating" else "JobCompleted",
                f"The job is already {job['state']}.",
            )  # fmt: skip
        reason = str(on.call.json().get("terminateReason") or "UserTerminate")
        info = {**job["executionInfo"], "terminateReason": reason}
        _end(on, moved(job, "terminating", on.records.now(), executionInfo=info), "terminated")
    return on.accepted(job, 202)


def _delete(on: BatchCall) -> Reply:
    with on.engine.changing:
        job = on.existing("job", "job")
        _end(on, moved(job, "deleting", on.records.now()), "deleted")
    return Reply(202)


def _end(on: BatchCall, job: JsonObject, reason: str) -> None:
    on.records.put("job", job["id"], document=job)
    on.engine.stop_tasks(
        on.records.account, "deleted" if reason == "deleted" else "terminated", job=job["id"]
    )
    on.schedule()


def _disable(on: BatchCall) -> Reply:
    what = str(on.call.json().get("disableTasks") or "")
    if what not in _DISABLED:
        raise wrong_value("disableTasks", what, f"it is one of {', '.join(_DISABLED)}.")
    with on.engine.changing:
        job = on.existing("job", "job")
        disabling = moved(job, "disabling", on.records.now())
        on.records.put("job", job["id"], document=disabling)
        if what != "wait":
            reason: Final = "requeued" if what == "requeue" else "terminated"
            on.engine.stop_tasks(on.records.account, reason, job=job["id"])
        on.schedule()
    return on.accepted(job, 202)


def _enable(on: BatchCall) -> Reply:
    with on.engine.changing:
        job = on.existing("job", "job")
        on.records.put("job", job["id"], document=moved(job, "active", on.records.now()))
        on.schedule()
    return on.accepted(job, 202)


def _counts(on: BatchCall) -> Reply:
    job = on.existing("job", "job")
    tasks = on.records.all("task", job["id"])
    slots = [int(task.get("requiredSlots") or 1) * instances(task) for task in tasks]
    counts = _counted(tasks, [1] * len(tasks))
    return answer({"taskCounts": counts, "taskSlotCounts": _counted(tasks, slots)})


def _counted(tasks: Sequence[Document], weights: Sequence[int]) -> JsonObject:
    """Return how many tasks are in each state, each counted with its weight."""
    found: JsonObject = dict.fromkeys(("active", "running", "completed", "succeeded", "failed"), 0)
    for task, weight in zip(tasks, weights, strict=True):
        found[_COUNTED.get(task["state"]) or str(task["state"])] += weight
        result = task["executionInfo"].get("result")
        if result:
            found["succeeded" if result == "success" else "failed"] += weight
    return found


ROUTES: Final = routes(
    (
        ("POST", "/jobs", _create),
        ("GET", "/jobs", _list),
        ("GET", "/jobs/{job}", _get),
        ("PATCH PUT", "/jobs/{job}", _update),
        ("DELETE", "/jobs/{job}", _delete),
        ("POST", "/jobs/{job}/terminate", _terminate),
        ("POST", "/jobs/{job}/disable", _disable),
        ("POST", "/jobs/{job}/enable", _enable),
        ("GET", "/jobs/{job}/taskcounts", _counts),
    )
)
