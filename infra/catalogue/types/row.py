"""What the provider and the local cloud need to know about one resource type, as data.

No behaviour and no table: the rows are in the modules beside this one, ``types`` collects them.

Paths are dotted and walk through lists without an index. An *input path* starts at a Pulumi input
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
Autoname = Literal["suffix", "uuid"]

GROUP: Final = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"


@dataclass(frozen=True, slots=True)
class Variant:
    """Where one value of a type's discriminator differs from its row. Sets are added to the row's.

    ``inner`` names what may stand in ``properties.properties``; ``None`` when that is not known.
    """

    name_rule: NameRule | None = None
    api_version: str | None = None
    required: frozenset[str] = frozenset()
    secret: frozenset[str] = frozenset()
    read_only: frozenset[str] = frozenset()
    defaults: Document = field(default_factory=dict)
    open_ended: Document = field(default_factory=dict)
    delete_query: Mapping[str, str] = field(default_factory=dict)
    delete_before_replace: bool = False
    inner: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class ArmType:
    """The facts about one resource type.

    ``inputs`` maps every Pulumi input that goes into the body to its body path, ``outputs`` every
    output that is not also an input. ``path`` names its parameters as Pulumi does; the last one is
    the resource's name. What becomes of a changed input is in ``infra.catalogue.updates``.
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
    """A name nobody gave: the program's name and eight hex digits, or a GUID."""
    polled: frozenset[Verb] = frozenset()
    """Verbs the service answers before it is done."""
    required: frozenset[str] = frozenset()
    """Input paths; one with a dot is required where what contains it is given."""
    secret: frozenset[str] = frozenset()
    """Input paths that no service returns and nobody may print."""
    secret_outputs: frozenset[str] = frozenset()
    """Outputs to be sealed in state although they were not secret inputs."""
    read_only: frozenset[str] = frozenset()
    """Output paths below an input that only the service sets."""
    defaults: Document = field(default_factory=dict)
    """Input path to the value its absence means: the SDK may send it, the service returns it."""
    open_ended: Document = field(default_factory=dict)
    """Input path to the value with which the service is left to choose; ``None``: its absence."""
    nested: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Input path of a list whose items have ``properties`` of their own, flattened by Pulumi, to
    the keys that stand beside ``properties``."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Input path below an input to the name its last step has in the body."""
    kept: frozenset[str] = frozenset()
    """Body paths a PUT would wipe out when absent: sent back as the service has them."""
    delete_query: Mapping[str, str] = field(default_factory=dict)
    purge: tuple[Verb, str] | None = None
    """What deletes for good what a delete only parks: method and URL, with ``{id}``, ``{name}``,
    ``{location}`` and ``{subscriptionId}``."""
    delete_before_replace: bool = False
    """Never have two of them at a time, not even under different names."""
    discriminator: str | None = None
    """Input path whose value chooses a variant."""
    variants: Mapping[str, Variant] = field(default_factory=dict)
    kind: str = ""
    """The discriminator's value this is the row of; empty for the type's own row."""
    inner: frozenset[str] | None = None

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Return the inputs that make up the id, outermost first, the name last."""
        names = re.findall(r"\{(\w+)\}", self.path)
        return tuple(name for name in names if name != "subscriptionId")

    @property
    def name_input(self) -> str:
        """Return the input that names the resource."""
        return self.parameters[-1]

    @property
    def parent(self) -> str | None:
        """Return the ARM type that contains it, or ``None`` at the top of a provider."""
        provider, _, types = self.name.partition("/")
        above, _, _ = types.rpartition("/")
        return f"{provider}/{above}" if above else None

    @property
    def located(self) -> bool:
        """Tell whether it has a location of its own."""
        return "location" in self.inputs

    @cached_property
    def known(self) -> frozenset[str]:
        """Return every input Pulumi knows for it."""
        return frozenset({*self.inputs, *self.parameters, *self.query})

    @property
    def updates(self) -> UpdateRules:
        """Return what becomes of a change of each input, by input path."""
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
        """Return the row as it is for one value of the discriminator, matched without case.

        The row itself for a value that is not in the table: the service decides.
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
            delete_query={**self.delete_query, **variant.delete_query},
            delete_before_replace=self.delete_before_replace or variant.delete_before_replace,
            inner=variant.inner,
        )


def words(text: str) -> frozenset[str]:
    """Return the words of ``text`` as a set."""
    return frozenset(text.split())


def beside(text: str) -> dict[str, str]:
    """Map each word to itself: it stands at the top of the body, beside ``properties``."""
    return {name: name for name in text.split()}


def inside(text: str, **renamed: str) -> dict[str, str]:
    """Map each word to its place inside ``properties``; ``pulumi="arm"`` where names differ."""
    same = {name: f"properties.{name}" for name in text.split()}
    return {**same, **{name: f"properties.{arm}" for name, arm in renamed.items()}}


def below(prefix: str, text: str) -> frozenset[str]:
    """Return the paths ``prefix.word``, one a word."""
    return frozenset(f"{prefix}.{word}" for word in text.split())
