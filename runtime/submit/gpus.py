"""Whether the VM size of a compute has the GPUs that a run asks for. Pure."""

from collections.abc import Callable

from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.errors import UsageError
from runtime.model.runs import RunSpec
from runtime.model.services import DATABRICKS_NODE_TYPE as NODE_TYPE
from runtime.model.services import BatchOptions, DatabricksOptions
from runtime.submit.abilities import BATCH, DATABRICKS, RUN_CLUSTER
from runtime.targets.gpus import too_few

_COMPUTE = "Choose a compute of a size"
_CHOOSE = {BATCH: "Give a `vm_size`", DATABRICKS: "Give a `node_type`"}


def check_gpus(spec: RunSpec, kind: str, vm_size_of: Callable[[str], str]) -> None:
    """Raise ``UsageError`` if a node has fewer GPUs than the run needs, by its VM size.

    A size that the catalogue does not list may have any number: the node says it then.
    """
    size = vm_sizes().get(_size(spec, kind, vm_size_of).lower())
    if size is not None and size.gpus < spec.gpus:
        raise UsageError(
            too_few(spec.gpus, f"a {size.name} (target {spec.target!r})", size.gpus),
            remedy=f"{_CHOOSE.get(kind, _COMPUTE)} with {spec.gpus} or more, or ask for fewer.",
            at=spec.origins.get("gpus"),
        )


def _size(spec: RunSpec, kind: str, vm_size_of: Callable[[str], str]) -> str:
    """Return the VM size of what runs the script, ``""`` where it is not known."""
    if spec.target.lower() == RUN_CLUSTER:
        return spec.cluster.vm_size if spec.cluster else ""
    if kind == BATCH:
        pool = spec.batch or BatchOptions()
        return "" if pool.pool else pool.vm_size
    if kind == DATABRICKS:
        options = spec.databricks or DatabricksOptions()
        there = options.cluster_id or options.serverless or options.instance_pool_id
        return "" if there else options.driver_node_type or options.node_type or NODE_TYPE
    return vm_size_of(spec.target)
