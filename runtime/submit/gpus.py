"""Whether the VM size of a compute has the GPUs that a run asks for. Pure."""

from collections.abc import Callable

from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.errors import UsageError
from runtime.model.runs import RunSpec
from runtime.submit.abilities import RUN_CLUSTER
from runtime.targets.gpus import too_few


def check_gpus(spec: RunSpec, vm_size_of: Callable[[str], str]) -> None:
    """Raise ``UsageError`` if a node has fewer GPUs than the run needs, by its VM size.

    A size that the catalogue does not list may have any number: the node says it then.
    """
    made = spec.target.lower() == RUN_CLUSTER
    name = (spec.cluster.vm_size if spec.cluster else "") if made else vm_size_of(spec.target)
    size = vm_sizes().get(name.lower())
    if size is not None and size.gpus < spec.gpus:
        raise UsageError(
            too_few(spec.gpus, f"a {size.name} (target {spec.target!r})", size.gpus),
            remedy=f"Choose a compute of a size with {spec.gpus} or more, or ask for fewer.",
            at=spec.origins.get("gpus"),
        )
