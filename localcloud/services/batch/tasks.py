"""Tasks: added, read, ended and deleted. What a node cannot do is refused when a task is added."""

import shlex
import shutil
from collections.abc import Iterable
from typing import Final

from infra.catalogue.durations import duration_s
from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Reply, answer
from localcloud.services.batch.execution import ENDED
from localcloud.services.batch.odata import listed, selected
from localcloud.services.batch.records import LOCAL, moved, shown
from localcloud.services.batch.refusals import BatchRefusedError, wrong_value
from localcloud.services.batch.service import BatchCall, new_id, require_known, routes

_KNOWN: Final = (
    "id", "displayName", "commandLine", "resourceFiles", "outputFiles", "environmentSettings",
    "affinityInfo", "constraints", "requiredSlots", "userIdentity", "multiInstanceSettings",
    "dependsOn",
)  # fmt: skip
_REFUSED: Final = {
    "applicationPackageReferences": "Put the files into resourceFiles.",
    "authenticationTokenSettings": "Pass credentials in environmentSettings.",
    "containerSettings": "Nodes of the local cloud run processes, not containers.",
    "exitConditions": "Give the tasks that follow dependsOn.",
}
_MOST_IN_COLLECTION: Final = 100
_SOURCES: Final = ("httpUrl", "storageContainerUrl", "autoStorageContainerName")


def _create(on: BatchCall) -> Reply:
    with on.engine.changing:
        job = on.existing("job", "job")
        task = _added(on, job, on.call.json())
        on.schedule()
    return on.accepted(task, 201)


def _create_many(on: BatchCall) -> Reply:
    bodies = on.call.json().get("value") or []
    if len(bodies) > _MOST_IN_COLLECTION:
        raise wrong_value("value", len(bodies), f"at most {_MOST_IN_COLLECTION} tasks at once.")
    results = []
    with on.engine.changing:
        job = on.existing("job", "job")
        for body in bodies:
            name = str(body.get("id") or "")
            try:
                task = _added(on, job, body)
            except BatchRefusedError as refusal:
                error = {key: value for key, value in refusal.body.items() if key[0] != "o"}
                results.append({"status": "clienterror", "taskId": name, "error": error})
            else:
                facts = {name: task[name] for name in ("eTag", "lastModified")}
                done = {"status": "success", "taskId": name, "location": task["url"], **facts}
                results.append(done)
        on.schedule()
    return answer({"value": results})


def _added(on: BatchCall, job: Document, body: Document) -> JsonObject:
    name = new_id(body)
    if job["state"] in ("terminating", "completed", "deleting"):
        raise BatchRefusedError(409, "JobCompleted", f"The job is {job['state']}.")
    require_known(body, _KNOWN, _REFUSED, noun="task")
    _require_runnable(job, body)
    task = on.records.new(
        f"jobs/{job['id']}/tasks/{name}",
        {"requiredSlots": 1, **body},
        "active",
        constraints=_constraints(job, body),
        executionInfo={"retryCount": 0, "requeueCount": 0},
    )
    if not on.records.add("task", job["id"], name, document=task):
        raise BatchRefusedError(409, "TaskExists", f"The specified task '{name}' already exists.")
    return task


def _constraints(job: Document, body: Document) -> JsonObject:
    given = {k: v for k, v in (body.get("constraints") or {}).items() if v is not None}
    inherited = job.get("constraints") or {}
    return {
        "maxWallClockTime": inherited["maxWallClockTime"],
        "retentionTime": "P7D",
        "maxTaskRetryCount": inherited["maxTaskRetryCount"],
        **given,
    }


def _require_runnable(job: Document, body: Document) -> None:
    """Refuse a task that no node could start."""
    settings = body.get("multiInstanceSettings") or {}
    _require_command("commandLine", body.get("commandLine"))
    if settings:
        coordination = "multiInstanceSettings.coordinationCommandLine"
        _require_command(coordination, settings.get("coordinationCommandLine"))
    if body.get("dependsOn") and not job.get("usesTaskDependencies"):
        raise BatchRefusedError(
            400,
            "TaskDependenciesNotSpecifiedOnJob",
            "The job does not use task dependencies; set its usesTaskDependencies.",
        )
    limit = (body.get("constraints") or {}).get("maxWallClockTime")
    if limit is not None and duration_s(str(limit)) is None:
        raise wrong_value("constraints.maxWallClockTime", limit, "it is not an ISO 8601 duration.")
    _require_files(body.get("resourceFiles") or ())
    _require_files(settings.get("commonResourceFiles") or ())
    for file in body.get("outputFiles") or ():
        container = (file.get("destination") or {}).get("container") or {}
        if not container.get("containerUrl") or container.get("identityReference"):
            raise wrong_value("outputFiles.destination", "…", "give a signed containerUrl.")


