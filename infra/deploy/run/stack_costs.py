"""What the computes of a stack file cost: at rest, and with every node running. Pure.

List prices of virtual machines only: storage, networks, registries and discounts are not in it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from infra.catalogue.locations import location_name
from infra.catalogue.vm_prices import PriceTable, price_of
from infra.spec.clusters import AmlComputeSpec
from infra.spec.instances import ComputeInstanceSpec
from infra.spec.stack import StackSpec

HOURS_A_MONTH: Final = 730
"""As in Azure's price calculator."""
_LOW_PRIORITY: Final = "low priority costs less; the price is that of dedicated nodes"
_SCHEDULED: Final = "has schedules; priced as if it always ran"
_IDLE: Final = "shuts down when idle; priced as if it always ran"
_UNPRICED: Final = "no list price"


@dataclass(frozen=True, slots=True)
class ComputeCost:
    """One compute. Prices are in USD an hour, ``None`` without a list price.

    ``rest`` is what it costs without runs, ``most`` with every node running.
    """

    name: str
    kind: str
    vm_size: str
    region: str
    least_nodes: int
    most_nodes: int
    rest: float | None
    most: float | None
    remark: str = ""


def stack_costs(spec: StackSpec, table: PriceTable | None = None) -> list[ComputeCost]:
    """Return the costs of the computes that Azure bills by the node; others have their own bill."""
    found = []
    for compute in spec.computes:
        if isinstance(compute, AmlComputeSpec):
            nodes = (compute.min_nodes, compute.max_nodes)
            found.append(_cost(compute, spec, nodes, table))
        elif isinstance(compute, ComputeInstanceSpec):
            idle = _IDLE if compute.idle_shutdown_minutes else ""
            found.append(
                _cost(compute, spec, (1, 1), table, _SCHEDULED if compute.schedules else idle)
            )
    return found


def totals(costs: Iterable[ComputeCost]) -> tuple[float, float]:
    """Return what all of them cost at rest and at most, in USD an hour."""
    known = list(costs)
    return sum(each.rest or 0.0 for each in known), sum(each.most or 0.0 for each in known)


def _cost(
    compute: AmlComputeSpec | ComputeInstanceSpec,
    spec: StackSpec,
    nodes: tuple[int, int],
    table: PriceTable | None,
    remark: str = "",
) -> ComputeCost:
    region = compute.location or spec.location
    low = isinstance(compute, AmlComputeSpec) and compute.priority == "low_priority"
    price = price_of(compute.vm_size, region, table, low_priority=low)
    remarks = [remark] if remark else []
    if price is None:
        remarks = [_UNPRICED]
    elif low and not price.low_priority:
        remarks.append(_LOW_PRIORITY)
    if price is not None and price.region != location_name(region):
        remarks.append(f"no price for {region}; that of {price.region}")
    least, most = nodes
    return ComputeCost(
        compute.name,
        compute.kind,
        compute.vm_size,
        region,
        least,
        most,
        None if price is None else price.usd * least,
        None if price is None else price.usd * most,
        "; ".join(remarks),
    )
