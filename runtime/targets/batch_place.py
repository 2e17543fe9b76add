"""A task of an Azure Batch account, as the place of a carried run.

The run's files lie in the workspace's blob store, from where the node gets them and where it leaves
what it wrote. While the task runs, its files are read from the node, each from where the last
reading ended. A node that is taken away ends an attempt; the service starts the task on another.
"""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
from runtime.agent.files import Below, OutsideError, make_folder, readable_below
from runtime.agent.node_run import (
    INDEX,
    ROOT,
    STANDARD_FILES,
    STANDARD_LOGS,
    lost_text,
)
from runtime.environments.builders import uv_binary
from runtime.model.services import BatchOptions
from runtime.model.states import RunState
from runtime.targets.base import Report, left_out
from runtime.targets.batch_account import BatchAccount, reason_of
from runtime.targets.batch_bodies import (
    STANDARD_FOLDER,
    TASK,
    Laid,
    job_body,
    made_by,
    own_pool,
    parse_image,
    pool_body,
    resource_id,
    task_body,
)
from runtime.targets.batch_request import node_environment, node_request
from runtime.targets.batch_seen import Watched
from runtime.targets.batch_store import READ, WRITE, RunStore
from runtime.targets.folder_runs import agent_end
from runtime.targets.places import (
    FETCHED,
    FOLLOWED,
    Have,
    Heartbeat,
    Moved,
    Piece,
    PlaceEnd,
    Shipment,
    Sign,
    Teller,
)
from runtime.targets.run_folder import AGENT_EVENTS
from runtime.targets.ssh_trees import listed
from runtime.targets.workspace_transport import WorkspaceTransport

