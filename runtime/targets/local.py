"""The local target: each run is a process on this machine that outlives the submitter.

The target reads a run's state from the run's folder; ``local_run`` is the run's own process.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from infra.contract.load import load
from infra.contract.private import private_file
from infra.contract.project import DEFAULT_STACK, manifest_file
from runtime.model.runs import PreparedRun, RunSpec
from runtime.model.states import RunState
from runtime.targets.base import Handle, RunStatus
from runtime.targets.folder_runs import (
    FolderRuns,
    ask_to_stop,
    last_words,
    read_status,
    reap,
    require_data,
)
from runtime.targets.run_folder import RunFolder, task_of
from runtime.targets.standby import Preloaded, Standby, start_process

_LOST: Final = "The run's processes are gone, and none of them reported how the run ended."


class LocalTarget(FolderRuns):
    """Runs on this machine, below ``<home>/runs``.

    ``interpreter`` runs scripts that have no environment of their own. ``manifest`` is that of
    ``stack``, whose workspace scripts reach; it need not exist.
    """

    def __init__(
        self,
        home: Path,
        *,
        interpreter: str = sys.executable,
        manifest: Path | None = None,
        stack: str = DEFAULT_STACK,
    ) -> None:
        super().__init__("local", home)
        self._manifest = (manifest or manifest_file(self._home, stack)).absolute()
        self._stack = stack
        self._interpreter = interpreter
        self._standby: Standby | None = None
        self._preloaded: Preloaded | None = None

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's process and return at once."""
        task = replace(
            task_of(run, self._home, self._interpreter),
            manifest=str(self._manifest),
            stack=self._stack,
        )
        return self.begin(task, self._start)

    def check(self, spec: RunSpec) -> None:
        """Raise ``PlatformError`` for data of a workspace that is not there."""
        require_data(spec, self._home, self._manifest, self._stack)

    def plan(self, spec: RunSpec) -> str:
        """Raise ``UsageError`` for a run that needs more GPUs than this machine has."""
        if spec.gpus:
            load("runtime.targets.gpus:require_here")(spec)
        return ""

    def preload(self) -> None:
        """Have a process ready for many runs, which start faster then."""
        if self._preloaded is None:
            self._preloaded = load("runtime.targets.preloaded:PreloadedProcess")()

    def expect(self, standby: Standby) -> None:
        """Use a process that was started ahead, for the run it was started for."""
        self._standby = standby

    def close(self) -> None:
        """End the processes that were started ahead of runs."""
        if self._preloaded is not None:
            self._preloaded.close()
            self._preloaded = None
        if self._standby is not None:
            self._standby.close()
            self._standby = None

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        return {handle: self._status(handle, cursor) for handle, cursor in handles.items()}

    def cancel(self, handle: Handle) -> None:
        """Ask the run's process to stop; it forwards the signal to the script."""
        folder = self.folder(handle.reference)
        if folder.path.is_dir() and folder.alive():
            ask_to_stop(folder)

    def _start(self, folder: RunFolder, lock: int, task: IO[bytes]) -> None:
        # The run holds its copy of the lock after this process closes its own.
        standby = self._taken(folder)
        with private_file(folder.process_log).open("ab") as sink:
            if standby is not None and standby.start(lock, sink, task):
                return
            if self._preloaded is not None and self._preloaded.start(folder.path, lock, sink, task):
                return
            start_process(folder.path, str(lock), folder.path, descriptor=lock, log=sink, task=task)

    def _taken(self, folder: RunFolder) -> Standby | None:
        standby = self._standby
        if standby is None or standby.folder != folder.path:
            return None
        self._standby = None
        return standby

    def _status(self, handle: Handle, cursor: str) -> RunStatus:
        folder = self.folder(handle.reference)
        if not folder.path.is_dir():
            return RunStatus(RunState.FAILED, cursor=cursor, error=f"There is no {folder.path}.")
        status = read_status(folder, cursor)
        if not status.state.final and folder.alive():
            return status
        reap(folder)
        # Read again: it may have reported its end between the first read and the look at the lock.
        status = read_status(folder, cursor)
        if status.state.final:
            return status
        load("runtime.agent.process_tree:kill_left")(handle.reference, marked=True)
        return replace(status, state=RunState.FAILED, error=_LOST + last_words(folder))
