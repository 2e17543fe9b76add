"""The Batch service's scheduler: starts tasks on the nodes of pools, and settles jobs and pools.

A node is a folder, a task a process in it. Nothing polls: every change that could let a task start
calls ``schedule``. One lock guards documents and executions; threads of tasks take it to report.
"""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from threading import RLock
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.cloud import Cloud
from localcloud.nodes.processes import RECORD, kill_recorded
from localcloud.services.batch.execution import (
    ENDED,
    Assignment,
    Execution,
    Reason,
    TaskResult,
)
from localcloud.services.batch.places import NodePlace
from localcloud.services.batch.planning import instances, starts
from localcloud.services.batch.records import LOCAL, Records, accounts_with, moved
from localcloud.services.batch.transfers import Transfers

TaskKey = tuple[str, str, str]
_JOIN_S: Final = 10.0
_ACCOUNTS: Final = "Microsoft.Batch/batchAccounts"


class BatchEngine:
    """All accounts' pools and tasks. Every public method may be called from any thread."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "batch"
        cloud.reset_folders.append(self._folder)
        self._lock = RLock()
        self._running: dict[TaskKey, Execution] = {}
        self._stopped = False
        self._recover()

    @property
    def changing(self) -> AbstractContextManager[object]:
        """The lock for reading documents and writing them back."""
        return self._lock

    def place(self, account: str, pool: str, node: str) -> NodePlace:
        """Return the folder of a node."""
        return NodePlace(self._folder / account / pool.lower() / node)

    def busy(self, account: str, pool: str) -> Mapping[str, int]:
        """Return how many tasks run on each node of a pool that is not idle."""
        with self._lock:
            return Counter(
                node
                for execution in self._of_pool(account, pool)
                for node in execution.assignment.nodes
            )

    def schedule(self, account: str) -> None:
        """Start whatever can start now, and settle what has come to its end."""
        with self._lock:
            if self._stopped:
                return
            records = Records(self._cloud, account)
            jobs = records.all("job")
            for job in jobs:
                self._settle_job(records, job)
            for pool in records.all("pool"):
                self._settle_pool(records, pool)
            pools = [pool for pool in records.all("pool") if pool["state"] == "active"]
            jobs = records.all("job")
            for pool in pools:
                self._start_in(records, pool, jobs)

    def stop_tasks(
        self,
        account: str,
        reason: Reason,
        *,
        job: str = "",
        task: str = "",
        nodes: Iterable[str] = (),
    ) -> None:
        """Ask the running tasks of a job, one of them, or those on some nodes to stop."""
        wanted = set(nodes)
        with self._lock:
            for (of, in_job, named), execution in self._running.items():
                mine = in_job == job.lower() and task.lower() in ("", named)
                if of == account and (mine or wanted & set(execution.assignment.nodes)):
                    execution.stop(reason)

    def finish_waiting(self, records: Records, job: str) -> None:
        """Complete the tasks of a job that have not started, as ending the job does."""
        for task in records.all("task", job):
            if task["state"] == "active":
                info = {**task["executionInfo"], **ENDED, "endTime": records.now()}
                done = moved(task, "completed", records.now(), executionInfo=info)
                records.put("task", job, task["id"], document=done)

    def is_running(self, account: str, job: str, task: str = "") -> bool:
        """Return whether any task of a job, or that task, runs."""
        with self._lock:
            return any(
                key[:2] == (account, job.lower()) and task.lower() in ("", key[2])
                for key in self._running
            )

    def forget(self, account: str) -> None:
        """End everything of an account that was deleted."""
        with self._lock:
            mine = [key for key in self._running if key[0] == account]
            executions = [self._running.pop(key) for key in mine]
            Records(self._cloud, account).forget()
        _end(executions, "deleted")
        shutil.rmtree(self._folder / account, ignore_errors=True)

    def stop(self) -> None:
        """End all tasks; a later daemon starts them again, as after the restart of a node."""
        with self._lock:
            self._stopped = True
            executions = list(self._running.values())
        _end(executions, "requeued")

    def reset(self) -> None:
        with self._lock:
            executions = list(self._running.values())
            self._running.clear()
        _end(executions, "deleted")

    def remove_nodes(self, records: Records, pool: str, nodes: Iterable[str]) -> None:
        """Remove nodes, with everything on them."""
        for node in nodes:
            records.remove("node", pool, node)
            shutil.rmtree(self.place(records.account, pool, node).root, ignore_errors=True)

    def _of_pool(self, account: str, pool: str) -> list[Execution]:
        return [
            execution
            for (of, _, _), execution in self._running.items()
            if of == account and execution.assignment.pool.lower() == pool.lower()
        ]

    def _start_in(self, records: Records, pool: JsonObject, jobs: list[JsonObject]) -> None:
        slots = int(pool.get("taskSlotsPerNode") or 1)
        free = {
            node["id"]: slots
            for node in records.all("node", pool["id"])
            if node["state"] == "idle" and node["schedulingState"] == "enabled"
        }
        for execution in self._of_pool(records.account, pool["id"]):
            task = execution.assignment.task
            need = slots if instances(task) > 1 else int(task.get("requiredSlots") or 1)
            free |= {n: free[n] - need for n in execution.assignment.nodes if n in free}
        here = [
            job
            for job in jobs
            if job["state"] == "active" and _pool_of(job).lower() == pool["id"].lower()
        ]
        tasks = {job["id"]: records.all("task", job["id"]) for job in here}
        running = Counter(key[1] for key in self._running if key[0] == records.account)
        counts = {job["id"]: running[job["id"].lower()] for job in here}
        for each in starts(pool, free, here, tasks, counts):
            job = next(job for job in here if job["id"] == each.job)
            task = next(task for task in tasks[each.job] if task["id"] == each.task)
            self._begin(records, pool, job, task, each.nodes)

    def _begin(
        self,
        records: Records,
        pool: Document,
        job: Document,
        task: Document,
        nodes: tuple[str, ...],
    ) -> None:
        places = tuple(self.place(records.account, pool["id"], node) for node in nodes)
        folder = places[0].relative(job["id"], task["id"])
        url = f"{pool['url']}/nodes/{nodes[0]}"
        where = {
            "affinityId": nodes[0],
            "nodeUrl": url,
            "poolId": pool["id"],
            "nodeId": nodes[0],
            "taskRootDirectory": folder,
            "taskRootDirectoryUrl": f"{url}/files/{folder}",
        }
        started = moved(
            task, "preparing", records.now(), nodeInfo=where, **{LOCAL: {"nodes": list(nodes)}}
        )
        records.put("task", job["id"], task["id"], document=started)
        key = (records.account, job["id"].lower(), task["id"].lower())
        execution = Execution(
            Assignment(records, job, started, pool["id"], nodes, places),
            Transfers(self._cloud, storage_of(self._cloud, records.account)),
            partial(self._report, key),
            self._ended,
        )
        self._running[key] = execution
        execution.begin()

    def _report(self, key: TaskKey, state: str, info: JsonObject) -> None:
        with self._lock:
            records = Records(self._cloud, key[0])
            task = records.get("task", *key[1:])
            if task is None or key not in self._running:
                return
            known = {**task["executionInfo"], **info}
            changed = {**task, "executionInfo": known}
            if task["state"] != state:
                changed = moved(changed, state, records.now())
            records.put("task", *key[1:], document=changed)

    def _ended(self, execution: Execution, result: TaskResult) -> None:
        given = execution.assignment
        records, account = given.records, given.records.account
        key = (account, given.job["id"].lower(), given.task["id"].lower())
        with self._lock:
            if self._running.get(key) is not execution:
                return
            del self._running[key]
            task = records.get("task", *key[1:])
            if task is not None:
                records.put("task", *key[1:], document=_after(records, task, result))
            for node in given.nodes:
                self._count(records, given.pool, node, result)
            self.schedule(account)

    def _count(self, records: Records, pool: str, node: str, result: TaskResult) -> None:
        document = records.get("node", pool, node)
        if document is None:
            return
        good = result.info is not None and result.info["result"] == "success"
        document["totalTasksRun"] = int(document["totalTasksRun"]) + 1
        document["totalTasksSucceeded"] = int(document["totalTasksSucceeded"]) + good
        records.put("node", pool, node, document=document)

    def _settle_job(self, records: Records, job: JsonObject) -> None:
        """Complete or remove a job that is ending once none of its tasks runs."""
        name = job["id"]
        if job["state"] == "active" and _is_done(records, job):
            job = moved(job, "terminating", records.now())
            reason = {"terminateReason": "AllTasksCompleted"}
            job["executionInfo"] = {**job["executionInfo"], **reason}
        if job["state"] not in ("terminating", "deleting", "disabling"):
            return
        if self.is_running(records.account, name):
            records.put("job", name, document=job)
            return
        if job["state"] == "disabling":
            records.put("job", name, document=moved(job, "disabled", records.now()))
            return
        self.finish_waiting(records, name)
        self._drop_own_pool(records, job)
        if job["state"] == "terminating":
            info = {**job["executionInfo"], "endTime": records.now()}
            done = moved(job, "completed", records.now(), executionInfo=info)
            records.put("job", name, document=done)
            return
        for task in records.all("task", name):
            records.remove("task", name, task["id"])
        records.remove("job", name)

    def _drop_own_pool(self, records: Records, job: Document) -> None:
        """Delete the pool that was created for a job, unless it is to be kept."""
        automatic = (job.get("poolInfo") or {}).get("autoPoolSpecification") or {}
        pool = records.get("pool", _pool_of(job)) if automatic else None
        if pool is not None and not automatic.get("keepAlive"):
            records.put("pool", pool["id"], document=moved(pool, "deleting", records.now()))

    def _settle_pool(self, records: Records, pool: JsonObject) -> None:
        """Remove a pool that is being deleted, and nodes that are leaving, once they are idle."""
        nodes, busy = records.all("node", pool["id"]), self.busy(records.account, pool["id"])
        leaving = [
            node["id"]
            for node in nodes
            if (pool["state"] == "deleting" or node["state"] == "leavingpool")
            and not busy.get(node["id"])
        ]
        self.remove_nodes(records, pool["id"], leaving)
        left = len(nodes) - len(leaving)
        if pool["state"] == "deleting" and not left:
            records.remove("pool", pool["id"])
            shutil.rmtree(self._folder / records.account / pool["id"].lower(), ignore_errors=True)
        elif pool["allocationState"] == "resizing" and not any(
            node["state"] == "leavingpool" for node in records.all("node", pool["id"])
        ):
            records.put("pool", pool["id"], document=steady(records, pool))

    def _recover(self) -> None:
        """Kill what an earlier daemon left running; its tasks start again."""
        for record in self._folder.glob(f"*/*/*/workitems/*/job-1/*/{RECORD}"):
            kill_recorded(record)
            record.unlink(missing_ok=True)
        for account in accounts_with(self._cloud, "job"):
            records = Records(self._cloud, account)
            for job in records.all("job"):
                for task in records.all("task", job["id"]):
                    if task["state"] in ("preparing", "running"):
                        again = _after(records, task, TaskResult(None))
                        records.put("task", job["id"], task["id"], document=again)
            self.schedule(account)


def storage_of(cloud: Cloud, account: str) -> str:
    """Return the name of a Batch account's auto-storage account, empty if it has none."""
    found = cloud.store.resources.of_type(_ACCOUNTS, name=account, now=cloud.clock())
    storage = (found[0].properties.get("autoStorage") or {}) if found else {}
    return str(storage.get("storageAccountId") or "").rpartition("/")[2].lower()


