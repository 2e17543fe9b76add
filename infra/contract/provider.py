"""The protocol between a deployment engine and a provider, as Pulumi's plugins speak it.

Everything here is plain JSON (``dict``, ``list``, ``str``, ``int``, ``float``, ``bool``, ``None``).
Unknown values of a preview are the string ``UNKNOWN`` at any depth. A provider receives and returns
secrets in plain form; it names the secret paths of its outputs (``secrets``), and the engine marks
and encrypts them.

A provider knows the request bodies, names, defaults, replacement rules and secret paths of its
types. It knows nothing of URNs, dependencies, protection, ordering or state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, runtime_checkable

from infra.contract.json_types import Document

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's sentinel for a value that is known after deployment only."""

DiffKind = Literal["add", "add-replace", "delete", "delete-replace", "update", "update-replace"]


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """One invalid input of a resource; ``property_path`` as ``properties.vmSize``."""

    property_path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The inputs as they are to be stored and used, with defaults and names filled in."""

    inputs: Document
    failures: Sequence[CheckFailure] = ()


@dataclass(frozen=True, slots=True)
class AutoName:
    """What a stack prescribes for a name that the program leaves out.

    A ``proposed`` name may be changed to what fits; an enforced one may not. ``disabled``: the
    program has to give one.
    """

    mode: Literal["propose", "enforce", "disabled"]
    proposed: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between old and new inputs.

    ``changed`` is ``None`` when the provider cannot decide; the engine then compares the inputs.
    ``detailed`` maps a property path to its kind; a ``*-replace`` kind alone forces a replacement,
    as does any top-level key in ``replaces``. ``notes`` adds a remark to a path
    (``ignored by Azure; …``).
    """

    changed: bool | None
    replaces: Sequence[str] = ()
    detailed: Mapping[str, DiffKind] = field(default_factory=dict)
    delete_before_replace: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An input that the service accepted but did not apply, as a read showed."""

    path: str
    wanted: object
    actual: object


@dataclass(frozen=True, slots=True)
class Existing:
    """A resource as the service has it. ``secrets`` are paths within ``outputs``.

    ``reasons`` say why it is not healthy; there are none when it is. If a create or an update
    reports ``ignored`` inputs, state stores ``inputs`` instead of the ones that were sent.
    ``unreturned`` are paths within the inputs at and below which no read returns anything.
    ``refresh_first``: it has to be refreshed before each deployment.
    """

    id: str
    inputs: Document
    outputs: Document
    secrets: Sequence[str] = ()
    reasons: Sequence[str] = ()
    ignored: Sequence[Ignored] = ()
    unreturned: Sequence[str] = ()
    refresh_first: bool = False


class Provider(Protocol):
    """Creates, reads, updates and deletes the resources of one Pulumi package.

    Every method may be called from several threads at once. ``type`` is a Pulumi token
    (``azure-native:machinelearningservices:Compute``). Errors are ``ProviderError`` (nothing was
    changed as far as the provider knows) or ``PartialFailure`` (it exists, but is not ready).
    ``tests/contract/provider_contract.py`` states these rules as tests.
    """

    def check(
        self, type: str, name: str, olds: Document | None, news: Document, seed: bytes, /
    ) -> Checked:
        """Validate and complete ``news``. ``olds`` are the old *checked* inputs, ``None`` when new.

        An auto-name is taken from ``olds`` if there, else derived from ``name`` and ``seed``.
        """

    def diff(
        self, type: str, id: str, olds: Document, old_outputs: Document, news: Document, /
    ) -> Difference:
        """Compare old and new checked inputs; pure. Unknown differs from everything."""

    def create(
        self, type: str, inputs: Document, /, *, timeout_s: float, preview: bool
    ) -> Existing:
        """Create it. A preview calls no service and returns ``UNKNOWN`` for what only it knows.

        Fails with ``ProviderError`` when the id exists already.
        """

    def read(self, type: str, id: str, inputs: Document, /) -> Existing | None:
        """Return the resource as it is now, or ``None`` if it is gone.

        ``inputs`` are the stored ones (empty for an import): secrets, which no service returns,
        and inputs whose values did not drift are carried over from them.
        """

    def update(
        self,
        type: str,
        id: str,
        olds: Document,
        old_outputs: Document,
        news: Document,
        /,
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        """Change it in place. In a preview the outputs that cannot change stay known."""

    def delete(self, type: str, id: str, inputs: Document, /, *, timeout_s: float) -> None:
        """Delete it. Succeeds if it is already gone."""


@runtime_checkable
class Configurable(Protocol):
    """A provider with configuration of its own (subscription, tenant, endpoint)."""

    def check_config(self, olds: Document | None, news: Document, /) -> Checked: ...

    def diff_config(self, olds: Document, news: Document, /) -> Difference:
        """Compare; ``replaces`` names keys whose change moves all resources (the subscription)."""

    def configure(self, config: Document, /) -> None: ...


@runtime_checkable
class TakesNames(Protocol):
    """A provider that takes the names which a stack prescribes, if ``takes_names`` says so."""

    @property
    def takes_names(self) -> bool: ...

    def check_named(
        self,
        type: str,
        name: str,
        olds: Document | None,
        news: Document,
        seed: bytes,
        /,
        *,
        autoname: AutoName | None,
    ) -> Checked:
        """As ``check``; a new auto-name is as ``autoname`` says."""


@runtime_checkable
class Invokes(Protocol):
    """A provider with functions (``azure-native:authorization:getClientConfig``)."""

    def invoke(self, token: str, args: Document, /, *, preview: bool) -> Document: ...


@runtime_checkable
class Locates(Protocol):
    """A provider that can predict the id of a create, so that an interrupted one can be found."""

    def locate(self, type: str, inputs: Document, /) -> str | None:
        """Return the id that a create with these checked inputs gives; ``None`` if not known."""


@runtime_checkable
class Adopts(Protocol):
    """A provider of types that only refer to what exists, so that an existing one can be adopted.

    It is called when a resource is to be created. ``inputs`` are checked ones.
    """

    def adoptable(self, type: str, inputs: Document, /) -> bool:
        """Say whether an existing resource could be adopted at all; pure."""

    def adopts(self, type: str, inputs: Document, existing: Existing, /) -> bool:
        """Say whether ``existing`` has the same target and can be updated in place to match."""


@runtime_checkable
class WithParents(Protocol):
    """A provider of types that a service makes and deletes together with their parents."""

    def made_with_parent(self, type: str, /) -> bool:
        """Say whether a create changes what is there already, and a delete resets it; pure."""


@runtime_checkable
class Cancels(Protocol):
    """A provider whose long-running polls can be stopped."""

    def cancel(self) -> None: ...


@runtime_checkable
class Repeatable(Protocol):
    """A provider of which there can be several, each with a configuration of its own."""

    def another(self) -> Provider:
        """Return a fresh provider of the same package, not configured yet."""


@runtime_checkable
class Addressed(Protocol):
    """A provider that needs to know which resource it works on, as Pulumi's plugins do."""

    def at(self, urn: str, inputs: Document, outputs: Document, /) -> Provider:
        """Return the provider of one resource, whose values are marked where they are secret.

        ``outputs`` are those in state, empty for a resource that is new.
        """


@runtime_checkable
class Covers(Protocol):
    """A provider of some of its package's types; the others are those of the package's plugin."""

    def covers(self, type: str, /) -> bool:
        """Say whether a type is this provider's: it has it, or nobody else may provide it."""


@dataclass(frozen=True, slots=True)
class Parameterization:
    """What makes one package of another one's plugin: its own name and version, and a value."""

    name: str
    version: str
    value: bytes


@runtime_checkable
class Extends(Protocol):
    """A provider that can learn the types of another package while it serves its own."""

    def extend(self, extension: Parameterization) -> None:
        """Learn a package, once; ``ProviderError`` if that is none of this provider's."""


class PluginSource(Protocol):
    """Where the providers of packages come from that this product does not have."""

    def plugin(
        self,
        package: str,
        version: str,
        parameterization: Parameterization | None,
        renamed: Mapping[str, str],
        /,
    ) -> Provider:
        """Return a provider, not configured yet; ``UsageError`` if there is none.

        ``version`` may be empty: any. ``renamed`` maps variables of this environment to the names
        that the plugin gets them under.
        """
