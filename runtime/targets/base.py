"""The protocol of a target: somewhere a run can execute.

The docstrings here are a contract. Each sentence has a test in ``runtime.testing.targets``, which
every target's tests inherit.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol, runtime_checkable

from infra.contract.json_types import Document
from runtime.agent.files import OutsideError, printable
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import PreparedRun, RunEvent, RunSpec
from runtime.model.states import RunState

Report = Callable[[str], None]
"""Receives a sentence for the user, without a final period."""
INTERACTIVE: Final = "interactive"
"""The handle of a run that no target launched: a process logs it itself."""
DRIVEN: Final = "driven"
"""The handle of a run that no target launched: a process of its own starts runs below it."""
RUN_CLUSTERS: Final = "run-clusters"
"""The folder of a project that tells which clusters were made for runs."""


@dataclass(frozen=True, slots=True)
class Handle:
    """Identifies a launched run, in any process and at any later time."""

    target: str
    reference: str  # a folder, a container id, an ARM id: opaque to all but its target


@dataclass(frozen=True, slots=True)
class LogChunk:
    """New text of one log. ``offset`` is where the next read of the log starts, in bytes."""

    name: str  # user_logs/std_log.txt, azureml-logs/20_image_build_log.txt, …
    text: str
    offset: int


class Place(NamedTuple):
    """What Azure bills at a target: ``vm_size`` is empty where a run brings or finds its own."""

    vm_size: str
    region: str
    low_priority: bool = False


@dataclass(frozen=True, slots=True)
class RunStatus:
    """The result of a poll: the state, the events since the last cursor, and the new cursor."""

    state: RunState
    events: Sequence[RunEvent] = ()
    cursor: str = ""
    exit_code: int | None = None
    error: str | None = None


def left_out(name: str, error: Exception) -> str:
    """Return the report of a file that is not collected."""
    why = (
        error.strerror
        if isinstance(error, OSError) and error.strerror
        else " ".join(str(error).split())
    )
    if isinstance(error, OutsideError):
        why = "its name leads out of the run's folder"
    return f"{printable(name)} was not collected: {why}"


class Target(Protocol):
    """Somewhere a run can execute. Every method may be called again after a crash."""

    name: str

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run and return at once. Launching a run id twice starts it once."""

    def poll(self, handles: Mapping[Handle, str]) -> Mapping[Handle, RunStatus]:
        """Return the status of every handle, in one call if possible.

        ``handles`` maps each handle to the cursor of its last status (``""`` initially). A run
        that cannot be found has failed.
        """

    def cancel(self, handle: Handle) -> None:
        """Ask the run to stop. Cancelling a finished run does nothing."""

    def logs(self, handle: Handle, offsets: Mapping[str, int]) -> Iterable[LogChunk]:
        """Yield what each log has beyond its offset (default: 0), in the order it was written."""

    def collect(self, handle: Handle, into: Path, report: Report) -> Sequence[Path]:
        """Copy all files that a finished run has (outputs, logs, artifacts); return the copies.

        Collecting twice gives the same files. A file that cannot be copied, or whose name leads
        out of ``into``, is left out, and ``report`` is called with its name and the reason. If
        copying fails, an earlier copy is still there.
        """


@runtime_checkable
class Closeable(Protocol):
    """A target that holds connections, or a client that targets share."""

    def close(self) -> None:
        """Close the connections. Closing twice does nothing."""


@runtime_checkable
class Mirroring(Protocol):
    """A target whose runs can be read while they write."""

    def mirror(self, handle: Handle, folder: str, into: Path) -> Path:
        """Return a folder with what a run has written below ``folder`` (``logs``) so far.

        It is the run's own folder, or ``into`` with copies, which the next call brings up to date.
        What the agent writes is not among the copies.
        """


@runtime_checkable
class Checking(Protocol):
    """A target that cannot have all data, clusters and options that a run asks for."""

    def check(self, spec: RunSpec) -> None:
        """Raise ``PlatformError`` for what no run on this target can have; change nothing."""


