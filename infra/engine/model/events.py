"""The events of a deployment: the one stream that views and logs are made of.

Secrets in events are already hidden: a listener may print whatever it receives.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Literal

from infra.contract.json_types import Document
from infra.engine.model.paths import masked
from infra.engine.model.resources import Resource
from infra.engine.model.values import redacted

HIDDEN: Final = "[hidden]"
"""Shown for a value that `hide_diffs` names."""


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
    DISCARD = "discard"  # dropped from state without a provider call (retained, gone)
    ADOPT = "adopt"  # an interrupted create that was found at its id


class Records:
    """A step's resource before and after it, made up for showing when they are asked for.

    Secrets are marked and have another value; what `hide_diffs` names is hidden.
    """

    __slots__ = ("_new", "_old")

    def __init__(self, old: Resource | None = None, new: Resource | None = None) -> None:
        self._old, self._new = old, new

    def became(self, resource: Resource) -> None:
        """Note what the resource is now that the step is done."""
        self._new = resource

    @property
    def old(self) -> Resource | None:
        return _shown(self._old)

    @property
    def new(self) -> Resource | None:
        return _shown(self._new)


def _shown(resource: Resource | None) -> Resource | None:
    if resource is None:
        return None
    inputs, outputs = (
        masked(redacted(dict(values)), resource.hide_diffs, HIDDEN)
        for values in (resource.inputs, resource.outputs)
    )
    trigger = redacted(resource.replacement_trigger)
    return replace(resource, inputs=inputs, outputs=outputs, replacement_trigger=trigger)


@dataclass(frozen=True, slots=True)
class Step:
    """One decided operation. ``diffs`` maps a changed property path to its kind (Pulumi's words).

    ``old`` and ``new`` are inputs with secrets hidden; ``reason`` says why where that is not plain
    (``vmSize cannot be changed in place``), ``notes`` adds a remark to a path. ``after`` are the
    URNs of what the resource depends on, its parent among them. ``records`` are the whole ones.
    """

    op: Op
    urn: str
    type: str
    id: str = ""
    diffs: Mapping[str, str] = field(default_factory=dict)
    replaces: Sequence[str] = ()
    old: Document | None = None
    new: Document | None = None
    parent: str = ""
    protect: bool = False
    reason: str = ""
    notes: Mapping[str, str] = field(default_factory=dict)
    after: Sequence[str] = ()
    records: Records = field(default_factory=Records, repr=False, compare=False)


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
    """A line of text: from the program's own log, or a warning or remark of the engine.

    ``once``: what plans and what carries out the plan both say it, and it is read once. So is
    every warning.
    """

    severity: Literal["info", "warning", "error"]
    text: str
    urn: str = ""
    once: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an operation failed: what went wrong with a resource, or, without a URN, elsewhere."""

    error: str
    urn: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The last event. ``changes`` counts steps by ``Op``; secrets in ``outputs`` are hidden."""

    changes: Mapping[Op, int]
    seconds: float
    failed: bool
    outputs: Document = field(default_factory=dict)


Event = Started | Finished | Message | Summary
Listener = Callable[[Event], None]
