"""The records of Pulumi's checkpoint: one resource, one pending operation, a whole stack.

Field names follow Pulumi's JSON keys in snake_case. ``inputs`` and ``outputs`` are values of
``infra.engine.model.values`` (secrets decrypted). Reading, encrypting, writing belong to ``state``.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from infra.contract.json_types import Document

STACK_TYPE: Final = "pulumi:pulumi:Stack"
PROVIDER_PREFIX: Final = "pulumi:providers:"
_URN: Final = re.compile(r"urn:pulumi:.*?::.*?::.*?::", re.DOTALL)

OperationKind = Literal["creating", "updating", "deleting", "reading", "importing"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One entry of a checkpoint. ``delete``: the old half of a replacement, still to be deleted.

    ``pending_replacement``: deleted already, its replacement not yet created. ``provider`` is
    ``<urn>::<id>``. ``custom_timeouts`` are seconds by verb. ``created`` and ``modified`` are
    RFC 3339. ``hooks`` are names of functions by event (``BeforeCreate``). ``extension`` is what
    its provider has to learn for it: the name, version and value (base64) of a package. ``extra``
    holds keys this release does not know; they survive a round trip.
    """

    urn: str
    type: str
    custom: bool
    id: str = ""
    inputs: Document = field(default_factory=dict)
    outputs: Document = field(default_factory=dict)
    parent: str = ""
    delete: bool = False
    protect: bool = False
    taint: bool = False
    external: bool = False
    dependencies: tuple[str, ...] = ()
    init_errors: tuple[str, ...] = ()
    provider: str = ""
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    pending_replacement: bool = False
    additional_secret_outputs: tuple[str, ...] = ()
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    import_id: str = ""
    retain_on_delete: bool = False
    deleted_with: str = ""
    replace_with: tuple[str, ...] = ()
    created: str = ""
    modified: str = ""
    source_position: str = ""
    ignore_changes: tuple[str, ...] = ()
    hide_diffs: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: object = None
    refresh_before_update: bool = False
    hooks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    extension: Mapping[str, str] = field(default_factory=dict)
    extra: Document = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name the program gave it."""
        return urn_name(self.urn)


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """An operation that began and whose outcome was never recorded.

    ``absent_checked``: before this create, nothing existed at its id; only then may what is found
    there be adopted.
    """

    resource: Resource
    kind: OperationKind
    absent_checked: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """A stack's state as it was opened: entries in order, dependencies before dependents."""

    resources: Sequence[Resource] = ()
    pending: Sequence[PendingOperation] = ()


def is_urn(text: str) -> bool:
    """Say whether a text has all parts of a URN."""
    return _URN.match(text) is not None


def make_urn(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Return ``urn:pulumi:<stack>::<project>::<parent's qualified type>$<type>::<name>``.

    The parent's part is left out where the parent is the root stack or absent.
    """
    outer = urn_qualified_type(parent) if parent else ""
    qualified = f"{outer}${type_}" if outer and outer != STACK_TYPE else type_
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"


def urn_qualified_type(urn: str) -> str:
    """Return the third part of a URN: the types from the outermost parent inwards."""
    return urn.split("::", 3)[2]


def urn_type(urn: str) -> str:
    """Return the resource's own type token."""
    return urn_qualified_type(urn).rpartition("$")[2]


def urn_name(urn: str) -> str:
    """Return the name the program gave; it may itself contain ``::``."""
    return urn.split("::", 3)[3]
