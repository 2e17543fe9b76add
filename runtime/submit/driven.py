"""Parent runs whose driver is a detached process on this machine: sweeps and pipelines.

The parent's folder, ``<home>/runs/<run id>/``, holds what the driver was given, its journal, its
events and its logs. The driver holds the folder's lock while it is alive. Whoever polls a parent
that has not ended and has no driver starts one again, so a killed driver costs nothing but time:
a driver reads its journal first, and continues from there. ``driver_process`` is the process.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.private import private_file, private_folder
from infra.contract.variables import without_deployment
from runtime.history.store import History
from runtime.model.runs import PreparedRun, RunRecord
from runtime.model.states import RunState
from runtime.targets.base import DRIVEN, Handle, LogChunk, Report, RunStatus
from runtime.targets.finding import LOCAL
from runtime.targets.folder_runs import FolderRuns, ask_to_stop, last_words, read_status
from runtime.targets.run_folder import RunFolder

JOURNAL: Final = "journal.jsonl"
_TASK: Final = "driver.json"
_STARTS: Final = "starts.json"
_MOST_IN_VAIN: Final = 5
"""How often a driver is started again if none of them got any further."""
_GONE: Final = "Its driver ended {count} times before it got any further. Its last lines:"


@dataclass(frozen=True, slots=True)
class DrivenTask:
    """What the driver of a parent run is given, kept in the parent's folder.

    ``driver`` is a row of ``driver_process.DRIVERS``, or an import path. ``plan`` is a JSON
    document that only the driver reads; it holds no secrets. ``variables`` are the names of
    environment variables whose values the driver needs and that are not kept: the process that
    starts it passes them on.
    ``manifest`` is the file of ``stack``.
    """

    driver: str
    plan: JsonObject
    stack: str
    manifest: str
    variables: tuple[str, ...] = ()


def start(
    home: Path,
    history: History,
    record: RunRecord,
    task: DrivenTask,
    values: Mapping[str, str],
) -> None:
    """Add a parent run to the history and start its driver.

    ``values`` are those of ``task.variables``. Killed at any moment, the run is not in the history,
    or the next poll starts its driver.
    """
    folder = driven_folder(home, record.run_id)
    private_folder(folder.path)
    private_folder(folder.work)
    with tempfile.NamedTemporaryFile("w", dir=folder.path, delete=False, encoding="utf-8") as sink:
        json.dump(asdict(task), sink)
    Path(sink.name).replace(folder.path / _TASK)
    history.add(replace(record, handle=DRIVEN))
    lock = folder.try_lock()
    if lock is not None:
        _start_process(folder, lock, values)


def resume(home: Path, run_id: str, given: Mapping[str, str] | None = None) -> bool:
    """Start the driver of a parent that has none; ``False`` if it has one or has ended.

    ``given`` are values of variables, beside those of this process. Raises ``UsageError`` that
    names the variables without one.
    """
    folder = driven_folder(home, run_id)
    task = read_task(folder)
    if read_status(folder, "").state.final:
        return False
    known = {**os.environ, **(given or {})}
    missing = [name for name in task.variables if name not in known]
    lock = folder.try_lock()
    if lock is None:
        return False
    if missing:
        os.close(lock)
        raise UsageError(
            f"Run {run_id} has environment variables whose values are not kept: "
            f"{', '.join(missing)}.",
            remedy=f"Set them in this shell, then `aml run resume {run_id}`; or give each with"
            " `--variable NAME=VALUE`.",
        )
    _start_process(folder, lock, {name: known[name] for name in task.variables})
    return True


def driven_folder(home: Path, run_id: str) -> RunFolder:
    """Return the folder of a parent run."""
    return RunFolder(home / "runs" / run_id)


def read_task(folder: RunFolder) -> DrivenTask:
    """Return what the driver was given."""
    document: JsonObject = json.loads((folder.path / _TASK).read_text(encoding="utf-8"))
    variables: Sequence[str] = document.pop("variables")
    return DrivenTask(**document, variables=tuple(variables))


class DrivenRuns:
    """One driven parent run, as a target: it answers from the parent's folder."""

    name = LOCAL

    def __init__(self, home: Path, run_id: str) -> None:
        self._home = home.absolute()
        self._run_id = run_id
        self._files = FolderRuns(LOCAL, self._home)

    def launch(self, run: PreparedRun) -> Handle:
        raise AssertionError(f"{run.run_id} is started by its driver")

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        """Return the parent's status. A parent without a driver gets one."""
        return {handle: self._status(cursor) for handle, cursor in handles.items()}

    def cancel(self, handle: Handle) -> None:
        """Ask the driver to cancel the children that run; it then ends the parent as canceled."""
        del handle
        folder = driven_folder(self._home, self._run_id)
        if folder.path.is_dir() and not read_status(folder, "").state.final:
            ask_to_stop(folder)
            self._status("")

    def logs(self, handle: Handle, offsets: Mapping[str, int]) -> Iterable[LogChunk]:
        del handle
        return self._files.logs(self._own, offsets)

    def collect(self, handle: Handle, into: Path, report: Report) -> Sequence[Path]:
        del handle
        return self._files.collect(self._own, into, report)

    def mirror(self, handle: Handle, folder: str, into: Path) -> Path:
        del handle
        return self._files.mirror(self._own, folder, into)

    @property
    def _own(self) -> Handle:
        return Handle(LOCAL, self._run_id)

    def _status(self, cursor: str) -> RunStatus:
        folder = driven_folder(self._home, self._run_id)
        if not folder.path.is_dir():
            return RunStatus(RunState.FAILED, cursor=cursor, error=f"There is no {folder.path}.")
        alive = folder.alive()
        # Read after the look at the lock: a driver that has gone has written all it had to say.
        status = read_status(folder, cursor)
        if status.state.final or alive:
            return status
        count = _in_vain(folder)
        if count > _MOST_IN_VAIN:
            error = _GONE.format(count=count) + last_words(folder)
            return replace(status, state=RunState.FAILED, error=error)
        try:
            resume(self._home, self._run_id)
        except UsageError:
            waits = status.state is RunState.RUNNING
            return replace(status, state=RunState.NOT_RESPONDING if waits else status.state)
        return status


def _in_vain(folder: RunFolder) -> int:
    """Count this start; return how many there were since the run last got any further."""
    file = folder.path / _STARTS
    written = [_size(folder.path / JOURNAL), _size(folder.own_events)]
    before: JsonObject = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    count = int(before.get("count", 0)) + 1 if before.get("written") == written else 0
    partial = private_file(folder.path / f".{os.getpid()}-{_STARTS}")
    partial.write_text(json.dumps({"written": written, "count": count}), encoding="utf-8")
    partial.replace(file)
    return count


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _start_process(folder: RunFolder, lock: int, values: Mapping[str, str]) -> None:
    """Start the driver, which holds the lock from now on; this process closes its copy."""
    try:
        with (
            private_file(folder.process_log).open("ab") as sink,
            tempfile.TemporaryFile(dir=folder.path) as passed,
        ):
            passed.write(json.dumps(dict(values)).encode())
            passed.seek(0)
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "runtime.submit.driver_process"),
                    *(str(folder.path.absolute()), str(lock)),
                ],
                cwd=folder.path,
                stdin=passed,
                stdout=sink,
                stderr=sink,
                env=without_deployment(os.environ),
                start_new_session=True,  # Ctrl-C in the submitter's terminal must not reach it
                pass_fds=(lock,),
            )
            process.returncode = 0  # never waited for; Popen would warn about that
    finally:
        os.close(lock)
