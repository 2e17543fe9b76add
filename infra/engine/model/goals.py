"""What a program requests of the engine: one record a request, free of protobuf."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infra.contract.json_types import Document


@dataclass(frozen=True, slots=True)
class Alias:
    """A former identity. Empty fields are unchanged; ``no_parent`` says that it had no parent."""

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
    did not set them. ``custom_timeouts`` are seconds by verb. ``provider`` is ``<urn>::<id>`` of an
    explicit provider; ``providers`` a component's map by package. ``hooks`` are names of functions
    by event, as in a checkpoint (``BeforeCreate``). ``internal`` is what state has of its package
    besides configuration. ``extension`` is that of a package whose types the provider of another
    one has, ``package``: by default, that of the type.
    """

    type: str
    name: str
    custom: bool
    inputs: Document = field(default_factory=dict)
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
    hide_diffs: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    replacement_trigger: object = None
    replace_with: tuple[str, ...] = ()
    deleted_with: str = ""
    additional_secret_outputs: tuple[str, ...] = ()
    aliases: Sequence[Alias] = ()
    import_id: str = ""
    custom_timeouts: Mapping[str, float] = field(default_factory=dict)
    hooks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    internal: Document = field(default_factory=dict)
    package: str = ""
    extension: Mapping[str, str] = field(default_factory=dict)
    source_position: str = ""


@dataclass(frozen=True, slots=True)
class ReadGoal:
    """One ``ReadResource``: an external resource, never changed or deleted."""

    type: str
    name: str
    id: str
    inputs: Document = field(default_factory=dict)
    parent: str = ""
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    version: str = ""
    plugin_download_url: str = ""
    additional_secret_outputs: tuple[str, ...] = ()
    internal: Document = field(default_factory=dict)
    package: str = ""
    extension: Mapping[str, str] = field(default_factory=dict)
    source_position: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a program. ``id`` is empty where unknown; ``failed``: dependents are skipped.

    ``outputs`` is empty for components: ``RegisterResourceOutputs`` sets theirs.
    """

    urn: str
    id: str = ""
    outputs: Document = field(default_factory=dict)
    failed: bool = False
    unknown: bool = False
