"""A task of an Azure Batch account, as the place of a carried run.

The run's files lie in the workspace's blob store, from where the node gets them and where it leaves
what it wrote. While the task runs, its files are read from the node (``batch_files``). A node that
is taken away ends an attempt; the service starts the task on another.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from infra.arm.client import azure_client, local_client
from infra.contract.errors import (
    CredentialError,
    PlatformError,
    ProviderError,
    RunFailedError,
    UnknownNameError,
    UnreachableError,
    UsageError,
)
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import nearest
from runtime.agent.files import Below
from runtime.agent.node_run import lost_text
from runtime.environments.uv_builder import uv_binary
from runtime.model.services import BatchOptions
from runtime.model.states import RunState
from runtime.targets.base import Report
from runtime.targets.batch_account import BatchAccount, reason_of
from runtime.targets.batch_bodies import (
    TASK,
    Laid,
    is_own,
    job_body,
    made_by,
    own_pool,
    parse_image,
    pool_body,
    resource_id,
    task_body,
)
from runtime.targets.batch_files import TaskFiles
from runtime.targets.batch_request import node_environment, node_request
from runtime.targets.batch_seen import Watched
from runtime.targets.batch_store import READ, WRITE, RunStore
from runtime.targets.places import (
    Have,
    Heartbeat,
    Moved,
    PlaceEnd,
    Shipment,
    Sign,
    Teller,
)
from runtime.targets.ssh_trees import listed
from runtime.targets.workspace_transport import WorkspaceTransport

_POLL_S: Final = 0.4
_POOL_EVERY_S: Final = 10.0
_CANCEL_S: Final = 90.0


class BatchPlace:
    """The task of one run. ``settings`` are those that ``BatchTarget`` writes."""

    def __init__(self, run_id: str, settings: Document, home: Path) -> None:
        self._run_id = run_id
        self._settings = settings
        self._home = home
        self._options = BatchOptions(**settings["options"])
        self._nodes = int(settings["node_count"])
        self._job = resource_id(run_id)
        self._restarts = int(settings["restarts"])
        self._file = home / "runs" / run_id / "batch.json"
        self._opened: tuple[BatchAccount, RunStore, TaskFiles, WorkspaceTransport] | None = None
        self._canceled_at: float | None = None
        self._pool_seen = 0.0

    # --- starting

    def start(self, shipment: Shipment, tell: Teller) -> None:
        try:
            if not self._started():
                self._start(shipment, tell)
        except UnreachableError as error:
            with suppress(PlatformError):
                self.release()
            raise RunFailedError(error.detail, remedy=error.remedy) from None
        except BaseException:
            with suppress(PlatformError):
                self.release()
            raise

    def started(self) -> bool:
        with self._reached():
            return self._started()

    def _started(self) -> bool:
        return self._account.task(self._job, TASK) is not None

    def _start(self, shipment: Shipment, tell: Teller) -> None:
        shipment.check()
        pool, waits = self._pool()
        shipment.check()

        def report(text: str) -> None:
            tell.record("message", {"text": text})

        tree = listed(shipment, "", report)
        store = self._store
        folder = store.send_tree(tree, shipment.task.experiment)
        shipment.check()
        environment = node_environment(shipment.task.environment)
        asked = node_request(
            shipment,
            tree.text,
            environment,
            container=store.signed(WRITE),
            folder=store.folder,
            tree_folder=folder,
            nodes=self._nodes,
            restarts=self._restarts,
        )
        laid = Laid(
            container=store.signed(READ),
            written=store.signed(WRITE),
            tree=folder,
            agent=store.signed(READ, store.send_agent(shipment.agent)),
            asked=store.signed(READ, store.ask(asked)),
            uv=store.signed(READ, store.send_uv(uv_binary())) if environment else "",
        )
        count = len(shipment.snapshot.files)
        tell.step("download", f"{count} file{'s' * (count != 1)} of the snapshot sent")
        shipment.check()
        task = task_body(
            laid,
            run_folder=store.folder,
            node_count=self._nodes,
            max_duration_s=shipment.task.max_duration_s,
            as_admin=self._options.as_admin,
        )
        self._account.create_job(job_body(self._run_id, pool, self._settings["priority"]))
        self._account.create_task(self._job, task)
        shipment.check()
        tell.record("property", {"key": "aml.batch.job", "value": self._job})
        tell.step("scale up", f"the run's task waits for {waits}")
        tell.state(RunState.QUEUED)

    def _pool(self) -> tuple[JsonObject, str]:
        """Return the ``poolInfo`` of the job and which pool it is; make it if that is asked for."""
        options, account = self._options, self._account
        made = f"of {options.vm_size}, made for the run"
        if options.pool:
            known = account.pool(options.pool)
            if known is None and not options.create_pool:
                pools = dict.fromkeys(str(p["id"]) for p in account.pools() if not is_own(p))
                raise UnknownNameError(
                    f"The Batch account {account.name!r} has no pool {options.pool!r}.",
                    remedy=nearest(options.pool, pools, noun="pool")
                    if pools
                    else "Name none, and one is made for the run; or add `create_pool: true`.",
                )
            if known is None:
                account.create_pool({"id": options.pool, **self._pool_body()})
                Watched(pool=options.pool).write(self._file)
                return {"poolId": options.pool}, f"pool {options.pool} {made}"
            if self._nodes > 1 and not known.get("enableInterNodeCommunication"):
                raise UsageError(
                    f"The nodes of pool {options.pool!r} cannot reach each other.",
                    remedy="Name a pool with `enableInterNodeCommunication`, or none: one is made"
                    " for the run.",
                )
            return {"poolId": options.pool}, f"pool {options.pool}"
        return own_pool(self._run_id, self._pool_body()), f"a pool {made}"

    def _pool_body(self) -> JsonObject:
        image = parse_image(self._options.image)
        offered = self._account.images()
        for each in offered:
            if image.is_offered(each["imageReference"]):
                sku = str(each["nodeAgentSKUId"])
                return pool_body(self._options, self._nodes, image, sku, self._run_id)
        names = (each["imageReference"] for each in offered if each.get("osType") == "linux")
        some = [":".join(str(n[k]) for k in ("publisher", "offer", "sku")) for n in names][:10]
        raise UnknownNameError(
            f"Batch offers no image {self._options.image!r} for nodes.",
            remedy=f"Name one of {', '.join(some)}.",
        )

    # --- following

    def follow(self, have: Have) -> Iterator[Sign]:
        with self._reached():
            watched = Watched.read(self._file)
            task = self._account.task(self._job, TASK)
            waits: Moved | None = None
            self._files.begin()
        while task is not None:
            with self._reached():
                ended = task["state"] == "completed"
                again = self._again(task, watched, have)
                lost = again and not self._may_start_again(again, watched)
                if lost:
                    self._account.terminate_task(self._job, TASK)
            if again:
                yield Moved(RunState.QUEUED, f"The node {again} was taken away", _requeued(task))
                waits = None
            if ended or lost:
                with self._reached():
                    rest = list(self._files.rest(watched, have))
                yield from rest
                yield self._end(task, again if lost else "")
                return
            with self._reached():
                told = self._waiting(waits) if task["state"] == "active" else None
                pieces = self._files.pieces(watched, have) if task["state"] == "running" else []
                self._press(task)
                after = self._account.task(self._job, TASK)
                if _same(task, after) and task["state"] == "running":
                    self._files.require_answer(task, watched, have)
            if told and told != waits:
                yield told
                waits = told
            # Of another attempt, what was read belongs elsewhere.
            yield from pieces if _same(task, after) else ()
            yield Heartbeat()
            task = after
            time.sleep(_POLL_S)
        with self._reached():
            rest = list(self._files.rest(watched, have))
        yield from rest
        yield PlaceEnd(reason="The run's job was deleted in Batch before the run had ended.")

    def _again(self, task: Document, watched: Watched, have: Have) -> str:
        """Return the node that was lost since the task was last seen; ``""`` if none was."""
        requeues = int(task["executionInfo"].get("requeueCount") or 0)
        before, node = watched.node, str((task.get("nodeInfo") or {}).get("nodeId") or "")
        found = ""
        if requeues > watched.requeues and goes_on(self._store.ended(), watched.requeues + 1):
            found = before or "of the task"
            watched.bases = {name: have(name) for name in self._files.names()}
        if requeues != watched.requeues or (node and node != before):
            watched.requeues, watched.node = requeues, node or before
            watched.write(self._file)
        return found

    def _may_start_again(self, lost: str, watched: Watched) -> bool:
        """Return whether the run goes on: a low-priority node is expected to be taken away."""
        return lost.endswith("_p") or watched.requeues <= self._restarts

    def _waiting(self, before: Moved | None) -> Moved | None:
        """Return what a task waits for, looking at the pool now and then.

        Once nodes were allocated for it, a task is not queued again unless one is taken away.
        """
        if time.monotonic() - self._pool_seen < _POOL_EVERY_S:
            return None
        self._pool_seen = time.monotonic()
        name = self._account.pool_of(self._job)
        pool = self._account.pool(name) if name else None
        if pool is None:
            return Moved(RunState.QUEUED, f"There is no pool {name} yet")
        counts = ("currentDedicatedNodes", "currentLowPriorityNodes")
        there = sum(int(pool.get(count) or 0) for count in counts)
        problems = [str(each.get("message")) for each in pool.get("resizeErrors") or ()]
        if there >= self._nodes:
            state = RunState.QUEUED if before is None else before.state
            return Moved(state, f"Pool {name} is busy")
        text = f"Pool {name} has {there} of {self._nodes} node(s)"
        return Moved(RunState.PROVISIONING, "; ".join([text, *problems]))

    def _press(self, task: Document) -> None:
        """End a task that does not stop, or that waited for too long."""
        limit = int(self._settings["queue_timeout_s"])
        if limit and task["state"] == "active" and self._waited_s(task) > limit:
            self._account.terminate_task(self._job, TASK)
        if self._canceled_at and time.monotonic() - self._canceled_at > _CANCEL_S:
            self._account.terminate_task(self._job, TASK)

    def _waited_s(self, task: Document) -> float:
        since = datetime.fromisoformat(task["stateTransitionTime"])
        return (datetime.now(UTC) - since).total_seconds()

    def _end(self, task: Document, lost: str) -> PlaceEnd:
        """Return how the task ended, in the words of the node or of the service."""
        if lost:
            return PlaceEnd(reason=lost_text(lost, self._restarts))
        info = task["executionInfo"]
        code = info.get("exitCode")
        said = str((self._store.ended() or {}).get("reason") or "") or reason_of(task)
        limit = int(self._settings["queue_timeout_s"])
        if limit and not info.get("startTime"):
            said = f"No node took the run within {limit} s, its queue timeout."
        return PlaceEnd(None if code is None else int(code), said)

    # --- ending

    def cancel(self) -> None:
        with self._reached():
            self._store.cancel()
            self._canceled_at = self._canceled_at or time.monotonic()
            task = self._account.task(self._job, TASK)
            if task is not None and task["state"] == "active":
                self._account.terminate_task(self._job, TASK)

    def fetch(self, into: Path, report: Report) -> None:
        with self._reached():
            self._files.fetch(Below(into), report)

    def release(self) -> None:
        with self._reached():
            if self._options.keep_job:
                self._account.terminate_task(self._job, TASK)  # the job ends with it
            else:
                self._account.delete_job(self._job)
            made = Watched.read(self._file).pool
            if made and self._options.delete_pool:
                pool = self._account.pool(made)
                if pool is not None and made_by(pool) == self._run_id:
                    self._account.delete_pool(made)
            self._store.clear()

    def close(self) -> None:
        if self._opened is not None:
            account, *_, transport = self._opened
            account.close()
            transport.close()
            self._opened = None

    # --- the account and the store

    @property
    def _account(self) -> BatchAccount:
        return self._connected()[0]

    @property
    def _store(self) -> RunStore:
        return self._connected()[1]

    @property
    def _files(self) -> TaskFiles:
        return self._connected()[2]

    def _connected(self) -> tuple[BatchAccount, RunStore, TaskFiles, WorkspaceTransport]:
        if self._opened is None:
            local = self._settings["cloud"] == "local"
            client = local_client(self._home) if local else azure_client()
            transport = WorkspaceTransport(client, str(self._settings["workspace"]))
            try:
                account = BatchAccount(client, str(self._settings["account"]))
                store = RunStore(transport, self._run_id)
                folder = self._home / "runs" / self._run_id
                files = TaskFiles(account, store, self._job, folder)
                self._opened = account, store, files, transport
            except BaseException:
                client.close()
                raise
        return self._opened

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Take what keeps us from a run that may go on for silence: it does not fail for it.

        The keys are asked for again then: they may be others now.
        """
        try:
            yield
        except (CredentialError, ProviderError) as error:
            self.close()
            raise UnreachableError(error.detail, remedy=error.remedy) from None


def _same(task: Document, after: Document | None) -> bool:
    """Return whether a task is still in the same attempt."""
    if after is None:
        return False
    count = "requeueCount"
    return bool((task["executionInfo"].get(count) or 0) == (after["executionInfo"].get(count) or 0))


def goes_on(end: Document | None, attempt: int) -> bool:
    """Return whether the loss of an attempt's node cut it off; ``end``: what a node said last.

    It may have ended before, and then none followed. The next one may have ended by now.
    """
    return end is None or int(end["attempt"]) > attempt


def _requeued(task: Document) -> float | None:
    """Return when a task was queued again, in seconds since the epoch."""
    last = task["executionInfo"].get("lastRequeueTime")
    return datetime.fromisoformat(last).timestamp() if last else None