def steady(records: Records, pool: Document) -> JsonObject:
    """Return a pool after its nodes have come or gone."""
    nodes = records.all("node", pool["id"])
    dedicated = sum(1 for node in nodes if node["isDedicated"])
    return {
        **pool,
        "allocationState": "steady",
        "allocationStateTransitionTime": records.now(),
        "currentDedicatedNodes": dedicated,
        "currentLowPriorityNodes": len(nodes) - dedicated,
    }


def _pool_of(job: Document) -> str:
    return str(job["executionInfo"]["poolId"])


def _is_done(records: Records, job: Document) -> bool:
    """Return whether a job ends by itself: it has tasks, and all of them are completed."""
    if job.get("onAllTasksComplete") != "terminatejob":
        return False
    tasks = records.all("task", job["id"])
    return bool(tasks) and all(task["state"] == "completed" for task in tasks)


def _after(records: Records, task: Document, result: TaskResult) -> JsonObject:
    """Return a task that has ended, or is queued again because its node was taken away."""
    if result.info is not None:
        info = {**task["executionInfo"], **result.info}
        return moved(task, "completed", records.now(), executionInfo=info)
    again = int(task["executionInfo"].get("requeueCount") or 0) + 1
    info = {"retryCount": 0, "requeueCount": again, "lastRequeueTime": records.now()}
    return moved(task, "active", records.now(), executionInfo=info, nodeInfo=None)


def _end(executions: Iterable[Execution], reason: Reason) -> None:
    ended: list[Execution] = list(executions)
    for execution in ended:
        execution.stop(reason)
    for execution in ended:
        execution.join(_JOIN_S)