def _require_command(name: str, line: object) -> None:
    try:
        words = shlex.split(str(line or ""))
    except ValueError as error:
        raise wrong_value(name, line, f"{error}.") from None
    if not words:
        raise wrong_value(name, line, "it is required.")


def _require_files(files: Iterable[Document]) -> None:
    for file in files:
        if sum(1 for name in _SOURCES if file.get(name)) != 1:
            raise wrong_value("resourceFiles", file.get("filePath"), f"give one of {_SOURCES}.")
        if file.get("identityReference"):
            raise wrong_value("resourceFiles.identityReference", "…", "sign the URL instead.")


def _list(on: BatchCall) -> Reply:
    job = on.existing("job", "job")
    return listed(on.call, map(shown, on.records.all("task", job["id"])))


def _get(on: BatchCall) -> Reply:
    on.existing("job", "job")
    return answer(selected(on.call, shown(on.existing("task", "job", "task"))))


def _terminate(on: BatchCall) -> Reply:
    with on.engine.changing:
        on.existing("job", "job")
        task = on.existing("task", "job", "task")
        ids = (on.call.params["job"], task["id"])
        if task["state"] == "completed":
            raise BatchRefusedError(409, "TaskCompleted", "The task is already completed.")
        if on.engine.is_running(on.records.account, *ids):
            on.engine.stop_tasks(on.records.account, "terminated", job=ids[0], task=ids[1])
        else:
            info = {**task["executionInfo"], **ENDED, "endTime": on.records.now()}
            done = moved(task, "completed", on.records.now(), executionInfo=info)
            on.records.put("task", *ids, document=done)
        on.schedule()
    return on.accepted(task, 204)


def _reactivate(on: BatchCall) -> Reply:
    with on.engine.changing:
        on.existing("job", "job")
        task = on.existing("task", "job", "task")
        if task["state"] != "completed" or task["executionInfo"].get("result") == "success":
            raise BatchRefusedError(
                409, "TaskNotCompleted", "Only a completed task that has failed can be reactivated."
            )
        info = {"retryCount": 0, "requeueCount": task["executionInfo"].get("requeueCount") or 0}
        again = moved(task, "active", on.records.now(), executionInfo=info, nodeInfo=None)
        on.records.put("task", on.call.params["job"], task["id"], document=again)
        on.schedule()
    return on.accepted(task, 204)


def _delete(on: BatchCall) -> Reply:
    with on.engine.changing:
        on.existing("job", "job")
        task = on.existing("task", "job", "task")
        ids = (on.call.params["job"], task["id"])
        on.engine.stop_tasks(on.records.account, "deleted", job=ids[0], task=ids[1])
        on.records.remove("task", *ids)
        if task.get("nodeInfo"):
            pool = task["nodeInfo"]["poolId"]
            for node in task[LOCAL]["nodes"]:
                place = on.engine.place(on.records.account, pool, node)
                shutil.rmtree(place.task(*ids), ignore_errors=True)
        on.schedule()
    return Reply(200)


def _subtasks(on: BatchCall) -> Reply:
    on.existing("job", "job")
    task = on.existing("task", "job", "task")
    nodes = (task.get(LOCAL) or {}).get("nodes") or []
    info = task["executionInfo"]
    return answer(
        {
            "value": [
                {
                    "id": number,
                    "nodeInfo": {**task["nodeInfo"], "nodeId": node},
                    "state": task["state"] if task["state"] != "active" else "preparing",
                    "startTime": info.get("startTime"),
                    "endTime": info.get("endTime"),
                    "result": info.get("result"),
                }
                for number, node in enumerate(nodes[1:], 1)
            ]
        }
    )


ROUTES: Final = routes(
    (
        ("POST", "/jobs/{job}/tasks", _create),
        ("POST", "/jobs/{job}/addtaskcollection", _create_many),
        ("GET", "/jobs/{job}/tasks", _list),
        ("GET", "/jobs/{job}/tasks/{task}", _get),
        ("DELETE", "/jobs/{job}/tasks/{task}", _delete),
        ("POST", "/jobs/{job}/tasks/{task}/terminate", _terminate),
        ("POST", "/jobs/{job}/tasks/{task}/reactivate", _reactivate),
        ("GET", "/jobs/{job}/tasks/{task}/subtasksinfo", _subtasks),
    )
)
