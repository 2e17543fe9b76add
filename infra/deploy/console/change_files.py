"""The changes of stacks that were planned in a browser: a folder of files for each.

A page reads them whenever it is asked for, so that its address is good for as long as the folder is
there. Who works on a change holds its lock: one whose lock is free has been left.
"""

import fcntl
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from difflib import unified_diff
from pathlib import Path
from typing import IO, Final, Literal

from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.private import private_file, private_folder
from infra.contract.stack_console import Change, ChangeState, PlannedStep, ResourceProgress

Kind = Literal["edit", "deploy", "adopt", "revert"]
_KEPT: Final = 50
_PAUSE_S: Final = 0.05
_LEFT: Final = "The process that worked on it has ended before it was done."
_LEFT_REMEDY: Final = "Deploy the stack again; `worker.log` in the change's folder may say why."


@dataclass(frozen=True, slots=True)
class ChangeFiles:
    """One change, in its folder."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def proposed(self) -> Path:
        """The stack file as it will be; secrets in it are encrypted."""
        return self.folder / "proposed.yaml"

    @property
    def base(self) -> Path:
        """The stack file that the change was made of."""
        return self.folder / "base.yaml"

    @property
    def log(self) -> Path:
        return self.folder / "worker.log"

    @property
    def facts(self) -> JsonObject:
        """``kind``, ``title``, ``stack`` and ``created``."""
        return self._read("change.json")

    def write(self, name: str, document: object) -> None:
        """Write one document, so that a reader sees the former one or this."""
        file = self.folder / name
        staged = private_file(file.with_suffix(".new"))
        staged.write_text(json.dumps(document), encoding="utf-8")
        staged.replace(file)

    def put(self, state: ChangeState, problem: str = "", remedy: str = "") -> None:
        """Write the state of the change, and why it is that."""
        self.write("state.json", {"state": state, "problem": problem, "remedy": remedy})

    def plan(
        self,
        steps: Sequence[PlannedStep],
        summary: str,
        warnings: Sequence[str],
        documents: Sequence[str] = (),
    ) -> None:
        """Write the plan: as it is shown, and as the one that is applied has to be."""
        shown = [asdict(step) for step in steps]
        plan = {"steps": shown, "summary": summary, "warnings": list(warnings)}
        self.write("plan.json", {**plan, "documents": list(documents)})

    @property
    def documents(self) -> Sequence[str]:
        """The steps of the plan that was shown, in comparable form."""
        return [str(each) for each in self._read("plan.json").get("documents") or ()]

    def append(self, progress: ResourceProgress) -> None:
        """Add news of one resource."""
        with private_file(self.folder / "progress.jsonl").open("a", encoding="utf-8") as sink:
            sink.write(f"{json.dumps(asdict(progress))}\n")

    def locked(self) -> IO[bytes] | None:
        """Return the locked file of whoever works on the change; ``None``: somebody does."""
        lock = private_file(self.folder / "busy.lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return None
        return lock

    @contextmanager
    def locking(self, timeout_s: float) -> Iterator[IO[bytes]]:
        """Hold the lock, once the process that worked on the change last has ended."""
        deadline = time.monotonic() + timeout_s
        while (lock := self.locked()) is None:
            if time.monotonic() > deadline:
                raise UsageError(
                    "Somebody works on this change.", remedy="Wait until that is done."
                )
            time.sleep(_PAUSE_S)
        with lock:
            yield lock

    def change(self) -> Change:
        """Return the change as it is now."""
        found, facts, plan = self._read("state.json"), self.facts, self._read("plan.json")
        change = Change(
            id=self.id,
            title=str(facts["title"]),
            state=ChangeState(found["state"]),
            created=float(facts["created"]),
            difference=tuple(self._difference()),
            steps=tuple(_step(each) for each in plan.get("steps") or ()),
            summary=str(plan.get("summary") or ""),
            warnings=tuple(plan.get("warnings") or ()),
            problem=str(found.get("problem") or ""),
            remedy=str(found.get("remedy") or ""),
            progress=tuple(self._progress()),
        )
        return self._left(change) if change.state.busy else change

    def _left(self, change: Change) -> Change:
        lock = self.locked()
        if lock is None:
            return change
        lock.close()
        # It may have ended well between the two looks.
        if self._read("state.json")["state"] != change.state:
            return self.change()
        progress = tuple(
            replace(each, state="interrupted") if each.state == "working" else each
            for each in change.progress
        )
        return replace(
            change,
            state=ChangeState.FAILED,
            problem=_LEFT,
            remedy=_LEFT_REMEDY,
            progress=progress,
        )

    def _difference(self) -> Iterator[str]:
        if not self.proposed.exists():
            return
        before, after = (
            file.read_text(encoding="utf-8").splitlines() for file in (self.base, self.proposed)
        )
        yield from unified_diff(before, after, "before", "after", lineterm="")

    def _progress(self) -> Iterator[ResourceProgress]:
        file = self.folder / "progress.jsonl"
        if not file.exists():
            return
        last: dict[str, ResourceProgress] = {}
        for line in file.read_text(encoding="utf-8").splitlines():
            each = ResourceProgress(**json.loads(line))
            last[f"{each.urn} {each.operation}"] = each
        yield from last.values()

    def _read(self, name: str) -> JsonObject:
        file = self.folder / name
        if not file.exists():
            return {}
        document: JsonObject = json.loads(file.read_text(encoding="utf-8"))
        return document


@dataclass(frozen=True, slots=True)
class ChangeStore:
    """The changes of one stack, below ``home``."""

    home: Path
    stack: str

    @property
    def _root(self) -> Path:
        return self.home / "changes" / self.stack

    def all(self) -> list[ChangeFiles]:
        """Return them, newest first."""
        folders = self._root.iterdir() if self._root.is_dir() else ()
        known = [each for each in folders if each.name.isdecimal()]
        complete = [each for each in known if (each / "state.json").exists()]
        return [ChangeFiles(each) for each in sorted(complete, key=_number, reverse=True)]

    def one(self, id: str) -> ChangeFiles:
        """Return one of them; ``UnknownNameError`` where there is none."""
        if id.isdecimal() and (self._root / id / "state.json").exists():
            return ChangeFiles(self._root / id)
        raise UnknownNameError(
            f"Stack {self.stack!r} has no planned change {id!r}.",
            remedy="The deployments page lists those that are known.",
        )

    @contextmanager
    def new(self, kind: Kind, title: str, base: str, proposed: str | None) -> Iterator[ChangeFiles]:
        """Make a change, which is there once the block has ended."""
        now = time.time()
        folder = private_folder(self._root / str(time.time_ns()))
        made = ChangeFiles(folder)
        facts = {"kind": kind, "title": title, "stack": self.stack, "created": now}
        made.write("change.json", facts)
        private_file(made.base).write_text(base, encoding="utf-8")
        if proposed is not None:
            private_file(made.proposed).write_text(proposed, encoding="utf-8")
        yield made
        self._prune()

    def _prune(self) -> None:
        for old in self.all()[_KEPT:]:
            if not old.change().state.busy:
                for file in old.folder.iterdir():
                    file.unlink()
                old.folder.rmdir()


def _step(document: Document) -> PlannedStep:
    return PlannedStep(**{**document, "lines": tuple(document["lines"])})


def _number(folder: Path) -> int:
    return int(folder.name)
