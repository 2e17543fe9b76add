"""What a run costs at most, by the list price of its nodes. Pure, but for the catalogue's file."""

from dataclasses import dataclass
from typing import Final

from infra.catalogue.vm_prices import PRICED, Price, price_of
from infra.contract.json_types import JsonObject
from runtime.model.runs import MAX_DURATION_S, RunSpec
from runtime.submit.abilities import DATABRICKS
from runtime.submit.billing import nodes_of, why_not

_HOUR_S = 3600
_WITHOUT: Final = {DATABRICKS: ", without Databricks' own units"}


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a node, and of the whole run; ``None`` for a run without a limit of its own.

    ``without``: what is billed besides, and has no price here.
    """

    size: str
    nodes: int
    node: Price
    at_most_usd: float | None
    without: str = ""

    def __str__(self) -> str:
        where = f"{self.size}, list price of {PRICED} in {self.node.region}{self.without}"
        each = f"{self.node.usd:.2f} USD an hour a node ({where})"
        if self.at_most_usd is None:
            return f"{each}; `--max-duration` bounds the whole"
        return f"at most {self.at_most_usd:.2f} USD; {each}"

    def document(self) -> JsonObject:
        """Return it as data."""
        return {
            "vm_size": self.size,
            "region": self.node.region,
            "usd_per_node_hour": self.node.usd,
            "at_most_usd": self.at_most_usd,
            "prices_of": PRICED,
        }


def cost_of(spec: RunSpec, size: str, region: str, kind: str = "") -> Cost | None:
    """Return what a run on nodes of a VM size costs; ``None`` where the size has no list price.

    Without a ``size``, it is that of the nodes that are made for the run on a target of ``kind``;
    if they are of several, the dearest one is that of all.
    The bound is that of the maximum duration; what nodes cost before and after it is not in it.
    """
    sizes = nodes_of(spec, size, kind)
    prices = [(price, each) for each in sizes if (price := price_of(each, region))]
    dearest = max(prices, key=lambda known: known[0].usd, default=None)
    if dearest is None or len(prices) < len(sizes):
        return None
    price, size = dearest
    nodes = sum(sizes.values())
    limited = spec.max_duration_s != MAX_DURATION_S
    hours = spec.max_duration_s / _HOUR_S
    whole = price.usd * nodes * hours if limited else None
    return Cost(
        size, nodes, price, None if whole is None else round(whole, 2), _WITHOUT.get(kind, "")
    )


def unpriced(spec: RunSpec, size: str, region: str, kind: str) -> str:
    """Return why the price of a run that ``cost_of`` has none for is not known."""
    sizes = [each for each in nodes_of(spec, size, kind) if not price_of(each, region)]
    if sizes:
        return f"not known: {', '.join(sizes)} has no list price here"
    why = why_not(spec, kind)
    return f"not known: {why}" if why else ""
