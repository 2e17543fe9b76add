"""The local target: each run is a process on this machine that outlives the submitter.

The target reads a run's state from the run's folder; ``local_run`` is the run's own process.
"""

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Final, Literal

from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from infra.contract.project import DEFAULT_STACK, manifest_file
from runtime.agent.events import read_events
from runtime.agent.files import Below, OutsideError, files_below, printable
from runtime.model.runs import PreparedRun, RunEvent, RunSpec
from runtime.model.states import NEXT, RunState
from runtime.targets.base import Handle, LogChunk, Report, RunStatus, left_out
from runtime.targets.run_folder import RunFolder, passed_task, task_of, write_task
from runtime.targets.standby import Standby, start_process

_LOST: Final = "The run's processes are gone, and none of them reported how the run ended."
_LOG_FOLDERS: Final = ("azureml-logs", "user_logs", "logs")
_TEXT: Final = (".txt", ".log")
_LOOK_EVERY_S: Final = 0.01
_LAST_LINES: Final = 10


class LocalTarget:
    """Runs on this machine, below ``<home>/runs``.

    ``interpreter`` runs scripts that have no environment of their own. ``manifest`` is that of
    ``stack``, whose workspace scripts reach; it need not exist.
    """

    name = "local"

    def __init__(
        self,
        home: Path,
        *,
        interpreter: str = sys.executable,
        manifest: Path | None = None,
        stack: str = DEFAULT_STACK,
    ) -> None:
        self._home = home.absolute()
        self._manifest = (manifest or manifest_file(self._home, stack)).absolute()
        self._stack = stack
        self._interpreter = interpreter
        self._standby: Standby | None = None

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's process and return at once."""
        folder = self._folder(run.run_id)
        private_folder(folder.path)
        # Of several submitters of one run id, only the first to hold the lock starts the run.
        lock = _lock_to_start(folder)
        if lock is not None:
            try:
                if not folder.started:
                    task = replace(
                        task_of(run, self._home, self._interpreter),
                        manifest=str(self._manifest),
                        stack=self._stack,
                    )
                    write_task(folder, task)
                    with passed_task(folder, task) as passed:
                        _start(folder, lock, passed, self._taken(folder))
            finally:
                os.close(lock)
        return Handle(self.name, run.run_id)

    def check(self, spec: RunSpec) -> None:
        """Raise ``NotDeployedError`` for data of a workspace, if the stack deployed none."""
        used = load("runtime.targets.run_places:uses_workspace")(spec)
        if used and not self._manifest.exists():
            raise NotDeployedError(
                f"Stack {self._stack!r} was never deployed, and the run needs its workspace for "
                f"{', '.join(used)}.",
                remedy=f"Run {stack_command('up', self._stack)}, or use local paths and addresses.",
            )

    def expect(self, standby: Standby) -> None:
        """Use a process that was started ahead, for the run it was started for."""
        self._standby = standby

    def close(self) -> None:
        """End a process that was started ahead of a run that never was."""
        if self._standby is not None:
            self._standby.close()
            self._standby = None

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        return {handle: self._status(handle, cursor) for handle, cursor in handles.items()}

    def cancel(self, handle: Handle) -> None:
        """Ask the run's process to stop; it forwards the signal to the script."""
        folder = self._folder(handle.reference)
        if not folder.path.is_dir() or not folder.alive():
            return
        # The file first: a process that has no signal handlers yet checks it once it has.
        private_file(folder.cancel_file)
        with suppress(OSError, ValueError):
            os.kill(int(folder.process_file.read_text(encoding="utf-8")), signal.SIGTERM)

    def logs(self, handle: Handle, offsets: Mapping[str, int]) -> Iterable[LogChunk]:
        work = self._folder(handle.reference).work
        for file in _log_files(work):
            name = file.relative_to(work).as_posix()
            chunk = _chunk(file, name, offsets.get(name, 0))
            if chunk.text:
                yield chunk

    def collect(self, handle: Handle, into: Path, report: Report) -> Sequence[Path]:
        folder = self._folder(handle.reference)
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
        del into  # no copies: the run's own folder is here
        return self._folder(handle.reference).work / folder

    def _taken(self, folder: RunFolder) -> Standby | None:
        standby = self._standby
        if standby is None or standby.folder != folder.path:
            return None
        self._standby = None
        return standby

    def _folder(self, run_id: str) -> RunFolder:
        return RunFolder(self._home / "runs" / run_id)

    def _status(self, handle: Handle, cursor: str) -> RunStatus:
        folder = self._folder(handle.reference)
        if not folder.path.is_dir():
            return RunStatus(RunState.FAILED, cursor=cursor, error=f"There is no {folder.path}.")
        status = _read(folder, cursor)
        if not status.state.final and folder.alive():
            return status
        _reap(folder)
        # Read again: it may have reported its end between the first read and the look at the lock.
        status = _read(folder, cursor)
        if status.state.final:
            return status
        load("runtime.agent.process_tree:kill_left")(handle.reference, marked=True)
        return replace(status, state=RunState.FAILED, error=_LOST + _last_words(folder))


def _last_words(folder: RunFolder) -> str:
    """Return the last lines that the run's processes wrote to standard error, if any."""
    with suppress(OSError):
        lines = folder.process_log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "".join(f"\n{line}" for line in lines[-_LAST_LINES:])
    return ""


def _lock_to_start(folder: RunFolder) -> int | None:
    """Return the lock, ``None`` if the run was started. Waits while another process polls."""
    lock = folder.try_lock()
    while lock is None and not folder.started:
        time.sleep(_LOOK_EVERY_S)
        lock = folder.try_lock()
    return lock


def _start(folder: RunFolder, lock: int, task: IO[bytes], standby: Standby | None) -> None:
    # The run holds its copy of the lock after this process closes its own.
    with private_file(folder.process_log).open("ab") as sink:
        if standby is None or not standby.start(lock, sink, task):
            start_process(folder.path, str(lock), folder.path, descriptor=lock, log=sink, task=task)


def _reap(folder: RunFolder) -> None:
    """Reap a process that has ended, if it is a child of this one."""
    with suppress(OSError, ValueError):
        os.waitpid(int(folder.process_file.read_text(encoding="utf-8")), os.WNOHANG)


def _read(folder: RunFolder, cursor: str) -> RunStatus:
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
