"""Azure ML computes of every kind: required properties, defaults, keys and nodes.

AmlCompute and compute instances have modules of their own. The others are attachments of existing
machines or services: the cloud stores their address and credentials and never connects to them.
"""

import json
from dataclasses import replace
from typing import Final

from infra.catalogue.types.table import arm_type
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours import clusters, instances
from localcloud.behaviours.regions import require_quota
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.paths import placed
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

TYPE: Final = "Microsoft.MachineLearningServices/workspaces/computes"
_ROW: Final = arm_type(TYPE)
_SPELLING: Final = {name.lower(): name for name in _ROW.variants}
_MANAGED: Final = frozenset({"AmlCompute", "ComputeInstance"})
_NEEDS_RESOURCE: Final = frozenset(
    {"Batch", "Databricks", "DataFactory", "DataLakeAnalytics", "Kubernetes", "SynapseSpark"}
)
_BY_ADDRESS: Final = frozenset({"VirtualMachine", "HDInsight"})
# azure-ai-ml reads into the inner properties of these without asking whether there are any: one
# `null` would break every list of the workspace's computes. azureml-core wants null for the others.
_NEVER_NULL: Final = frozenset({"Kubernetes", "SynapseSpark"})
_ACTIONS: Final = frozenset({"delete", "detach"})
# azureml-core looks these keys up without a default, so they are always present.
_PUBLIC_ENVELOPE: Final[JsonObject] = {
    "description": None,
    "resourceId": None,
    "provisioningErrors": None,
    "properties": None,
}


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = dict(wanted["properties"])
    kind = _kind(properties["computeType"])
    workspace = existing(call, call.arm.parent)
    location = wanted.get("location") or workspace.document["location"]
    properties = {
        **_PUBLIC_ENVELOPE,
        **{key: value for key, value in properties.items() if value is not None},
        "computeType": kind,
        "computeLocation": properties.get("computeLocation") or location,
        "isAttachedCompute": kind not in _MANAGED,
        "createdOn": properties.get("createdOn") or iso(call.now),
        "modifiedOn": iso(call.now),
    }
    inner, problems = _inner(call, kind, properties, old)
    if problems:
        raise invalid(problems)
    if kind in _MANAGED and _nodes(inner) > (
        _nodes(old.properties.get("properties")) if old else 0
    ):
        _require_quota(call, location, inner or {})
    return {**wanted, "location": location, "properties": {**properties, "properties": inner}}


def _require_quota(call: Call, location: str, inner: JsonObject) -> None:
    size = vm_sizes()[str(inner["vmSize"]).lower()]
    low = inner.get("vmPriority") == "LowPriority"
    require_quota(call, location, size, nodes=_nodes(inner), low=low)


def _nodes(inner: Document | None) -> int:
    """Return the maximum number of nodes of a cluster; an instance has one."""
    return int((inner or {}).get("scaleSettings", {}).get("maxNodeCount", 1))


def _kind(value: object) -> str:
    spelling = _SPELLING.get(str(value).lower())
    if spelling is None:
        says = f"'{value}' is not a compute type: use {', '.join(sorted(_SPELLING.values()))}."
        raise invalid([("properties.computeType", says)])
    return spelling


def _inner(
    call: Call, kind: str, properties: JsonObject, old: StoredResource | None
) -> tuple[JsonObject | None, list[tuple[str, str]]]:
    inner = dict(properties.get("properties") or {})
    if kind == "AmlCompute":
        detached = clusters.detached_properties(call) if old is None else {}
        return clusters.filled(inner | detached, managed=_in_managed_network(call))
    if kind == "ComputeInstance":
        return instances.filled(call, inner, old)
    problems = _attachment_problems(kind, properties, inner)
    return inner or ({} if kind in _NEVER_NULL else None), problems


def _in_managed_network(call: Call) -> bool:
    network = existing(call, call.arm.parent).properties.get("managedNetwork") or {}
    return str(network.get("isolationMode", "Disabled")).lower() != "disabled"


