"""The process of a driven parent run: opens the project, and runs the driver to its end.

Started by ``driven`` only. It reports through the files of the parent's folder, so whoever watches
the parent sees the same whether this process is the first of its run or the tenth.
"""

import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

from infra.contract.errors import PlatformError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.agent.events import EventLog, read_events
from runtime.model.runs import EventKind
from runtime.model.states import RunState
from runtime.submit.driven import JOURNAL, read_task
from runtime.submit.session import ProjectSession, open_session
from runtime.targets.folder_runs import read_status
from runtime.targets.run_folder import RunFolder

DRIVERS: Final[Mapping[str, str]] = {
    "sweep": "runtime.sweeps.project:drive",
    "pipeline": "runtime.pipelines.project:drive",
}
"""Kind of driver → import path of a function of one ``Driving``, which returns when it is done.

A kind that is not in the table is an import path itself.
"""


class Flag:
    """Set by a signal handler. An ``Event`` would wait for itself if one came within another."""

    is_set = False

    def set(self, *_: object) -> None:
        self.is_set = True


class Driving:
    """What a driver works with: its plan, its journal, its parent's events and logs, the project.

    ``values`` has the variables that the plan does not keep.
    """

    def __init__(self, folder: RunFolder, values: Mapping[str, str], canceled: "Flag") -> None:
        task = read_task(folder)
        self.run_id = folder.path.name
        self.home = folder.path.parent.parent
        self.plan = task.plan
        self.driver = task.driver
        self.values = values
        self.stack = task.stack
        self._folder = folder
        self._canceled = canceled
        self._events = EventLog(private_file(folder.own_events))
        self._journal = EventLog(private_file(folder.path / JOURNAL))
        self._logs: dict[str, IO[str]] = {}
        os.environ["AML_HOME"] = str(self.home)
        self.session: ProjectSession = open_session(task.stack, Path(task.manifest))

    def is_canceled(self) -> bool:
        """Return whether someone asked the parent to stop.

        A driver that then cancels its children and returns leaves the parent canceled.
        """
        return self._canceled.is_set or self._folder.cancel_file.exists()

    def journal(self) -> Iterator[tuple[str, JsonObject]]:
        """Yield kind and data of what earlier drivers of this run recorded, in order."""
        content = (self._folder.path / JOURNAL).read_bytes()
        return ((str(each["kind"]), each["data"]) for each in read_events(content))

    def record(self, kind: str, data: JsonObject) -> None:
        """Append an entry to the journal. It survives this process."""
        self._journal.append(kind, data)

    def event(self, kind: EventKind, data: JsonObject) -> None:
        """Append an event of the parent run."""
        self._events.append(kind, data)

    def state(self, state: RunState, error: str | None = None) -> None:
        """Move the parent to a state; one that it cannot move to has no effect."""
        self.event("state", {"state": str(state)} | ({} if error is None else {"error": error}))

    def log(self, name: str, line: str) -> None:
        """Append a line to a log of the parent, such as ``azureml-logs/hyperdrive.txt``."""
        if name not in self._logs:
            file = self._folder.work / name
            private_folder(file.parent)
            self._logs[name] = private_file(file).open("a", encoding="utf-8", buffering=1)
        self._logs[name].write(f"{line}\n")

    def file(self, name: str) -> Path:
        """Return the path of a file that is collected with the parent, such as ``outputs/x``."""
        file = self._folder.work / name
        private_folder(file.parent)
        return file

    @property
    def ended(self) -> bool:
        """Whether the parent has reached a final state."""
        return read_status(self._folder, "").state.final

    def close(self) -> None:
        """Close all files and connections."""
        for log in self._logs.values():
            log.close()
        self._journal.close()
        self._events.close()
        self.session.close()


def timestamp(seconds: float | None = None) -> str:
    """Return a time (default: now) as the logs of the service have it, in UTC."""
    at = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return at.isoformat(timespec="microseconds").replace("+00:00", "")


def drive(driving: Driving, driver: Callable[[Driving], None]) -> None:
    """Run a driver; an error of it becomes the parent's final state."""
    try:
        driver(driving)
    except PlatformError as error:
        driving.state(RunState.FAILED, f"{error.summary}: {error.detail}\nhint: {error.remedy}")
    except Exception as error:
        driving.state(RunState.FAILED, f"This is a bug in aml-platform: {error!r}")
        raise
    if not driving.ended:
        driving.state(RunState.CANCELED if driving.is_canceled() else RunState.COMPLETED)


def main(arguments: Sequence[str]) -> None:
    """``python -m runtime.submit.driver_process FOLDER DESCRIPTOR``; variables come by stdin."""
    folder = RunFolder(Path(arguments[0]))
    # The children of this process are not its parent run: none of them may hold the lock.
    fcntl.fcntl(int(arguments[1]), fcntl.F_SETFD, fcntl.FD_CLOEXEC)
    canceled = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, canceled.set)
    private_file(folder.process_file).write_text(str(os.getpid()), encoding="utf-8")
    driving = Driving(folder, json.load(sys.stdin.buffer), canceled)
    try:
        drive(driving, load(DRIVERS.get(driving.driver, driving.driver)))
    finally:
        driving.close()


if __name__ == "__main__":
    main(sys.argv[1:])