_POLL_S: Final = 0.4
_POOL_EVERY_S: Final = 10.0
_CANCEL_S: Final = 90.0
_SILENT_S: Final = 30.0
_AT_ONCE: Final = 8
_MOST_BYTES: Final = 1 << 20
_FOLLOWED: Final = tuple(f"{top}/" for top in FOLLOWED)
_FETCHED: Final = tuple(f"{top}/" for top in FETCHED)


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
        self._opened: tuple[BatchAccount, RunStore, WorkspaceTransport] | None = None
        self._canceled_at: float | None = None
        self._pool_seen = 0.0
        self._answers = True
        self._silent_since: float | None = None
        self._silent_s = 0.0

    # --- starting

    def start(self, shipment: Shipment, tell: Teller) -> None:
        try:
            if not self.started():
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
        return self._account.task(self._job, TASK) is not None

    def _start(self, shipment: Shipment, tell: Teller) -> None:
        shipment.check()
        pool = self._pool(tell)
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
        where = self._account.pool_of(self._job)
        tell.record("property", {"key": "aml.batch.job", "value": self._job})
        tell.step("scale up", f"task {TASK} of job {self._job} waits for pool {where}")
        tell.state(RunState.QUEUED)

    def _pool(self, tell: Teller) -> JsonObject:
        """Return the ``poolInfo`` of the job; make the pool if that is asked for."""
        options, account = self._options, self._account
        if options.pool:
            known = account.pool(options.pool)
            if known is None and not options.create_pool:
                pools = dict.fromkeys(account.pools())
                raise UnknownNameError(
                    f"The Batch account {account.name!r} has no pool {options.pool!r}.",
                    remedy=nearest(options.pool, pools, noun="pool")
                    if pools
                    else "Name none, and one is made for the run; or add `create_pool: true`.",
                )
            if known is None:
                account.create_pool({"id": options.pool, **self._pool_body()})
                Watched(pool=options.pool).write(self._file)
                tell.step("scale up", f"pool {options.pool} of {options.vm_size} is being made")
            elif self._nodes > 1 and not known.get("enableInterNodeCommunication"):
                raise UsageError(
                    f"The nodes of pool {options.pool!r} cannot reach each other.",
                    remedy="Name a pool with `enableInterNodeCommunication`, or none: one is made"
                    " for the run.",
                )
            return {"poolId": options.pool}
        tell.step("scale up", f"a pool of {options.vm_size} is being made for the run")
        return own_pool(self._run_id, self._pool_body())

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
            self._silent_since = None
        while task is not None:
            with self._reached():
                ended = task["state"] == "completed"
                again = self._again(task, watched, have)
                lost = again and not self._may_start_again(again, watched)
                if lost:
                    self._account.terminate_task(self._job, TASK)
            if again and not ended:
                yield Moved(RunState.QUEUED, f"The node {again} was taken away")
                waits = None
            if ended or lost:
                with self._reached():
                    rest = list(self._rest(watched, have))
                yield from rest
                yield self._end(task, again if lost else "")
                return
            with self._reached():
                told = self._waiting() if task["state"] == "active" else None
                pieces = self._pieces(watched, have) if task["state"] == "running" else []
                self._press(task)
                after = self._account.task(self._job, TASK)
                if _same(task, after) and task["state"] == "running":
                    self._require_answer(task, watched, have)
            if told and told != waits:
                yield told
                waits = told
            # Of another attempt, what was read belongs elsewhere.
            yield from pieces if _same(task, after) else ()
            yield Heartbeat()
            task = after
            time.sleep(_POLL_S)
        with self._reached():
            rest = list(self._rest(watched, have))
        yield from rest
        yield PlaceEnd(reason="The run's job was deleted in Batch before the run had ended.")

    def _again(self, task: Document, watched: Watched, have: Have) -> str:
        """Return the node that was lost since the task was last seen; ``""`` if none was."""
        requeues = int(task["executionInfo"].get("requeueCount") or 0)
        before, node = watched.node, str((task.get("nodeInfo") or {}).get("nodeId") or "")
        found = ""
        if requeues > watched.requeues and self._store.ended() is None:
            found = before or "of the task"
            watched.bases = {name: have(name) for name in self._known()}
        if requeues != watched.requeues or (node and node != before):
            watched.requeues, watched.node = requeues, node or before
            watched.write(self._file)
        return found

    def _may_start_again(self, lost: str, watched: Watched) -> bool:
        """Return whether the run goes on: a low-priority node is expected to be taken away."""
        return lost.endswith("_p") or watched.requeues <= self._restarts

    def _known(self) -> list[str]:
        folder = self._home / "runs" / self._run_id
        names = [f"{top}/{name}" for top in FOLLOWED for name in readable_below(folder / top)]
        return [AGENT_EVENTS, *names]

    def _pieces(self, watched: Watched, have: Have) -> list[Piece]:
        """Return what the files of a running task have beyond the bytes that are here."""
        index: dict[str, int] = {}
        text = self._read(f"wd/{ROOT}/{INDEX}", 0)
        self._answers = bool(text)
        with suppress(ValueError):  # not there yet, or replaced while it was read
            index = json.loads(text)
        found: list[Piece] = []
        for name, size in index.items():
            if size > have(name) - watched.bases.get(name, 0):
                standard = name.startswith(STANDARD_LOGS)
                place = name.removeprefix(STANDARD_LOGS) if standard else f"wd/{ROOT}/{name}"
                found += self._piece(place, name, watched, have)
        return found

    def _require_answer(self, task: Document, watched: Watched, have: Have) -> None:
        """Raise ``UnreachableError`` if a node whose files were there has none for a while."""
        if self._answers or have(AGENT_EVENTS) <= watched.bases.get(AGENT_EVENTS, 0):
            self._silent_since, self._silent_s = None, 0.0
            return
        now = time.monotonic()
        self._silent_since = self._silent_since or now - self._silent_s
        if now - self._silent_since >= _SILENT_S:
            self._silent_s = _SILENT_S  # the next look says so at once
            where = task.get("nodeInfo") or {}
            raise UnreachableError(
                f"The node {where.get('nodeId')} of pool {where.get('poolId')} does not answer.",
                remedy="Batch starts the task elsewhere once it has given the node up; see the"
                " node's state in the account.",
            )

    def _piece(self, place: str, name: str, watched: Watched, have: Have) -> list[Piece]:
        content = self._read(place, have(name) - watched.bases.get(name, 0))
        if name == AGENT_EVENTS:
            # The last word counts only once the node has sent its files: it may be lost before.
            content = content[: agent_end(content)]
        return [Piece(name, content)] if content else []

    def _read(self, place: str, at: int) -> bytes:
        return self._account.read(self._job, TASK, place, at, at + _MOST_BYTES - 1)

    def _rest(self, watched: Watched, have: Have) -> Iterator[Sign]:
        """Yield what is not here of a task that has ended: from its blobs, else from its node."""
        end, store = self._store.ended(), self._store
        for name in STANDARD_FILES:
            here = f"{STANDARD_LOGS}{name}"
            content = store.content(f"{STANDARD_FOLDER}/{name}")
            at = have(here) - watched.bases.get(here, 0)
            if content[at:]:
                yield Piece(here, content[at:])
        if end is None:
            read: dict[str, int] = {}
            while pieces := self._pieces(watched, lambda name: have(name) + read.get(name, 0)):
                for piece in pieces:
                    read[piece.name] = read.get(piece.name, 0) + len(piece.content)
                yield from pieces
            return
        attempt = int(end["attempt"])
        for name in store.left(attempt):
            if name != AGENT_EVENTS and not name.startswith(_FOLLOWED):
                continue
            content = store.content(f"files/{attempt}/{name}")
            at = have(name) - watched.bases.get(name, 0)
            if content[at:]:
                yield Piece(name, content[at:])

    def _waiting(self) -> Moved | None:
        """Return what a task waits for, looking at the pool now and then."""
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
            return Moved(RunState.QUEUED, f"Pool {name} is busy")
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
            end, below = self._store.ended(), Below(into)
            if end is None:
                self._fetch_from_node(below, report)
                return
            attempt = int(end["attempt"])
            names = [n for n in self._store.left(attempt) if n.startswith(_FETCHED)]
            for problem in end["problems"]:
                name, _, why = str(problem).partition(": ")
                report(f"{name.removeprefix('work/')} was not collected: {why}")
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                list(pool.map(lambda name: self._fetch(attempt, name, below, report), names))

    def _fetch(self, attempt: int, name: str, below: Below, report: Report) -> None:
        try:
            file = below.file(name)
            make_folder(file.parent)
            self._store.fetch(attempt, name, file)
        except (OSError, OutsideError) as error:
            report(left_out(name, error))

    def _fetch_from_node(self, below: Below, report: Report) -> None:
        """Read what a task left that could not send it, if its node is still there."""
        root = f"wd/{ROOT}/"
        for place in self._account.files(self._job, TASK, root):
            name = place.removeprefix(root)
            if name.startswith(_FETCHED):
                try:
                    with below.replacing(name) as sink:
                        sink.write(self._account.read(self._job, TASK, place))
                except (OSError, OutsideError) as error:
                    report(left_out(name, error))

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
            account, _, transport = self._opened
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

    def _connected(self) -> tuple[BatchAccount, RunStore, WorkspaceTransport]:
        if self._opened is None:
            local = self._settings["cloud"] == "local"
            client = local_client(self._home) if local else azure_client()
            transport = WorkspaceTransport(client, str(self._settings["workspace"]))
            try:
                account = BatchAccount(client, str(self._settings["account"]))
                self._opened = account, RunStore(transport, self._run_id), transport
            except BaseException:
                client.close()
                raise
        return self._opened

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Take what keeps us from a run that may go on for silence: it does not fail for it."""
        try:
            yield
        except (CredentialError, ProviderError) as error:
            raise UnreachableError(error.detail, remedy=error.remedy) from None


def _same(task: Document, after: Document | None) -> bool:
    """Return whether a task is still in the same attempt."""
    if after is None:
        return False
    count = "requeueCount"
    return bool((task["executionInfo"].get(count) or 0) == (after["executionInfo"].get(count) or 0))
