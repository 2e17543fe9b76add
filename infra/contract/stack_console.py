"""What a browser shows of a stack and does to it: values, and the protocol of who knows them.

Everything that changes a stack is a *change*: what becomes of the stack file and the plan of it are
made first; it is applied only as it was shown. Secrets are in none of these values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Literal, Protocol

from infra.contract.errors import PlatformError
from infra.contract.json_types import Document
from infra.contract.stack_computes import PowerAction

FieldType = Literal["text", "number", "flag", "choice", "lines", "pairs", "credential", "size"]
"""How a setting is entered: ``lines`` one a line, ``pairs`` as ``name=value``, one a line."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting of a compute, as a form asks for it.

    ``key`` is its path below the compute in the stack file (``identity.type``); ``default`` is
    shown where nothing is entered.
    """

    key: str
    type: FieldType
    required: bool = False
    default: str = ""
    help: str = ""
    choices: Sequence[str] = ()
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class ComputeForm:
    """The form of one kind of compute.

    ``refusal`` says why there can be no new one of the kind; ``elsewhere`` are the settings that
    only the stack file can say.
    """

    kind: str
    description: str
    attached: bool
    fields: Sequence[FormField]
    refusal: str = ""
    elsewhere: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class SizeChoice:
    """A VM size to choose. ``usd`` is its list price an hour, ``left`` the cores of its quota.

    ``instead`` is the successor of a size that was retired. Unknown prices and quotas are ``None``.
    """

    name: str
    family: str = ""
    vcpus: int = 0
    memory_gib: float = 0.0
    gpus: int = 0
    usd: float | None = None
    left: int | None = None
    instead: str = ""


@dataclass(frozen=True, slots=True)
class ComputeRow:
    """A compute as it is now. ``nodes`` counts a cluster's nodes by state.

    Prices are in USD an hour, ``None`` without a list price; ``steady_since`` is when the service
    last added or removed a node (seconds since the epoch).
    """

    name: str
    kind: str
    state: str
    id: str
    vm_size: str = ""
    priority: str = ""
    nodes: Mapping[str, int] = field(default_factory=dict)
    present: int | None = None
    least: int | None = None
    most: int | None = None
    usd_now: float | None = None
    usd_most: float | None = None
    steady_since: float | None = None
    attached: bool = False
    declared: bool = False
    errors: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ComputeDetail:
    """One compute: its row, a cluster's nodes, its settings in the stack file, and its document."""

    row: ComputeRow
    nodes: Sequence[Document]
    settings: Document
    document: Document


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One line of a plan. ``destroys``: something is deleted, or replaced and so deleted.

    ``detaches``: what was attached leaves the workspace, and stays as it is.
    """

    urn: str
    mark: str
    operation: str
    type: str
    name: str
    lines: Sequence[str] = ()
    destroys: bool = False
    detaches: bool = False


@dataclass(frozen=True, slots=True)
class ResourceProgress:
    """How far one resource is. ``state``: ``working``, ``done``, ``failed`` or ``interrupted``."""

    urn: str
    operation: str
    type: str
    name: str
    state: str
    seconds: float = 0.0
    error: str = ""
    remedy: str = ""


class ChangeState(StrEnum):
    """The states of a change, in their order; the last five are final."""

    PLANNING = "Planning"
    PLANNED = "Planned"
    APPLYING = "Applying"
    DONE = "Done"
    UNCHANGED = "Unchanged"
    REFUSED = "Refused"
    FAILED = "Failed"
    DISCARDED = "Discarded"

    @property
    def final(self) -> bool:
        return self not in {self.PLANNING, self.PLANNED, self.APPLYING}

    @property
    def busy(self) -> bool:
        return self in {self.PLANNING, self.APPLYING}


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a stack. ``difference`` is that of the stack file, as unified lines."""

    id: str
    title: str
    state: ChangeState
    created: float
    difference: Sequence[str] = ()
    steps: Sequence[PlannedStep] = ()
    summary: str = ""
    warnings: Sequence[str] = ()
    problem: str = ""
    remedy: str = ""
    progress: Sequence[ResourceProgress] = ()


