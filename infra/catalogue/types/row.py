"""The facts about one resource type that the provider and the local cloud need, as data.

The rows are in the modules beside this one; ``table`` collects them.

Paths are dotted and pass through lists without an index. An *input path* starts at a Pulumi input
(``properties.properties.vmSize``), a *body path* at the top of the ARM document.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from infra.catalogue.names import NameRule
from infra.catalogue.updates.rule import UpdateRules
from infra.catalogue.updates.table import rules_of
from infra.contract.json_types import Document

Verb = Literal["PUT", "PATCH", "POST", "DELETE"]
Autoname = Literal["suffix", "uuid", "default", "given"]

PARAMETER: Final = re.compile(r"\{([\w.]+)\}")
SCOPES: Final = frozenset({"scope", "resourceUri"})
"""Parameters that are whole ids: of what an extension resource extends."""
GROUP: Final = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"


@dataclass(frozen=True, slots=True)
class Variant:
    """How one value of a type's discriminator differs from the row. Sets extend the row's.

    ``inner`` lists the keys allowed in ``properties.properties``; ``None`` if unknown.
    """

    name_rule: NameRule | None = None
    api_version: str | None = None
    required: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    defaults: Document = field(default_factory=dict)
    open_ended: Document = field(default_factory=dict)
    as_found: frozenset[str] = frozenset()
    delete_query: Mapping[str, str] = field(default_factory=dict)
    delete_before_replace: bool = False
    inner: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ArmType:
    """The facts about one resource type.

    ``inputs`` maps every Pulumi input that goes into the body to its body path, ``outputs`` every
    other output. ``path`` names its parameters as Pulumi does; the last one is the resource's name.
    ``infra.catalogue.updates`` has the effect of changing an input.
    """

    pulumi_type: str
    name: str
    api_version: str
    path: str
    name_rule: NameRule
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    """Inputs sent in the query of a PUT."""
    autoname: Autoname = "suffix"
    """The generated name: the program's name and eight hex digits, a GUID, or ``default``.
    ``given``: none that is generated fits, such as a domain."""
    polled: frozenset[Verb] = frozenset()
    """Verbs that start a long-running operation."""
    required: frozenset[str] = frozenset()
    """Input paths; a nested one is required only if its parent is given."""
    secret: frozenset[str] = frozenset()
    """Input paths that the service never returns and that must not be printed."""
    secret_outputs: frozenset[str] = frozenset()
    """Outputs to encrypt in state that are not secret inputs."""
    read_only: frozenset[str] = frozenset()
    """Output paths below an input that only the service sets."""
    defaults: Document = field(default_factory=dict)
    """Input path to its default: the SDK may send it, the service returns it."""
    open_ended: Document = field(default_factory=dict)
    """Input path to the value that leaves the choice to the service; ``None``: absence."""
    nested: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Input path of a list whose items have their own ``properties``, which Pulumi flattens, to the
    keys beside ``properties``."""
    shared: frozenset[str] = frozenset()
    """Input paths of lists of named items that a PUT adds to and deletes nothing from: items that
    the inputs do not name belong to others, and are not compared."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Input path below an input to the name its last step has in the body."""
    kept: frozenset[str] = frozenset()
    """Body paths that a PUT erases if absent; sent back as the service has them, unless the inputs
    mentioned them before."""
    as_found: frozenset[str] = frozenset()
    """Input paths that inputs need not govern: absent means as the service has it. Then they are
    not compared, and a PUT sends the service's value back."""
    delete_query: Mapping[str, str] = field(default_factory=dict)
    purge: tuple[Verb, str] | None = None
    """The request that purges a soft-deleted resource: method and URL, with ``{id}``, ``{name}``,
    ``{location}`` and ``{subscriptionId}``."""
    delete_before_replace: bool = False
    """Two must never exist at a time, not even under different names."""
    with_parent: Document | None = None
    """The service makes and deletes the resource with its parent: a create changes what is there,
    and a delete PUTs this body, which has the service's defaults."""
    versioned: bool = False
    """A PUT over an existing resource adds a version, and loses nothing."""
    discriminator: str | None = None
    """Input path whose value selects a variant."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    kind: str = ""
    """The discriminator's value of this variant; empty for the type's own row."""
    inner: frozenset[str] | None = None

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Return the inputs the id is made of, outermost first, the name last."""
        return tuple(name for name in PARAMETER.findall(self.path) if name != "subscriptionId")

    def id_of(self, values: Mapping[str, str]) -> str:
        """Return the id for a value of each parameter, and of ``subscriptionId``."""
        return PARAMETER.sub(lambda match: values[match[1]], self.path)

    @property
    def name_input(self) -> str:
        """Return the input that names the resource."""
        return self.parameters[-1]

    @property
    def parent(self) -> str | None:
        """Return the parent ARM type, or ``None`` for a top-level type."""
        provider, _, types = self.name.partition("/")
        above, _, _ = types.rpartition("/")
        return f"{provider}/{above}" if above else None

    @property
    def located(self) -> bool:
        """Return whether the type has a location of its own."""
        return "location" in self.inputs

    @cached_property
    def known(self) -> frozenset[str]:
        """Return every input that Pulumi has for the type."""
        parameters = (name.partition(".")[0] for name in self.parameters)
        return frozenset({*self.inputs, *parameters, *self.query})

    @property
    def updates(self) -> UpdateRules:
        """Return the effect of changing each input, by input path."""
        return rules_of(self.pulumi_type, self.kind)

    def body_path(self, input_path: str) -> str:
        """Return the body path of an input path: ``properties.accessTier`` for ``accessTier``."""
        walked, *rest = input_path.split(".")
        steps = [self.inputs[walked]]
        for step in rest:
            if walked in self.nested and step not in self.nested[walked]:
                steps.append("properties")
            walked = f"{walked}.{step}"
            steps.append(self.renamed.get(walked, step))
        return ".".join(steps)

    def variant(self, value: object) -> "ArmType":
        """Return the row for one value of the discriminator, matched without case.

        For a value that is not in the table, returns the row itself: the service decides.
        """
        return self._by_value.get(value.lower(), self) if isinstance(value, str) else self

    @cached_property
    def _by_value(self) -> Mapping[str, "ArmType"]:
        return {value.lower(): self._with(value, one) for value, one in self.variants.items()}

    def _with(self, kind: str, variant: Variant) -> "ArmType":
        return dataclasses.replace(
            self,
            kind=kind,
            name_rule=variant.name_rule or self.name_rule,
            api_version=variant.api_version or self.api_version,
            required=self.required | variant.required,
            secret=self.secret | variant.secret,
            read_only=self.read_only | variant.read_only,
            defaults={**self.defaults, **variant.defaults},
            open_ended={**self.open_ended, **variant.open_ended},
            as_found=self.as_found | variant.as_found,
            delete_query={**self.delete_query, **variant.delete_query},
            delete_before_replace=self.delete_before_replace or variant.delete_before_replace,
            inner=variant.inner,
        )


def words(text: str) -> frozenset[str]:
    """Return the words of ``text`` as a set."""
    return frozenset(text.split())


def beside(text: str) -> dict[str, str]:
    """Map each word to itself: a key of the body beside ``properties``."""
    return {name: name for name in text.split()}


def inside(text: str, **renamed: str) -> dict[str, str]:
    """Map each word to its place inside ``properties``; ``pulumi="arm"`` where names differ."""
    same = {name: f"properties.{name}" for name in text.split()}
    return {**same, **{name: f"properties.{arm}" for name, arm in renamed.items()}}


def below(prefix: str, text: str) -> frozenset[str]:
    """Return the path ``prefix.word`` for each word."""
    return frozenset(f"{prefix}.{word}" for word in text.split())
