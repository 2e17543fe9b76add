"""What a run costs at most, by the list price of its nodes. Pure, but for the catalogue's file."""

from dataclasses import dataclass
from typing import Final

from infra.catalogue.vm_prices import PRICED, Price, price_of
from infra.contract.json_types import JsonObject
from runtime.model.runs import MAX_DURATION_S, RunSpec
from runtime.model.services import DATABRICKS_NODE_TYPE, BatchOptions, DatabricksOptions
from runtime.submit.abilities import BATCH, DATABRICKS, HDINSIGHT

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

    Without a ``size``, it is that of the nodes that are made for the run on a target of ``kind``.
    The bound is that of the maximum duration; what nodes cost before and after it is not in it.
    """
    nodes = spec.node_count
    if not size and spec.cluster is not None:
        size = spec.cluster.vm_size
    pool = spec.batch or BatchOptions()
    if kind == DATABRICKS:
        size, nodes = _cluster(spec.databricks or DatabricksOptions(), region)
    if kind == BATCH and (pool.create_pool or not pool.pool):
        size, nodes = pool.vm_size, max(pool.nodes, nodes)
    price = price_of(size, region)
    if price is None:
        return None
    limited = spec.max_duration_s != MAX_DURATION_S
    hours = spec.max_duration_s / _HOUR_S
    whole = price.usd * nodes * hours if limited else None
    return Cost(
        size, nodes, price, None if whole is None else round(whole, 2), _WITHOUT.get(kind, "")
    )


def unpriced(spec: RunSpec, size: str, kind: str) -> str:
    """Return why the price of a run that ``cost_of`` has none for is not known."""
    if kind == HDINSIGHT:
        return "not known: the nodes of the cluster are billed whether it has runs or not"
    if kind == BATCH and not size:
        return "not known: the nodes of the pool are billed whether it has runs or not"
    options = spec.databricks or DatabricksOptions()
    if kind == DATABRICKS and options.serverless:
        return "not known: serverless is billed in Databricks' own units"
    if kind == DATABRICKS and options.cluster_id:
        return "not known: the nodes of the cluster are billed whether it has runs or not"
    if kind == DATABRICKS and options.instance_pool_id:
        return "not known: the instance pool has the size of the nodes"
    if kind == DATABRICKS:
        size = options.node_type or DATABRICKS_NODE_TYPE
    return f"not known: {size} has no list price here" if size else ""


def _cluster(options: DatabricksOptions, region: str) -> tuple[str, int]:
    """Return the size and number of the nodes of a cluster that is made for a run, or none.

    If its driver is of another size, the dearer one is that of all.
    """
    if options.cluster_id or options.serverless or options.instance_pool_id:
        return "", 0
    size = options.node_type or DATABRICKS_NODE_TYPE
    nodes = 1 + (options.max_workers or options.num_workers or 0)
    driver = options.driver_node_type
    if driver is None or driver == size:
        return size, nodes
    prices = [(price, each) for each in (size, driver) if (price := price_of(each, region))]
    dearest = max(prices, key=lambda known: known[0].usd, default=None)
    return (dearest[1], nodes) if dearest is not None and prices[1:] else ("", 0)