@dataclass(frozen=True, slots=True)
class OperationFailure:
    """Why an operation failed: what went wrong with a resource, or, without a name, elsewhere."""

    name: str
    type: str
    message: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of a stack's history, numbered from 1. Times are seconds since the epoch."""

    number: int
    kind: str
    succeeded: bool
    message: str
    begun: float
    ended: float
    changes: Mapping[str, int]
    failures: Sequence[OperationFailure] = ()


@dataclass(frozen=True, slots=True)
class DriftedRow:
    """A resource that was changed outside the stack."""

    name: str
    type: str
    gone: bool
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was changed outside the stack. ``notes`` are worth knowing, and no drift."""

    resources: Sequence[DriftedRow]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class DeletedResource:
    """A soft-deleted workspace or key vault. ``fate``: what `aml up` would do about it."""

    kind: str
    name: str
    location: str
    until: str
    fate: str


@dataclass(frozen=True, slots=True)
class StackFacts:
    """Where a stack is: its file, its cloud, and who deploys it at the moment.

    ``stopped``: its cloud is a local one that is stopped. ``uncommitted`` is what git says of the
    file: ``modified``, ``untracked``, or empty.
    """

    file: str
    cloud: str
    resources: int = 0
    locked_by: Sequence[str] = ()
    uncommitted: str = ""
    own_program: bool = False
    stopped: bool = False


class FormError(PlatformError):
    """What was entered is not valid; ``fields`` has a message for each setting that is wrong."""

    summary: ClassVar[str] = "Invalid settings"
    exit_code: ClassVar[int] = 2

    def __init__(self, fields: Mapping[str, str], others: Sequence[str]) -> None:
        super().__init__(
            "\n".join([*(f"{key}: {text}" for key, text in fields.items()), *others]),
            remedy="Correct these settings; nothing was changed.",
        )
        self.fields = dict(fields)
        self.others = tuple(others)


class StackConsole(Protocol):
    """One stack. Every method reads its file anew, and may be called from several threads.

    What the cloud, the state or the stack file refuse raises the error that the command shows.
    """

    def facts(self) -> StackFacts: ...

    def computes(self) -> Sequence[ComputeRow]:
        """Return the workspace's computes, also those that the stack does not declare.

        Where the cloud must not be started, what the state and the stack file say of them.
        """

    def compute(self, name: str) -> ComputeDetail:
        """Return one compute; ``UnknownNameError`` names the nearest."""

    def power(self, name: str, action: PowerAction) -> None:
        """Start, stop or restart an instance."""

    def forms(self) -> Sequence[ComputeForm]:
        """Return the forms of all kinds, those that the service makes first."""

    def sizes(self) -> Sequence[SizeChoice]:
        """Return the VM sizes of the stack's region, then those that were retired."""

    def attachable(self, kind: str) -> Sequence[str]:
        """Return the ids of the subscription's resources that can be attached as ``kind``."""

    def add_compute(self, kind: str, values: Mapping[str, str]) -> str:
        """Plan a new compute; return the change's id. ``FormError`` for what is not valid."""

    def change_compute(self, name: str, values: Mapping[str, str]) -> str:
        """Plan other settings of a declared compute; empty text removes one."""

    def remove_compute(self, name: str) -> str:
        """Plan that a declared compute is deleted, or detached."""

    def deploy(self) -> str:
        """Plan what the stack file says."""

    def drift(self) -> DriftReport:
        """Read every resource and compare it with what was deployed."""

    def settle_drift(self, *, adopt: bool) -> str:
        """Plan that the stack file adopts the drift, or that the drift is reverted."""

    def changes(self) -> Sequence[Change]:
        """Return the changes that were planned here, newest first."""

    def change(self, id: str) -> Change:
        """Return one change as it is now."""

    def apply(self, id: str) -> None:
        """Begin to apply a planned change: what was shown, and nothing else."""

    def discard(self, id: str) -> None:
        """Give up a planned change."""

    def history(self) -> Sequence[Operation]:
        """Return the operations on the stack, newest first."""

    def operation(self, number: int) -> Sequence[PlannedStep]:
        """Return what an operation changed; ``UnknownNameError`` where there is none."""

    def outputs(self) -> Document:
        """Return the stack's outputs, secrets hidden."""

    def soft_deleted(self) -> Sequence[DeletedResource]:
        """Return what is soft-deleted in the stack's subscription."""