@runtime_checkable
class Sweeping(Protocol):
    """A target whose service can run a whole sweep."""

    def launch_sweep(self, run: PreparedRun, sweep: Document) -> Handle:
        """Start a sweep whose trials are ``run``. Launching a run id twice starts it once.

        ``sweep`` has the service's own properties of it; in the run's command, the service writes
        values in place of ``${{search_space.NAME}}``.
        """


@runtime_checkable
class Pipelining(Protocol):
    """A target whose service can run a whole pipeline, of steps on computes of one workspace."""

    @property
    def workspace(self) -> str:
        """The ARM id of its workspace."""

    def pipeline_node(
        self, run: PreparedRun, reads: Mapping[str, str], *, is_reusable: bool
    ) -> Document:
        """Send the code and environment of a step; return its node in a pipeline job.

        ``reads`` maps an input of the run to the expression of what another step writes.
        """

    def launch_pipeline(self, run_id: str, pipeline: Document) -> Handle:
        """Start a pipeline with these properties. Launching a run id twice starts it once."""

    def put_schedule(self, name: str, schedule: Document) -> str:
        """Create a schedule of the service, or change these properties; return its id."""

    def delete_schedule(self, name: str) -> None:
        """Delete a schedule of the service; one that is gone is deleted."""


@runtime_checkable
class StartsJobs(Protocol):
    """A target whose service starts jobs of its own below those that it is given."""

    def is_job(self, run_id: str) -> bool:
        """Return whether a run is a job of the service, whoever started it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An environment that a target has. ``id`` is its ARM id; ``says`` what happens next."""

    id: str
    says: str
    reused: bool


@runtime_checkable
class Startable(Protocol):
    """A target whose machine may be stopped."""

    def start(self) -> bool:
        """Start the machine if it is stopped, and wait for it; return whether it was."""


@runtime_checkable
class Preparing(Protocol):
    """A target that can take an environment ahead of the first run that uses it."""

    def prepare(self, environment: EnvironmentSpec) -> Prepared:
        """Prepare an environment. Preparing it twice does it once."""


@runtime_checkable
class Planning(Protocol):
    """A target that can say what a run's environment is there, and what it cannot do."""

    def plan(self, spec: RunSpec) -> str:
        """Return what the environment is, for a person; start and send nothing.

        Raises ``PlatformError`` for all that would stop the run before its script starts and that
        can be known now.
        """


@dataclass(frozen=True, slots=True)
class Output:
    """New output of a process."""

    content: bytes
    is_error: bool = False


class RemoteProcess(Protocol):
    """A process beside a run's script, or a connection to one of its ports."""

    def read(self, timeout_s: float) -> Sequence[Output] | None:
        """Return new output, nothing after ``timeout_s`` without any, ``None`` at the end."""

    def write(self, content: bytes) -> None:
        """Write to its standard input. Writing to one that has ended does nothing."""

    def end_input(self) -> None:
        """Close its standard input."""

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of its terminal; without one, nothing happens."""

    def exit_code(self) -> int:
        """Return its exit code, after the end of its output."""

    def close(self) -> None:
        """Close the connection. Closing twice does nothing."""


@runtime_checkable
class Executing(Protocol):
    """A target that can run a command beside a run's script."""

    def execute(
        self, handle: Handle, command: Sequence[str], terminal: tuple[int, int] | None
    ) -> RemoteProcess:
        """Run a command in the script's folder, with its variables; without one, a shell.

        ``terminal`` is the columns and lines of the terminal that it gets, ``None`` for none.
        Raises ``UsageError`` for a run that has not started or has ended.
        """


@runtime_checkable
class Forwarding(Protocol):
    """A target that can reach the ports that a run's processes listen on."""

    def connect(self, handle: Handle, port: int) -> RemoteProcess:
        """Connect to a port of the run's own machine, as its script would by `127.0.0.1`.

        Output of a failed connection is its reason (``is_error``). Raises as ``execute``.
        """
