"""The protocol of a place: where a carried run executes, as its carrier reaches it.

A run that executes elsewhere (in a container, on another machine, in a service) is carried by a
process on this machine, ``runtime.targets.carrier``. The carrier is the only one that talks to the
place; the target answers from the run's folder, into which the carrier copies what happens.

At the place, a run has a folder with the layout of ``run_folder``: ``agent-events.jsonl``,
``work/`` (the script's working folder), ``artifacts/``, ``inputs/``, ``named_outputs/``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final, Protocol, TypeAlias, runtime_checkable

from infra.contract.json_types import Document
from infra.contract.load import load, look_up
from runtime.agent.archive import agent_archive
from runtime.agent.questions import FOLDER as QUESTIONS
from runtime.model.runs import EventKind, SourceSnapshot
from runtime.model.states import RunState
from runtime.targets.base import RemoteProcess, Report
from runtime.targets.run_folder import AGENT_EVENTS, Task
from runtime.targets.script_variables import run_variables

WORK: Final = "work"
ARTIFACTS: Final = "artifacts"
FETCHED: Final = (f"{WORK}/outputs", f"{WORK}/logs", ARTIFACTS, "named_outputs")
"""What is fetched when a run has ended, beside what was followed."""
FOLLOWED: Final = (f"{WORK}/user_logs", f"{WORK}/logs", f"{WORK}/azureml-logs")
"""The folders whose files are copied while they grow, beside the agent's events."""


class StoppedError(Exception):
    """The run was canceled while its place was being prepared."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """What a run needs at its place.

    ``trees`` are files and folders of this machine by their path in the run's folder, such as
    ``inputs/data``; an empty folder is one that the script writes to. ``left`` are the names of
    those that an earlier attempt left. ``paths`` are variables
    whose values are paths in the run's folder, ``texts`` those that are passed as they are.
    ``stop`` is set when the run is canceled.
    """

    task: Task
    snapshot: SourceSnapshot
    stop: Event
    trees: Mapping[str, Path]
    paths: Mapping[str, str]
    texts: Mapping[str, str]
    left: frozenset[str] = frozenset()

    @property
    def agent(self) -> bytes:
        """Return the agent, a file that Python 3.8 or later runs."""
        return agent_archive()

    def agent_arguments(self, python: str, *, relayed: bool = False) -> list[str]:
        """Return the agent's arguments; its working folder is ``work``.

        ``python`` is the script's interpreter at the place. ``relayed``: the place is ``Relaying``.
        """
        task = self.task
        return [
            "run",
            f"--events=../{AGENT_EVENTS}",
            f"--artifacts=../{ARTIFACTS}",
            f"--max-duration={task.max_duration_s}",
            *task.options,
            *([f"--relay=../{QUESTIONS}"] if relayed else []),
            f"--azureml={'never' if task.keep_azureml else 'always'}",
            "--",
            *(() if task.is_shell else (python,)),
            *task.command,
        ]

    def variables(
        self, root: str, environment: Mapping[str, str], inherited: Mapping[str, str]
    ) -> dict[str, str]:
        """Return the variables of the agent and the script.

        ``root`` is the run's folder at the place, ``environment`` what the script's environment
        sets, ``inherited`` what the place has itself.
        """
        found = run_variables(self.task, environment, inherited)
        return (
            found | {name: f"{root}/{path}" for name, path in self.paths.items()} | {**self.texts}
        )

    def check(self) -> None:
        """Raise ``StoppedError`` if the run was canceled."""
        if self.stop.is_set():
            raise StoppedError


class Teller(Protocol):
    """What a place tells about a run."""

    def step(self, step: str, text: str) -> None:
        """Record one of the eight steps of a run, with a sentence about it."""

    def state(self, state: RunState, reason: str = "") -> None:
        """Record that the run is queued, prepared, provisioned or starting."""

    def record(self, kind: EventKind, data: Document) -> None:
        """Record another event, such as a property."""

    def build(self, line: str) -> None:
        """Append a line to the log of the environment's build."""


