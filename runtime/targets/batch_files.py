"""What the task of a run on Batch writes: read from its node while it runs, then from its blobs."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.errors import UnreachableError
from infra.contract.json_types import Document
from runtime.agent.files import Below, OutsideError, make_folder, readable_below
from runtime.agent.node_run import INDEX, ROOT, STANDARD_FILES, STANDARD_LOGS
from runtime.targets.base import Report, left_out
from runtime.targets.batch_account import BatchAccount
from runtime.targets.batch_bodies import STANDARD_FOLDER, TASK
from runtime.targets.batch_seen import Watched
from runtime.targets.batch_store import RunStore
from runtime.targets.folder_runs import agent_end
from runtime.targets.places import FETCHED, FOLLOWED, Have, Piece, Sign
from runtime.targets.run_folder import AGENT_EVENTS

_SILENT_S: Final = 30.0
_AT_ONCE: Final = 8
_MOST_BYTES: Final = 1 << 20
_FOLLOWED: Final = tuple(f"{top}/" for top in FOLLOWED)
_FETCHED: Final = tuple(f"{top}/" for top in FETCHED)


class TaskFiles:
    """The files of one task. ``folder`` is where those that were read are kept."""

    def __init__(self, account: BatchAccount, store: RunStore, job: str, folder: Path) -> None:
        self._account = account
        self._store = store
        self._job = job
        self._folder = folder
        self._answers = True
        self._silent_since: float | None = None
        self._silent_s = 0.0

    def begin(self) -> None:
        """Forget since when the node is silent: nobody looked meanwhile."""
        self._silent_since = None

    def names(self) -> list[str]:
        """Return what is here of the run."""
        names = [f"{top}/{name}" for top in FOLLOWED for name in readable_below(self._folder / top)]
        return [AGENT_EVENTS, *names]

    def pieces(self, watched: Watched, have: Have) -> list[Piece]:
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

    def require_answer(self, task: Document, watched: Watched, have: Have) -> None:
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

    def rest(self, watched: Watched, have: Have) -> Iterator[Sign]:
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
            while pieces := self.pieces(watched, lambda name: have(name) + read.get(name, 0)):
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

    def fetch(self, below: Below, report: Report) -> None:
        """Copy what the run left: from its blobs, else from its node."""
        end = self._store.ended()
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
