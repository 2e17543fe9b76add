"""The protocol between a deployment engine and a provider, as Pulumi's plugins speak it.

Everything here is plain JSON (``dict``, ``list``, ``str``, ``int``, ``float``, ``bool``, ``None``).
Unknown values of a preview are the string ``UNKNOWN`` at any depth. Secrets are looked through:
a provider receives and returns them in plain form, names the paths of its answers that are secret
(``secrets``), and the engine marks and seals them.

A provider knows bodies, names, defaults, replace rules and secret paths of its types. It knows
nothing of URNs, dependencies, protect, ordering or state.
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
    """One thing wrong with the inputs of a resource; ``property_path`` as ``properties.vmSize``."""

    property_path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The inputs as they are to be stored and used, with defaults and names filled in."""

    inputs: Document
    failures: Sequence[CheckFailure] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between old and new inputs.

    ``changed`` is ``None`` when the provider cannot tell; the engine then compares the inputs.
    ``detailed`` maps a property path to its kind; ``*-replace`` kinds alone force a replacement,
    as does any top-level key in ``replaces``. ``notes`` says in words of a path what else there is
    to know (``ignored by Azure; …``).
    """

    changed: bool | None
    replaces: Sequence[str] = ()
    detailed: Mapping[str, DiffKind] = field(default_factory=dict)
    delete_before_replace: bool = False
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An input that the service accepted and did not take over, as it was read back."""

    path: str
    wanted: object
    actual: object


@dataclass(frozen=True, slots=True)
class Existing:
    """A resource as the service has it. ``secrets`` are paths within ``outputs``.

    With ``ignored`` (of a create or an update) ``inputs`` are what state is to keep.
    """

    id: str
    inputs: Document
    outputs: Document
    secrets: Sequence[str] = ()
    reasons: Sequence[str] = ()  # why it is not healthy, if it is not
    ignored: Sequence[Ignored] = ()


class Provider(Protocol):
    """Creates, reads, updates and deletes the resources of one Pulumi package.

    Every method may be called from several threads at once. ``type`` is a Pulumi token
    (``azure-native:machinelearningservices:Compute``). Errors are ``ProviderError`` (nothing was
    changed as far as the provider knows) or ``PartialFailure`` (it exists, but is not ready).
    """

    def check(
        self,
        type: str,
        name: str,
        olds: Document | None,
        news: Document,
        seed: bytes,
    ) -> Checked:
        """Validate and complete ``news``. ``olds`` are the old *checked* inputs, ``None`` when new.

        An auto-name is taken from ``olds`` if there, else derived from ``name`` and ``seed``.
        """

    def diff(
        self, type: str, id: str, olds: Document, old_outputs: Document, news: Document
    ) -> Difference:
        """Compare old and new checked inputs; pure. Unknown differs from everything."""

    def create(self, type: str, inputs: Document, *, timeout_s: float, preview: bool) -> Existing:
        """Create it. A preview reaches no service and returns ``UNKNOWN`` for what only it knows.

        Refuses (``ProviderError``) when the id exists already.
        """

    def read(self, type: str, id: str, inputs: Document) -> Existing | None:
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
        *,
        timeout_s: float,
        preview: bool,
    ) -> Existing:
        """Change it in place. In a preview the outputs that cannot change stay known."""

    def delete(self, type: str, id: str, inputs: Document, *, timeout_s: float) -> None:
        """Delete it. That it is gone already is success."""


@runtime_checkable
class Configurable(Protocol):
    """A provider with configuration of its own (subscription, tenant, endpoint)."""

    def check_config(self, olds: Document | None, news: Document) -> Checked: ...

    def diff_config(self, olds: Document, news: Document) -> Difference:
        """Compare; ``replaces`` names keys whose change moves all resources (the subscription)."""

    def configure(self, config: Document) -> None: ...


@runtime_checkable
class Invokes(Protocol):
    """A provider with functions (``azure-native:authorization:getClientConfig``)."""

    def invoke(self, token: str, args: Document, *, preview: bool) -> Document: ...


@runtime_checkable
class Locates(Protocol):
    """A provider that can tell the id a create would give, so that an interrupted one is found."""

    def locate(self, type: str, inputs: Document) -> str | None: ...


@runtime_checkable
class Adopts(Protocol):
    """A provider of types that only point at what exists, so that finding one is as good as new.

    It is asked when a resource is to be created. ``inputs`` are checked ones.
    """

    def adoptable(self, type: str, inputs: Document) -> bool:
        """Tell whether it is worth a look; pure."""

    def adopts(self, type: str, inputs: Document, existing: Existing) -> bool:
        """Tell whether what exists points at the same, and can be changed into it in place."""


@runtime_checkable
class Cancels(Protocol):
    """A provider whose long-running polls can be told to stop."""

    def cancel(self) -> None: ...


@runtime_checkable
class Repeatable(Protocol):
    """A provider of which there can be several, each with a configuration of its own."""

    def another(self) -> Provider:
        """Return a fresh provider of the same package, not configured yet."""