@dataclass(frozen=True, slots=True)
class Piece:
    """New bytes of a file of the run's folder; ``name`` is its path there."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the run's gateway (``agent.relay``), on one of its nodes."""

    name: str
    content: bytes
    node: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Nothing happened; the place still answers."""


@dataclass(frozen=True, slots=True)
class Moved:
    """The place itself says what becomes of the run: it is queued, or queued again.

    ``at`` is when, in seconds since the epoch, by default now. What the agent reported since then
    came after it.
    """

    state: RunState
    reason: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True)
class PlaceEnd:
    """The run has ended, and all its pieces were yielded.

    ``exit_code`` and ``reason`` are the place's; they count only if the agent reported no end.
    """

    exit_code: int | None = None
    reason: str = ""


Sign: TypeAlias = Piece | Asked | Heartbeat | Moved | PlaceEnd
Have: TypeAlias = Callable[[str], int]
"""Returns how many bytes of a file of the run's folder are here already."""


class Place(Protocol):
    """Where one run executes. A carrier that took over from a dead one calls all of it again.

    Raises ``UnreachableError`` when the place does not answer; the carrier tries again.
    """

    def start(self, shipment: Shipment, tell: Teller) -> None:
        """Prepare the environment, send the run, start it, and return once it has started.

        Tells each state the run reaches meanwhile, in their order (``runtime.model.states``).
        Starting a run that was started does nothing. Raises ``StoppedError`` if it was canceled
        meanwhile, after removing what was made.
        """

    def started(self) -> bool:
        """Return whether the run is at the place: it was started, and is not released."""

    def follow(self, have: Have) -> Iterator[Sign]:
        """Yield what the run writes, beyond what is here; a sign at least twice a second.

        The last sign is a ``PlaceEnd``.
        """

    def cancel(self) -> None:
        """Ask the run to stop: the agent gets SIGTERM. Canceling twice, or late, does nothing."""

    def fetch(self, into: Path, report: Report) -> None:
        """Copy what is in ``FETCHED`` into the run's folder here; report what is left out."""

    def release(self) -> None:
        """Remove everything that the run has left at the place."""

    def close(self) -> None:
        """Close the connections to the place."""


@runtime_checkable
class Enterable(Protocol):
    """A place beside whose script other processes can be started, and whose ports are reachable."""

    def execute(self, command: Sequence[str], terminal: tuple[int, int] | None) -> RemoteProcess:
        """Run a command in the script's folder, with its variables; without one, a shell.

        Raises ``UsageError`` if the run is not there, ``UnreachableError`` for its place.
        """

    def connect(self, port: int) -> RemoteProcess:
        """Connect to a port that the run's processes listen on. Raises as above."""


@runtime_checkable
class Restarting(Protocol):
    """A place at which a run that was lost can be started again, after its release.

    On several nodes, whose agents start nothing again, also one that failed: the agent's last event
    then has ``events``, as ``runtime.agent.failures`` names them.
    """

    def may_start_again(self) -> bool:
        """Return whether nothing of a lost run can go on elsewhere.

        Raises ``UnreachableError`` while that is not known.
        """


@runtime_checkable
class Relaying(Protocol):
    """A place whose runs reach their workspace through their carrier."""

    def relay(self, node: int) -> RemoteProcess:
        """Start the agent's `relay` beside the run on a node. Raises as ``execute``."""


PLACES: Final[dict[str, tuple[str, str]]] = {
    "databricks": ("runtime.targets.databricks_place:DatabricksPlace", "databricks"),
    "batch": ("runtime.targets.batch_place:BatchPlace", "batch"),
    "docker": ("runtime.targets.docker_place:DockerPlace", "docker"),
    "ssh-docker": ("runtime.targets.ssh_docker_place:SshDockerPlace", "docker,ssh"),
    "ssh": ("runtime.targets.ssh_place:SshPlace", "ssh"),
    "hdinsight": ("runtime.targets.hdinsight_place:HdinsightPlace", "ssh"),
    "livy": ("runtime.targets.livy_place:LivyPlace", "azureml"),
    "ssh-nodes": ("runtime.targets.ssh_nodes_place:SshNodesPlace", "ssh"),
}
"""Kind of place → import path of its class, and the extra that it needs.

Constructors take ``(run_id, settings, home)``; ``home`` is the ``.aml`` folder.
"""


def open_place(run_id: str, settings: Document, home: Path) -> Place:
    """Return the place of a run, as its task describes it."""
    kind = str(settings["kind"])
    path = (
        kind if ":" in kind else look_up(kind, {k: v for k, (v, _) in PLACES.items()}, noun="place")
    )
    extra = PLACES[kind][1] if kind in PLACES else ""
    place: Place = load(path, extra=extra)(run_id, settings, home)
    return place
