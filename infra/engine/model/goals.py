"""What a program asks the engine for: one record a request, protobuf already behind us."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Alias:
    """A former identity. Empty fields are as today's; ``no_parent`` says it had none."""

    urn: str = ""
    name: str = ""
    type: str = ""
    stack: str = ""
    project: str = ""
    parent_urn: str = ""
    no_parent: bool = False


@dataclass(frozen=True, slots=True)
class Goal:
    """One ``RegisterResource``.

    ``protect``, ``retain_on_delete`` and ``delete_before_replace`` are ``None`` where the program
    said nothing. ``custom_timeouts`` are seconds by verb. ``provider`` is ``<urn>::<id>`` of an
    explicit provider; ``providers`` a component's map by package.
    """

    type: str
    name: str
    custom: bool
    inputs: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict)
    provider: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    plugin_download_url: str = ""
    protect: bool | None = None
    retain_on_delete: bool | None = None
    delete_before_replace: bool | None = None
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: Any = None
    replace_with: tuple[str, ...] = ()
    deleted_with: str = ""
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: Sequence[Alias] = ()
    import_id: str = ""
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    source_position: str = ""


@dataclass(frozen=True, slots=True)
class ReadGoal:
    """One ``ReadResource``: an existing thing, never ours to change or delete."""

    type: str
    name: str
    id: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    version: str = ""
    additional_secret_outputs: tuple[str, ...] = ()
    source_position: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the program gets back. ``id`` is empty where unknown; ``failed``: dependents skip.

    ``outputs`` is empty for components, whose outputs only ``RegisterResourceOutputs`` brings.
    """

    urn: str
    id: str = ""
    outputs: Mapping[str, Any] = field(default_factory=dict)
    failed: bool = False
    unknown: bool = False
