"""Which nodes a run is billed for, as far as that is known when it is submitted."""

from runtime.model.runs import Billed, RunSpec
from runtime.model.services import DATABRICKS_NODE_TYPE, BatchOptions, DatabricksOptions
from runtime.submit.abilities import BATCH, DATABRICKS, HDINSIGHT
from runtime.targets.finding import ON_THIS_MACHINE, Targets

_OF_THE_CLUSTER = "the nodes of the cluster are billed whether it has runs or not"
_MACHINE = "the machine is billed whether it has runs or not"
_OF_THE_POOL = "the nodes of the pool are billed whether it has runs or not"


def billed_of(spec: RunSpec, targets: Targets) -> Billed:
    """Return the nodes of a run. Raises what ``Targets.kind`` raises."""
    kind = targets.kind(spec.target)
    if spec.target in ON_THIS_MACHINE:
        return Billed(spec.target, kind, why_not="this machine")
    place = targets.billed(spec.target)
    if place is None:
        here = "the local cloud" if targets.is_local_cloud else "machines of your own"
        return Billed(spec.target, kind, why_not=here)
    sizes = nodes_of(spec, place.vm_size, kind)
    return Billed(
        spec.target,
        kind,
        sizes,
        place.region,
        place.low_priority or _is_low_priority(spec, kind),
        "" if sizes else why_not(spec, kind) or _MACHINE,
    )


def nodes_of(spec: RunSpec, size: str, kind: str = "") -> dict[str, int]:
    """Return how many nodes of each size a run has; none if it makes use of what is there anyway.

    Without a ``size``, it is that of the nodes that are made for the run on a target of ``kind``.
    """
    if kind == DATABRICKS:
        return _cluster(spec.databricks or DatabricksOptions())
    pool = spec.batch or BatchOptions()
    if kind == BATCH and (pool.create_pool or not pool.pool):
        return {pool.vm_size: max(pool.nodes, spec.node_count)}
    if kind == BATCH:
        return {}
    if not size and spec.cluster is not None:
        size = spec.cluster.vm_size
    return {size: spec.node_count} if size else {}


def why_not(spec: RunSpec, kind: str) -> str:
    """Return why no nodes are billed for a run on a service, ``""`` if there is no such reason."""
    options = spec.databricks or DatabricksOptions()
    if kind == HDINSIGHT or (kind == DATABRICKS and options.cluster_id):
        return _OF_THE_CLUSTER
    if kind == BATCH and not nodes_of(spec, "", kind):
        return _OF_THE_POOL
    if kind == DATABRICKS and options.serverless:
        return "serverless is billed in Databricks' own units"
    if kind == DATABRICKS and options.instance_pool_id:
        return "the instance pool has the size of the nodes"
    return ""


def _is_low_priority(spec: RunSpec, kind: str) -> bool:
    if kind == BATCH:
        return spec.batch is not None and spec.batch.low_priority
    if kind == DATABRICKS:
        return spec.databricks is not None and spec.databricks.spot
    return spec.cluster is not None and spec.cluster.low_priority


def _cluster(options: DatabricksOptions) -> dict[str, int]:
    """Return the nodes of a cluster that is made for a run, with all workers that it may get."""
    if options.cluster_id or options.serverless or options.instance_pool_id:
        return {}
    size = options.node_type or DATABRICKS_NODE_TYPE
    workers = options.max_workers or options.num_workers or 0
    sizes = {options.driver_node_type or size: 1}
    if workers:
        sizes[size] = sizes.get(size, 0) + workers
    return sizes
