"""Targets whose runs report through a folder on this machine: what reads it.

The run's own process (``local_run``), or the process that carries a run elsewhere (``carrier``),
writes events, logs and outputs there; nothing here starts or stops anything.
"""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, Final, Literal

from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.agent.events import read_events
from runtime.agent.files import Below, OutsideError, files_below, printable
from runtime.model.runs import RunEvent, RunSpec
from runtime.model.states import NEXT, RunState
from runtime.targets.base import Handle, LogChunk, Report, RunStatus, left_out
from runtime.targets.run_folder import RunFolder, Task, passed_task, write_task

_LOG_FOLDERS: Final = ("azureml-logs", "user_logs", "logs")
_TEXT: Final = (".txt", ".log")
_LOOK_EVERY_S: Final = 0.01
_LAST_LINES: Final = 10
_FINAL: Final = frozenset(state for state in RunState if state.final)


class FolderRuns:
    """Runs below ``<home>/runs``, as their folders tell of them."""

    def __init__(self, name: str, home: Path) -> None:
        self.name = name
        self._home = home.absolute()

    def logs(self, handle: Handle, offsets: Mapping[str, int]) -> Iterable[LogChunk]:
        """Yield what each log has beyond its offset."""
        work = self.folder(handle.reference).work
        for file in _log_files(work):
            name = file.relative_to(work).as_posix()
            chunk = _chunk(file, name, offsets.get(name, 0))
            if chunk.text:
                yield chunk

    def collect(self, handle: Handle, into: Path, report: Report) -> Sequence[Path]:
        """Copy the outputs, logs and artifacts of a finished run."""
        folder = self.folder(handle.reference)
        trees = [(folder.work / name, f"{name}/") for name in ("outputs", *_LOG_FOLDERS)]
        below, collected = Below(into), set()
        for source, prefix in [*trees, (folder.artifacts, "")]:
            for name, problem in files_below(source):
                if problem:
                    report(f"{printable(prefix + name)} was not collected: {problem}")
                    continue
                try:
                    collected.add(_copied(source / name, below, prefix + name))
                except (OutsideError, OSError) as error:
                    report(left_out(prefix + name, error))
        return sorted(collected)

    def mirror(self, handle: Handle, folder: str, into: Path) -> Path:
        """Return the run's own folder; nothing is copied."""
        del into
        return self.folder(handle.reference).work / folder

    def begin(self, task: Task, start: Callable[[RunFolder, int, IO[bytes]], None]) -> Handle:
        """Start the process of a run, unless it was; return at once.

        ``start`` is given the run's lock, which the process holds from then on, and its task.
        """
        folder = self.folder(task.run_id)
        private_folder(folder.path)
        # Of several submitters of one run id, only the first to hold the lock starts the run.
        lock = lock_to_start(folder)
        if lock is not None:
            try:
                if not folder.started:
                    write_task(folder, task)
                    with passed_task(folder, task) as passed:
                        start(folder, lock, passed)
            finally:
                os.close(lock)
        return Handle(self.name, task.run_id)

    def folder(self, run_id: str) -> RunFolder:
        """Return the folder of a run, which need not exist."""
        return RunFolder(self._home / "runs" / run_id)


def require_data(spec: RunSpec, home: Path, manifest: Path, stack: str) -> None:
    """Raise what is wrong with a run's data in a workspace.

    ``NotDeployedError`` if the stack deployed none, ``DefinitionError`` for inputs that are not
    in it: registered ones, and paths of datastores.
    """
    if not (spec.inputs or spec.outputs):
        return
    used = load("runtime.targets.run_places:uses_workspace")(spec)
    if used and not manifest.exists():
        raise NotDeployedError(
            f"Stack {stack!r} was never deployed, and the run needs its workspace for "
            f"{', '.join(used)}.",
            remedy=f"Run {stack_command('up', stack)}, or use local paths and addresses.",
        )
    if any(map(load("runtime.targets.run_places:is_looked_up"), spec.inputs)):
        open_transport = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
        make = load("runtime.targets.run_places:Workspace")
        with closing(open_transport(home, manifest, stack)) as transport:
            load("runtime.targets.run_places:check_inputs")(spec, make(transport))


def ask_to_stop(folder: RunFolder) -> None:
    """Ask the process of a run to stop."""
    # The file first: a process that has no signal handlers yet checks it once it has.
    private_file(folder.cancel_file)
    with suppress(OSError, ValueError):
        os.kill(int(folder.process_file.read_text(encoding="utf-8")), signal.SIGTERM)


