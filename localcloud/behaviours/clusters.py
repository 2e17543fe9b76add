"""AmlCompute: limits, defaults, and the state of its nodes."""

from dataclasses import replace
from typing import Final

from infra.catalogue.durations import duration_s, seconds_only
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.json_types import JsonObject
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.store.resources import StoredResource

Problems = list[tuple[str, str]]

_INNER: Final = "properties.properties"
_DEFAULT_IDLE: Final = "PT120S"
_ENUMS: Final = {
    "osType": ("Linux", "Windows"),
    "vmPriority": ("Dedicated", "LowPriority"),
    "remoteLoginPortPublicAccess": ("Enabled", "Disabled", "NotSpecified"),
}
_DETACHED: Final = "/detached"
_DETACHED_S: Final = 24 * 3600
# The service returns these whether they were sent or not; azureml-core fails without vmPriority and
# subnet. A default of anything else would be a difference that Terraform finds in every plan.
_DEFAULTS: Final = {"osType": "Linux", "vmPriority": "Dedicated", "subnet": None}


def filled(inner: JsonObject, *, managed: bool = False) -> tuple[JsonObject, Problems]:
    """Return the inner properties of a cluster with defaults, and the problems found in them.

    ``managed``: the workspace has a managed virtual network.
    """
    inner = {**_DEFAULTS, **{k: v for k, v in inner.items() if v is not None}}
    problems = [*_enums(inner), *_size(inner), *_network(inner, managed=managed), *_scale(inner)]
    # "NotSpecified" is resolved by the service: closed in a virtual network, open elsewhere.
    access = inner.get("remoteLoginPortPublicAccess", "NotSpecified")
    if access == "NotSpecified":
        inner["remoteLoginPortPublicAccess"] = "Disabled" if inner.get("subnet") else "Enabled"
    return inner, problems


def _enums(inner: JsonObject) -> Problems:
    """Rewrite enum values in Azure's casing; report unknown ones."""
    problems = []
    for name, known in _ENUMS.items():
        value = inner.get(name)
        spelling = {each.lower(): each for each in known}.get(str(value).lower())
        if value is not None and spelling is None:
            says = f"'{value}' is not a valid {name}: use {', '.join(known)}."
            problems.append((f"{_INNER}.{name}", says))
        elif spelling:
            inner[name] = spelling
    return problems


def _size(inner: JsonObject) -> Problems:
    size = inner.get("vmSize")
    if not size:
        return [(f"{_INNER}.vmSize", "The property 'vmSize' is required.")]
    if str(size).lower() not in vm_sizes():
        return [(f"{_INNER}.vmSize", f"The VM size '{size}' is not available in this region.")]
    return []


def _network(inner: JsonObject, *, managed: bool) -> Problems:
    # Without a public address the service reaches nodes through a virtual network only.
    inside = inner.get("subnet") or managed
    if inner.get("enableNodePublicIp") is False and not inside:
        says = "enableNodePublicIp can be false only in a subnet or a managed virtual network."
        return [(f"{_INNER}.enableNodePublicIp", says)]
    return []


def _scale(inner: JsonObject) -> Problems:
    scale = {k: v for k, v in (inner.get("scaleSettings") or {}).items() if v is not None}
    where = f"{_INNER}.scaleSettings"
    low, high = scale.get("minNodeCount", 0), scale.get("maxNodeCount")
    idle = scale.get("nodeIdleTimeBeforeScaleDown", _DEFAULT_IDLE)
    idle_s = duration_s(str(idle))
    problems = []
    if not _count(high):
        problems.append((f"{where}.maxNodeCount", "maxNodeCount must be an integer >= 0."))
    if not _count(low):
        problems.append((f"{where}.minNodeCount", "minNodeCount must be an integer >= 0."))
    if _count(high) and _count(low) and low > high:
        says = f"minNodeCount ({low}) is greater than maxNodeCount ({high})."
        problems.append((f"{where}.minNodeCount", says))
    if idle_s is None:
        says = f"'{idle}' is not an ISO 8601 duration such as PT120S."
        problems.append((f"{where}.nodeIdleTimeBeforeScaleDown", says))
    inner["scaleSettings"] = {
        "minNodeCount": low,
        "maxNodeCount": high,
        "nodeIdleTimeBeforeScaleDown": seconds_only(idle_s or 0),
    }
    return problems


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def remember_detached(call: Call, compute: StoredResource) -> None:
    """Remember the VM size of a detached cluster.

    Users report that the VMs of a cluster outlive a detach, and that a cluster created again under
    the name gets them with their size.
    """
    if compute.properties["computeType"] == "AmlCompute":
        row = replace(
            compute,
            id=_DETACHED + compute.id,
            type="detached",
            parent="",
            scope="",
            gone=call.now + _DETACHED_S,
        )
        call.cloud.store.resources.put(row)


def detached_properties(call: Call) -> JsonObject:
    """Return the properties a new cluster inherits from a detached one of its name."""
    row = find(call, _DETACHED + str(call.arm))
    return {"vmSize": row.properties["properties"]["vmSize"]} if row else {}


def shown(call: Call, compute: StoredResource, inner: JsonObject) -> JsonObject:
    """Return the inner properties with the current state of the nodes."""
    return {**inner, **call.cloud.nodes.allocation(compute.id)}
