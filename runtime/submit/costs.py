"""What a run costs at most, by the list price of its nodes. Pure, but for the catalogue's file."""

from dataclasses import dataclass

from infra.catalogue.vm_prices import PRICED, Price, price_of
from infra.contract.json_types import JsonObject
from runtime.model.runs import MAX_DURATION_S, RunSpec

_HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a node, and of the whole run; ``None`` for a run without a limit of its own."""

    size: str
    nodes: int
    node: Price
    at_most_usd: float | None

    def __str__(self) -> str:
        where = f"{self.size}, list price of {PRICED} in {self.node.region}"
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


def cost_of(spec: RunSpec, size: str, region: str) -> Cost | None:
    """Return what a run on nodes of a VM size costs; ``None`` where the size has no list price.

    The bound is that of the maximum duration; what nodes cost before and after it is not in it.
    """
    price = price_of(size, region)
    if price is None:
        return None
    limited = spec.max_duration_s != MAX_DURATION_S
    hours = spec.max_duration_s / _HOUR_S
    whole = price.usd * spec.node_count * hours if limited else None
    return Cost(size, spec.node_count, price, None if whole is None else round(whole, 2))
