"""What a plan deletes and makes in a cloud, by resource. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from infra.arm.bodies import resource_id
from infra.catalogue.names import parse_arm_id
from infra.catalogue.types.machine_learning import DETACH
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import TYPES, variant_of_inputs
from infra.contract.json_types import Document
from infra.engine.model.events import Op, Step

_ROWS: Final = {row.pulumi_type: row for row in TYPES}
_REPLACED: Final = frozenset({Op.REPLACE, Op.CREATE_REPLACEMENT})
_DELETED: Final = _REPLACED | {Op.DELETE, Op.DELETE_REPLACED}
_CHANGED: Final = _REPLACED | {Op.CREATE, Op.UPDATE, Op.IMPORT}


@dataclass(frozen=True, slots=True)
class Planned:
    """One resource that a plan changes. An id is empty if nothing is there, or it is not known.

    ``replaced``: deleted and made again, under the same id or another.
    """

    row: ArmType
    step: Step
    old: str = ""
    new: str = ""
    replaced: bool = False

    @property
    def created(self) -> bool:
        return not self.old

    @property
    def deleted(self) -> bool:
        """Whether the plan deletes what is there."""
        return self.replaced or not self.new

    @property
    def detached(self) -> bool:
        """Whether it only attaches what exists: an attachment that is there is adopted."""
        return is_attachment(self.row)

    @property
    def moves(self) -> bool:
        """Whether the replacement has another id than what it replaces."""
        return self.replaced and bool(self.new) and self.new.lower() != self.old.lower()

    @property
    def inputs(self) -> Document:
        return self.step.new or {}

    def __str__(self) -> str:
        """Return the resource as a message names it: ``key vault 'safe'``."""
        return f"{self.row.name_rule.noun} {parse_arm_id(self.old or self.new).name!r}"


def is_attachment(row: ArmType) -> bool:
    """Return whether a resource only attaches what exists, which its deletion leaves as it is."""
    return row.discriminator is not None and row.delete_query == DETACH


def planned(steps: Iterable[Step], subscription: str) -> Sequence[Planned]:
    """Return what a plan changes in the cloud: a resource each, its steps put together."""
    found: dict[str, Planned] = {}
    for step in steps:
        row = _ROWS.get(step.type)
        if row is None or step.op not in _DELETED | _CHANGED:
            continue
        row = variant_of_inputs(row, step.new or step.old or {})
        before = found.get(step.urn)
        there = step.op in _DELETED | {Op.UPDATE, Op.IMPORT}
        old = step.id if there and step.id.startswith("/") else ""
        new = resource_id(row, step.new or {}, subscription) if step.op in _CHANGED else None
        one = Planned(row, step, old, new or "", step.op in _REPLACED)
        found[step.urn] = _together(before, one) if before else one
    return [each for each in found.values() if each.old or each.new]


def _together(one: Planned, other: Planned) -> Planned:
    return Planned(
        one.row,
        one.step if one.step.new else other.step,
        one.old or other.old,
        one.new or other.new,
        replaced=True,
    )