def _attachment_problems(
    kind: str, properties: JsonObject, inner: JsonObject
) -> list[tuple[str, str]]:
    resource, address = properties.get("resourceId"), inner.get("address")
    if kind in _NEEDS_RESOURCE and not resource:
        return [("properties.resourceId", f"A {kind} compute needs a 'resourceId'.")]
    if kind in _BY_ADDRESS and bool(resource) == bool(address):
        says = f"A {kind} compute needs either a 'resourceId' or an 'address'."
        return [("properties.resourceId", says)]
    return []


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    body = {"tags": None, "sku": None, **body}
    properties = body["properties"]
    if properties["computeType"] == "AmlCompute":
        inner = clusters.shown(call, resource, properties["properties"])
        return {**body, "properties": {**properties, "properties": inner}}
    return body


def _stored(call: Call, compute: StoredResource, old: StoredResource | None) -> None:
    if compute.properties["computeType"] in _MANAGED:
        call.cloud.nodes.compute_stored(compute.id, created=old is None)


def _removed(call: Call, compute: StoredResource) -> None:
    if compute.properties["computeType"] in _MANAGED:
        call.cloud.nodes.compute_removed(compute.id)


def _patch(call: Call) -> None:
    """Move the scale from where the first api-versions have it (one level up) to where it is now.

    ``computeType``, which clients send beside it, is dropped: a PATCH cannot change it. Then the
    generic PATCH continues.
    """
    body = call.json()
    outer = dict(body.get("properties") or {})
    if "scaleSettings" in outer:
        inner = {**(outer.get("properties") or {}), "scaleSettings": outer["scaleSettings"]}
        outer = {"properties": inner}
    call.body = json.dumps({**body, "properties": outer}).encode()


def _delete(call: Call) -> None:
    """Check ``underlyingResourceAction``, then continue with the generic DELETE."""
    # Required by the specification and in any casing: azureml-core sends "delete" and "detach".
    action = call.query.get("underlyingresourceaction", "delete")
    if action.lower() not in _ACTIONS:
        raise RefusedError(
            400,
            "BadRequest",
            f"'{action}' is not a valid underlyingResourceAction: use Delete or Detach.",
        )
    compute = find(call, str(call.arm))
    if compute is not None and action.lower() == "detach":
        clusters.remember_detached(call, compute)


def _list_nodes(call: Call) -> Reply:
    compute = existing(call)
    _require_kind(call, compute, {"AmlCompute"})
    return answer({"nodes": list(call.cloud.nodes.nodes(compute.id))})


def _list_keys(call: Call) -> Reply:
    """Respond with the credentials of an attachment, as they were sent."""
    compute = existing(call)
    kinds = {"AKS", "VirtualMachine", "HDInsight", "Databricks"}
    _require_kind(call, compute, kinds)
    whole = placed(dict(compute.document), dict(compute.secrets))
    inner = whole["properties"].get("properties") or {}
    keys: JsonObject = {"computeType": compute.properties["computeType"]}
    for name in ("administratorAccount", "databricksAccessToken"):
        if name in inner:
            keys[name] = inner[name]
    return answer(keys)


def _require_kind(call: Call, compute: StoredResource, kinds: set[str]) -> None:
    kind = compute.properties["computeType"]
    if kind not in kinds:
        raise RefusedError(
            400, "BadRequest", f"'{call.action}' is not available for computes of type {kind}."
        )


KINDS: Final = (
    replace(
        kind_of(TYPE),
        required=("properties",),
        polled=frozenset({"PUT", "PATCH", "DELETE"}),
        fill=_fill,
        show=_show,
        stored=_stored,
        removed=_removed,
        handlers={"PATCH": _patch, "DELETE": _delete},
        actions={
            "listNodes": _list_nodes,
            "listKeys": _list_keys,
            "start": instances.power,
            "stop": instances.power,
            "restart": instances.power,
            "enableSso": instances.enable_sso,
            "updateIdleShutdownSetting": instances.update_idle_shutdown,
        },
    ),
)
