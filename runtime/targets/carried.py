"""Targets whose runs execute elsewhere, carried by a process on this machine.

``launch`` starts a carrier and returns: building an environment and sending a snapshot take long.
The carrier does all that touches the place; the target answers from the run's folder. The submitter
may be gone, and so may the carrier: the next ``poll`` or ``cancel`` starts it again.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Final

from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from infra.contract.private import private_file
from runtime.model.runs import PreparedRun, RunSpec
from runtime.model.states import RunState
from runtime.targets.agent_options import agent_options
from runtime.targets.base import Handle, RemoteProcess, RunStatus
from runtime.targets.folder_runs import (
    FolderRuns,
    ask_to_stop,
    read_status,
    reap,
    require_data,
)
from runtime.targets.places import Enterable, Place, open_place
from runtime.targets.run_folder import RunFolder, kept_task, task_of
from runtime.targets.standby import start_process

_CARRIER: Final = "runtime.targets.carrier"
_NEVER: Final = "The process that submitted the run ended before it had started anything."
_AGAIN_S: Final = 2.0
"""A carrier that is gone is not started again sooner after it was started."""


class CarriedTarget(FolderRuns):
    """Runs at a place, with their folders below ``<home>/runs``.

    ``place`` says how it is reached: its ``kind`` (``runtime.targets.places.PLACES``), and
    references to credentials, never these themselves.
    """

    def __init__(
        self, name: str, home: Path, place: Document, *, manifest: Path, stack: str
    ) -> None:
        super().__init__(name, home)
        self._place = place
        self._manifest = manifest.absolute()
        self._stack = stack
        self._entrances: dict[str, Place] = {}

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's carrier and return at once."""
        task = replace(
            task_of(run, self._home, "python"),
            manifest=str(self._manifest),
            stack=self._stack,
            place=self.place_of(run),
            options=self.options_of(run),
        )
        return self.begin(task, _start)

    def place_of(self, run: PreparedRun) -> Document:
        """Return the place of one run; targets whose runs differ in it override this."""
        del run
        return self._place

    def options_of(self, run: PreparedRun) -> tuple[str, ...]:
        """Return the agent's options; targets that start scripts otherwise override this."""
        return agent_options(run.spec)

    def check(self, spec: RunSpec) -> None:
        """Raise ``PlatformError`` for data of a workspace that is not there."""
        require_data(spec, self._home, self._manifest, self._stack)

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        """Return the status of every run; start the carriers that are gone."""
        return {handle: self._status(handle, cursor) for handle, cursor in handles.items()}

    def cancel(self, handle: Handle) -> None:
        """Ask the run's carrier to stop the run."""
        folder = self.folder(handle.reference)
        if not folder.path.is_dir() or self._status(handle, "").state.final:
            return
        ask_to_stop(folder)
        if not folder.alive():
            _carry_on(folder)

    def _status(self, handle: Handle, cursor: str) -> RunStatus:
        folder = self.folder(handle.reference)
        if not folder.path.is_dir():
            return RunStatus(RunState.FAILED, cursor=cursor, error=f"There is no {folder.path}.")
        status = read_status(folder, cursor)
        if status.state.final or folder.alive():
            return status
        reap(folder)
        # Read again: it may have reported the end between the first read and the look at the lock.
        status = read_status(folder, cursor)
        if status.state.final:
            return status
        if not folder.task_file.exists():
            return replace(status, state=RunState.FAILED, error=_NEVER)
        if _rested(folder):
            _carry_on(folder)
        return status


class EnterableTarget(CarriedTarget):
    """Runs at places beside whose scripts commands can be run, and whose ports are reachable."""

    def execute(
        self, handle: Handle, command: Sequence[str], terminal: tuple[int, int] | None
    ) -> RemoteProcess:
        """Run a command beside the run's script."""
        return self._entered(handle).execute(command, terminal)

    def connect(self, handle: Handle, port: int) -> RemoteProcess:
        """Connect to a port of the run."""
        return self._entered(handle).connect(port)

    def close(self) -> None:
        """Close the connections to the places of runs."""
        for place in self._entrances.values():
            place.close()
        self._entrances.clear()

    def _entered(self, handle: Handle) -> Enterable:
        """Return the place of a run. Raises ``UsageError`` for one that has none."""
        folder = self.folder(handle.reference)
        known = self._entrances.get(handle.reference)
        if known is None:
            if not folder.task_file.exists():
                raise UsageError(
                    f"Run {handle.reference} was never started.", remedy="See `aml runs`."
                )
            settings = kept_task(folder).place
            known = open_place(handle.reference, settings, self._home)
            self._entrances[handle.reference] = known
        if not isinstance(known, Enterable):
            raise UsageError(
                f"Runs on {self.name!r} cannot be entered.",
                remedy="Follow its logs with `aml run logs -f RUN`.",
            )
        return known


def _rested(folder: RunFolder) -> bool:
    """Return whether the last carrier was started long enough ago."""
    with suppress(FileNotFoundError):
        return time.time() - folder.process_file.stat().st_mtime > _AGAIN_S
    return True


def _carry_on(folder: RunFolder) -> None:
    """Start a carrier for a run that has none."""
    lock = folder.try_lock()
    if lock is not None:
        try:
            _start(folder, lock, None)
        finally:
            os.close(lock)


def _start(folder: RunFolder, lock: int, task: IO[bytes] | None) -> None:
    # The carrier holds its copy of the lock after this process closes its own.
    with private_file(folder.process_log).open("ab") as sink:
        start_process(
            folder.path,
            str(lock),
            folder.path,
            descriptor=lock,
            log=sink,
            task=task,
            module=_CARRIER,
        )