def last_words(folder: RunFolder) -> str:
    """Return the last lines that the run's processes wrote to standard error, if any."""
    with suppress(OSError):
        lines = folder.process_log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "".join(f"\n{line}" for line in lines[-_LAST_LINES:])
    return ""


def lock_to_start(folder: RunFolder) -> int | None:
    """Return the lock, ``None`` if the run was started. Waits while another process polls."""
    lock = folder.try_lock()
    while lock is None and not folder.started:
        time.sleep(_LOOK_EVERY_S)
        lock = folder.try_lock()
    return lock


def reap(folder: RunFolder) -> None:
    """Reap a process that has ended, if it is a child of this one."""
    with suppress(OSError, ValueError):
        os.waitpid(int(folder.process_file.read_text(encoding="utf-8")), os.WNOHANG)


def agent_end(content: bytes) -> int:
    """Return where the agent's last event begins: its final state; else the end of the lines."""
    at = 0
    for line in content[: content.rfind(b"\n") + 1].splitlines(keepends=True):
        for event in read_events(line):
            data = event["data"]
            if event["kind"] == "state" and not data.get("run") and data.get("state") in _FINAL:
                return at
        at += len(line)
    return at


def last_state(content: bytes) -> Document | None:
    """Return the data of the agent's last event, its final state; ``None`` without one."""
    events = read_events(content[agent_end(content) : content.rfind(b"\n") + 1])
    return next((event["data"] for event in events), None)


def read_status(folder: RunFolder, cursor: str) -> RunStatus:
    """Fold the events beyond the cursor, ``<own offset>:<agent offset>:<state>``."""
    own_at, agent_at, state_then = cursor.split(":") if cursor else ("0", "0", "NotStarted")
    own, own_end = _events(folder.own_events, int(own_at), "service")
    agent, agent_end = _events(folder.agent_events, int(agent_at), "agent")
    events = sorted([*own, *agent], key=lambda event: event.time)
    state, last = fold_state(RunState(state_then), events)
    if state.final and last is None:
        last = _final_data(folder)
    found = last or {}
    return RunStatus(
        state,
        tuple(events),
        f"{own_end}:{agent_end}:{state}",
        found.get("exit_code"),
        found.get("error"),
    )


def fold_state(state: RunState, events: Iterable[RunEvent]) -> tuple[RunState, Document | None]:
    """Return the state after ``events``, and the data of the final state's event."""
    final = None
    for event in events:
        if event.kind != "state" or event.data.get("run"):
            continue
        if (to := RunState(event.data["state"])) in NEXT[state]:
            state = to
            final = event.data if state.final else None
    return state, final


def _final_data(folder: RunFolder) -> Document:
    events = [
        *_events(folder.own_events, 0, "service")[0],
        *_events(folder.agent_events, 0, "agent")[0],
    ]
    return fold_state(RunState.NOT_STARTED, sorted(events, key=lambda e: e.time))[1] or {}


def _events(
    file: Path, offset: int, origin: Literal["service", "agent"]
) -> tuple[list[RunEvent], int]:
    """Return the events of a file beyond an offset, and the offset of the next line."""
    if not file.exists():
        return [], offset
    with file.open("rb") as source:
        source.seek(offset)
        content = source.read()
    whole = content[: content.rfind(b"\n") + 1]
    events = [RunEvent(origin=origin, **event) for event in read_events(whole)]
    return events, offset + len(whole)


def _copied(file: Path, below: Below, name: str) -> Path:
    with file.open("rb") as content, below.replacing(name) as copy:
        shutil.copyfileobj(content, copy)
    return below.file(name)


def _log_files(work: Path) -> Iterator[Path]:
    for folder in _LOG_FOLDERS:
        files = (file for file in (work / folder).rglob("*") if file.suffix in _TEXT)
        yield from sorted(file for file in files if file.is_file())


def _chunk(file: Path, name: str, offset: int) -> LogChunk:
    """Return the new text of a log, without splitting a character."""
    with file.open("rb") as source:
        source.seek(offset)
        content = source.read()
    with suppress(UnicodeDecodeError):
        return LogChunk(name, content.decode(), offset + len(content))
    cut = next((n for n in range(1, 4) if _decodes(content[:-n])), 0)
    whole = content[:-cut] if cut else content
    return LogChunk(name, whole.decode(errors="replace"), offset + len(whole))


def _decodes(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
