"""What happened during a deployment, as it happens: the one stream views and logs are made of.

Values in events are already hidden (secrets replaced): a listener may print all it gets.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal


class Op(StrEnum):
    """A step's operation, spelled as Pulumi's engine events and plans spell it."""

    SAME = "same"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    REPLACE = "replace"  # the logical step; the work is the next two
    CREATE_REPLACEMENT = "create-replacement"
    DELETE_REPLACED = "delete-replaced"
    READ = "read"
    REFRESH = "refresh"
    IMPORT = "import"
    DISCARD = "discard"  # forgotten without a provider call (retained, gone)
    ADOPT = "adopt"  # an interrupted create that was found at its id


@dataclass(frozen=True, slots=True)
class Step:
    """One decided operation. ``diffs`` maps a changed property path to its kind (Pulumi's words).

    ``old`` and ``new`` are hidden inputs; ``reason`` says why in words where it is not plain
    (``vmSize cannot be changed in place``), ``notes`` what else there is to know of a path.
    """

    op: Op
    urn: str
    type: str
    id: str = ""
    diffs: Mapping[str, str] = field(default_factory=dict)
    replaces: Sequence[str] = ()
    old: Mapping[str, Any] | None = None
    new: Mapping[str, Any] | None = None
    parent: str = ""
    protect: bool = False
    reason: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A step's work begins (in a preview: the step was decided)."""

    step: Step


@dataclass(frozen=True, slots=True)
class Finished:
    """A step's work is done. ``error`` is set when it failed; ``seconds`` is how long it took."""

    step: Step
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A line for people: the program's own log, a warning, a finding of the engine."""

    severity: Literal["info", "warning", "error"]
    text: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The end. ``changes`` counts steps by ``Op``; ``outputs`` are the stack's, hidden."""

    changes: Mapping[Op, int]
    seconds: float
    failed: bool
    outputs: Mapping[str, Any] = field(default_factory=dict)


Event = Started | Finished | Message | Summary
Listener = Callable[[Event], None]
