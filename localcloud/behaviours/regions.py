"""VM sizes, quotas and usages of a region. All regions have the same VM sizes."""

from typing import Final
from urllib.parse import unquote

from infra.catalogue.api_versions import MACHINE_LEARNING_VM_SIZES
from infra.catalogue.body_shapes import Shape
from infra.catalogue.vm_sizes import VmSize, vm_sizes
from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route

_BASE: Final = (
    "/subscriptions/{subscription}/providers/Microsoft.MachineLearningServices/locations/{location}"
)
_CORES: Final = 1_000_000
# Azure ML's names of the quotas that count all VM families together.
_DEDICATED: Final = "Total Cluster Dedicated Regional vCPUs"
_LOW_PRIORITY: Final = "Total Cluster Low Priority Regional vCPUs"
_OS_DISK_MIB: Final = 1_047_552
_COMPUTES: Final = "Microsoft.MachineLearningServices/workspaces/computes"


def _sizes(call: Call) -> Reply:
    """List the VM sizes. The api-versions of azureml-core have them under another key."""
    sizes = [_size_document(size) for size in vm_sizes().values()]
    key = "amlCompute" if call.api_version < MACHINE_LEARNING_VM_SIZES else "value"
    return answer({key: sizes})


def _size_document(size: VmSize) -> JsonObject:
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
    """Return the cores of all current nodes by quota name."""
    cores: dict[str, int] = {}
    for compute in call.cloud.store.resources.of_type(_COMPUTES, now=call.now):
        inner = compute.properties.get("properties") or {}
        size = vm_sizes().get(str(inner.get("vmSize")).lower())
        if size is not None:
            nodes = _node_count(call, compute.id, compute.properties["computeType"])
            low = inner.get("vmPriority") == "LowPriority"
            for name in (_LOW_PRIORITY,) if low else (_DEDICATED, size.family):
                cores[name] = cores.get(name, 0) + nodes * size.vcpus
    return cores


def _node_count(call: Call, compute: str, type: str) -> int:
    if type != "AmlCompute":
        return 1
    return int(call.cloud.nodes.allocation(compute)["currentNodeCount"])


def _quota_names() -> list[str]:
    return [_DEDICATED, _LOW_PRIORITY, *sorted({size.family for size in vm_sizes().values()})]


def _base(call: Call) -> str:
    return call.path.rpartition("/")[0]


def require_quota(call: Call, location: str, size: VmSize, *, nodes: int, low: bool) -> None:
    """Refuse a compute that alone exceeds a quota of its region."""
    wanted = nodes * size.vcpus
    for name in (_LOW_PRIORITY,) if low else (_DEDICATED, size.family):
        limit = _limit(call, location, name)
        if wanted > limit:
            raise RefusedError(
                400,
                "QuotaExceeded",
                f"The compute needs {wanted} vCPUs of '{name}', but the quota in {location} is "
                f"{limit}.",
                target=call.arm.name,
            )


def _limit(call: Call, location: str, name: str) -> int:
    return int(call.cloud.store.value(f"quota/{location.lower()}/{name.lower()}") or _CORES)


def _usages(call: Call) -> Reply:
    used = _cores_in_use(call)
    return page(
        {
            "id": f"{_base(call)}/usages/{name}",
            "type": "Microsoft.MachineLearningServices/locations/usages",
            "amlWorkspaceLocation": call.params["location"],
            "unit": "Count",
            "currentValue": used.get(name, 0),
            "limit": _limit(call, call.params["location"], name),
            "name": {"value": name, "localizedValue": name},
        }
        for name in _quota_names()
    )


def _quotas(call: Call) -> Reply:
    return page(_quota(call, name) for name in _quota_names())


def _quota(call: Call, name: str) -> JsonObject:
    return {
        "id": f"{_base(call)}/quotas/{name}",
        "type": "Microsoft.MachineLearningServices/locations/quotas",
        "amlWorkspaceLocation": call.params["location"],
        "unit": "Count",
        "limit": _limit(call, call.params["location"], name),
        "name": {"value": name, "localizedValue": name},
    }


def _update_quotas(call: Call) -> Reply:
    """Set quotas of the region. On Azure this needs a support request."""
    known = {name.lower(): name for name in _quota_names()}
    location, changed = call.params["location"].lower(), []
    for wanted in filter(None, call.json().get("value") or []):
        name = known.get(unquote(str(wanted.get("id"))).rpartition("/")[2].lower())
        limit = wanted.get("limit")
        if name is None or not isinstance(limit, int) or limit < 0:
            says = f"'{wanted.get('id')}' with limit '{limit}' is not a valid quota."
            raise invalid([("value", says)])
        call.cloud.store.set_value(f"quota/{location}/{name.lower()}", str(limit))
        changed.append({**_quota(call, name), "status": "Success"})
    return page(changed)


_QUOTAS: Final[Shape] = {"value": [{"id": "string", "limit": "integer"}], "location": "string"}
ROUTES: Final = (
    Route("GET", f"{_BASE}/vmSizes", _sizes),
    Route("GET", f"{_BASE}/usages", _usages),
    Route("GET", f"{_BASE}/quotas", _quotas),
    Route("POST", f"{_BASE}/updateQuotas", _update_quotas, shape=_QUOTAS),
)
