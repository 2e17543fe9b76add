"""What a plan changes about the price of a platform: the list price of its nodes at most. Pure.

A bound, not a bill: reservations, low priority, storage and network are not in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.vm_prices import PRICED, price_of
from infra.contract.json_types import Document
from infra.engine.model.events import Op, Step

_COMPUTE: Final = ":Compute"
_NODES: Final = "properties.properties.scaleSettings.maxNodeCount"
_SIZE: Final = "properties.properties.vmSize"
_ONE: Final = "ComputeInstance"
_MANY: Final = "AmlCompute"
_HALVES: Final = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED, Op.DISCARD})


@dataclass(frozen=True, slots=True)
class PriceChange:
    """The most that the nodes cost, in USD an hour, before and after; sizes without a price."""

    before: float
    after: float
    unpriced: tuple[str, ...] = ()

    def __str__(self) -> str:
        missing = f"; without {', '.join(self.unpriced)}" if self.unpriced else ""
        difference = self.after - self.before
        sign = "+" if difference >= 0 else "-"
        return (
            f"With every node running, at most {self.before:.2f} → {self.after:.2f} USD an hour"
            f" ({sign}{abs(difference):.2f}; list prices of {PRICED}{missing})"
        )


def price_change(steps: Iterable[Step]) -> PriceChange | None:
    """Return what the plan changes; ``None`` if no priced node is added, removed or changed."""
    before = after = 0.0
    unpriced: dict[str, None] = {}
    touched = False
    for step in steps:
        if not step.type.endswith(_COMPUTE) or step.op in _HALVES:
            continue
        old, new = most_an_hour(step.old, unpriced), most_an_hour(step.new, unpriced)
        if step.op is Op.SAME:
            new = old = new or old
        touched = touched or (step.op is not Op.SAME and old != new)
        before += 0.0 if step.op is Op.CREATE else old
        after += 0.0 if step.op is Op.DELETE else new
    return PriceChange(before, after, tuple(unpriced)) if touched else None


def most_an_hour(inputs: Document | None, unpriced: dict[str, None]) -> float:
    """Return what a compute costs at most, in USD an hour; 0 for one that is not Azure's own.

    A size without a list price is added to ``unpriced``.
    """
    kind = value_at(inputs or {}, "properties.computeType")
    size = value_at(inputs or {}, _SIZE)
    if kind not in {_ONE, _MANY} or not isinstance(size, str):
        return 0.0
    nodes = 1 if kind == _ONE else value_at(inputs or {}, _NODES)
    price = price_of(size, str((inputs or {}).get("location", "")))
    if price is None:
        unpriced[size] = None
        return 0.0
    return price.usd * nodes if isinstance(nodes, int | float) else 0.0
