"""What Azure ML offers in a region: VM sizes, quotas and their usage. One catalogue for all."""

from typing import Any, Final

from infra.contract.vm_sizes import VmSize, vm_sizes
from localcloud.calls.messages import Call, Reply, page
from localcloud.calls.routes import Route

_BASE: Final = (
    "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}"
)
_CORES_PER_FAMILY: Final = 10_000
_OS_DISK_MIB: Final = 1_047_552
_COMPUTES: Final = "Microsoft.MachineLearningServices/workspaces/computes"


def _sizes(_: Call) -> Reply:
    return page(_size_document(size) for size in vm_sizes().values())


def _size_document(size: VmSize) -> dict[str, Any]:
    return {
        "name": size.name,
        "family": size.family,
        "vCPUs": size.vcpus,
        "gpus": size.gpus,
        "osVhdSizeMB": _OS_DISK_MIB,
        "maxResourceVolumeMB": size.memory_mib * 2,
        "memoryGB": size.memory_mib / 1024,
        "lowPriorityCapable": True,
        "premiumIO": "s_v" in size.name.lower() or "DS" in size.name,
        "estimatedVMPrices": None,
        "supportedComputeTypes": ["AmlCompute", "ComputeInstance"],
    }


def _cores_in_use(call: Call) -> dict[str, int]:
    """Return the cores of all nodes there are now, by family."""
    cores: dict[str, int] = {}
    for compute in call.cloud.store.resources.of_type(_COMPUTES, now=call.now):
        inner = compute.properties.get("properties") or {}
        size = vm_sizes().get(str(inner.get("vmSize")).lower())
        if size is not None:
            nodes = _node_count(call, compute.id, compute.properties["computeType"])
            cores[size.family] = cores.get(size.family, 0) + nodes * size.vcpus
    return cores


def _node_count(call: Call, compute: str, type: str) -> int:
    if type != "AmlCompute":
        return 1
    return int(call.cloud.nodes.allocation(compute)["currentNodeCount"])


def _families() -> list[str]:
    return sorted({size.family for size in vm_sizes().values()})


def _usages(call: Call) -> Reply:
    used = _cores_in_use(call)
    base = call.path.rpartition("/")[0]
    return page(
        {
            "id": f"{base}/usages/{family}",
            "type": "Microsoft.MachineLearningServices/locations/usages",
            "amlWorkspaceLocation": call.params["location"],
            "unit": "Count",
            "currentValue": used.get(family, 0),
            "limit": _CORES_PER_FAMILY,
            "name": {"value": family, "localizedValue": family},
        }
        for family in _families()
    )


def _quotas(call: Call) -> Reply:
    base = call.path.rpartition("/")[0]
    return page(
        {
            "id": f"{base}/quotas/{family}",
            "type": "Microsoft.MachineLearningServices/locations/quotas",
            "amlWorkspaceLocation": call.params["location"],
            "unit": "Count",
            "limit": _CORES_PER_FAMILY,
            "name": {"value": family, "localizedValue": family},
        }
        for family in _families()
    )


ROUTES: Final = (
    Route("GET", f"{_BASE}/vmSizes", _sizes),
    Route("GET", f"{_BASE}/usages", _usages),
    Route("GET", f"{_BASE}/quotas", _quotas),
)
