"""Pools and their nodes: created, resized, deleted. A node is there as soon as it is wanted."""

import uuid
from collections.abc import Mapping
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Reply, answer
from localcloud.services.batch.engine import steady
from localcloud.services.batch.execution import Reason
from localcloud.services.batch.odata import listed, selected
from localcloud.services.batch.records import Records, moved, shown
from localcloud.services.batch.refusals import BatchRefusedError, absent, wrong_value
from localcloud.services.batch.service import BatchCall, new_id, require_known, routes

_MOST_NODES: Final = 100
_MOST_SLOTS: Final = 256
_KNOWN: Final = (
    "id", "displayName", "vmSize", "virtualMachineConfiguration", "resizeTimeout",
    "targetDedicatedNodes", "targetLowPriorityNodes", "enableAutoScale", "taskSlotsPerNode",
    "enableInterNodeCommunication", "taskSchedulingPolicy", "metadata", "upgradePolicy",
    "targetNodeCommunicationMode", "resourceTags",
)  # fmt: skip
_NO_SCALE: Final = "Set targetDedicatedNodes, or resize the pool."
_REFUSED: Final = {
    "applicationPackageReferences": "Put the files into resourceFiles of the task.",
    "autoScaleFormula": _NO_SCALE,
    "enableAutoScale": _NO_SCALE,
    "startTask": "Prepare what tasks need in their own command.",
    "mountConfiguration": "Use resourceFiles and outputFiles.",
    "userAccounts": "Tasks run as the user who runs the local cloud.",
    "networkConfiguration": "Nodes are processes on this machine's network.",
}
_LEAVING: Final[Mapping[str, Reason | None]] = {
    "requeue": "requeued",
    "terminate": "terminated",
    "taskcompletion": None,
    "retaineddata": None,
}


def make_pool(records: Records, body: Document, id: str, **more: object) -> JsonObject:
    """Create a pool with its nodes; return its document."""
    require_known(body, _KNOWN, _REFUSED, noun="pool")
    _require_machine(body)
    if not 1 <= int(body.get("taskSlotsPerNode") or 1) <= _MOST_SLOTS:
        slots = body["taskSlotsPerNode"]
        raise wrong_value("taskSlotsPerNode", slots, f"it must be between 1 and {_MOST_SLOTS}.")
    dedicated, low = _targets(body, {})
    document = records.new(
        f"pools/{id}",
        {"taskSlotsPerNode": 1, "enableInterNodeCommunication": False, **body},
        "active",
        id=id,
        enableAutoScale=False,
        resizeTimeout=body.get("resizeTimeout") or "PT15M",
        allocationState="resizing",
        allocationStateTransitionTime=records.now(),
        targetDedicatedNodes=dedicated,
        targetLowPriorityNodes=low,
        currentDedicatedNodes=0,
        currentLowPriorityNodes=0,
        **more,
    )
    if not records.add("pool", id, document=document):
        raise BatchRefusedError(409, "PoolExists", f"The specified pool '{id}' already exists.")
    _grow(records, document)
    document = steady(records, document)
    records.put("pool", id, document=document)
    return document


def _require_machine(body: Document) -> None:
    if not body.get("vmSize"):
        raise wrong_value("vmSize", "", "it is required.")
    machine = body.get("virtualMachineConfiguration") or {}
    if machine.get("containerConfiguration"):
        raise wrong_value(
            "virtualMachineConfiguration.containerConfiguration",
            "…",
            "nodes of the local cloud run processes, not containers.",
        )


def _targets(body: Document, old: Document) -> tuple[int, int]:
    names = ("targetDedicatedNodes", "targetLowPriorityNodes")
    dedicated, low = (
        int(old.get(name, 0) if body.get(name) is None else body[name]) for name in names
    )
    if min(dedicated, low) < 0 or dedicated + low > _MOST_NODES:
        raise wrong_value(
            names[0], dedicated + low, f"a pool of the local cloud has at most {_MOST_NODES} nodes."
        )
    return dedicated, low


def _grow(records: Records, pool: Document) -> None:
    """Add the nodes that a pool lacks."""
    nodes = [n for n in records.all("node", pool["id"]) if n["state"] != "leavingpool"]
    for dedicated, wanted in (
        (True, int(pool["targetDedicatedNodes"])),
        (False, int(pool["targetLowPriorityNodes"])),
    ):
        for _ in range(wanted - sum(1 for node in nodes if node["isDedicated"] is dedicated)):
            name = f"tvmps_{uuid.uuid4().hex}_{'d' if dedicated else 'p'}"
            node = records.new(f"pools/{pool['id']}/nodes/{name}", {"id": name}, "idle")
            facts = {
                "allocationTime": records.now(),
                "lastBootTime": records.now(),
                "schedulingState": "enabled",
                "affinityId": name,
                "ipAddress": "127.0.0.1",
                "vmSize": pool["vmSize"],
                "isDedicated": dedicated,
                "totalTasksRun": 0,
                "totalTasksSucceeded": 0,
            }
            records.put("node", pool["id"], name, document={**node, **facts})


def _create(on: BatchCall) -> Reply:
    body = on.call.json()
    name = new_id(body)
    with on.engine.changing:
        pool = make_pool(on.records, body, name)
        on.schedule()
    return on.accepted(pool, 201)


def _list(on: BatchCall) -> Reply:
    return listed(on.call, map(shown, on.records.all("pool")))


def _get(on: BatchCall) -> Reply:
    return answer(selected(on.call, shown(on.existing("pool", "pool"))))


def _delete(on: BatchCall) -> Reply:
    with on.engine.changing:
        pool = on.existing("pool", "pool")
        if pool["state"] == "deleting":
            raise BatchRefusedError(409, "PoolBeingDeleted", "The pool is being deleted.")
        deleting = moved(pool, "deleting", on.records.now())
        on.records.put("pool", pool["id"], document=deleting)
        nodes = [node["id"] for node in on.records.all("node", pool["id"])]
        on.engine.stop_tasks(on.records.account, "requeued", nodes=nodes)
        on.schedule()
    return Reply(202)


def _resize(on: BatchCall) -> Reply:
    body = on.call.json()
    option = str(body.get("nodeDeallocationOption") or "requeue")
    if option not in _LEAVING:
        raise wrong_value("nodeDeallocationOption", option, f"it is one of {', '.join(_LEAVING)}.")
    with on.engine.changing:
        pool = on.existing("pool", "pool")
        _require_usable(pool)
        dedicated, low = _targets(body, pool)
        pool |= {
            **on.records.touched(),
            "targetDedicatedNodes": dedicated,
            "targetLowPriorityNodes": low,
            "allocationState": "resizing",
            "allocationStateTransitionTime": on.records.now(),
        }
        on.records.put("pool", pool["id"], document=pool)
        _grow(on.records, pool)
        _shrink(on, pool, option)
        on.schedule()
    return on.accepted(pool, 202)


def _shrink(on: BatchCall, pool: Document, option: str) -> None:
    """Have the nodes leave that a pool has too many of: idle ones first."""
    busy = on.engine.busy(on.records.account, pool["id"])
    leaving = []
    for dedicated, wanted in (
        (True, int(pool["targetDedicatedNodes"])),
        (False, int(pool["targetLowPriorityNodes"])),
    ):
        nodes = [
            node
            for node in on.records.all("node", pool["id"])
            if node["isDedicated"] is dedicated and node["state"] != "leavingpool"
        ]
        nodes.sort(key=lambda node: busy.get(node["id"], 0))
        leaving += nodes[: max(0, len(nodes) - wanted)]
    _leave(on, pool, leaving, option)


def _leave(on: BatchCall, pool: Document, leaving: list[JsonObject], option: str) -> None:
    for node in leaving:
        left = moved(node, "leavingpool", on.records.now())
        on.records.put("node", pool["id"], node["id"], document=left)
    reason = _LEAVING[option]
    if reason is not None and leaving:
        ids = [node["id"] for node in leaving]
        on.engine.stop_tasks(on.records.account, reason, nodes=ids)


def _remove_nodes(on: BatchCall) -> Reply:
    body = on.call.json()
    option = str(body.get("nodeDeallocationOption") or "requeue")
    with on.engine.changing:
        pool = on.existing("pool", "pool")
        _require_usable(pool)
        leaving = []
        for name in body.get("nodeList") or ():
            node = on.records.get("node", pool["id"], str(name))
            if node is None:
                raise absent("node", str(name))
            leaving.append(node)
        for key, dedicated in (("targetDedicatedNodes", True), ("targetLowPriorityNodes", False)):
            pool[key] = int(pool[key]) - sum(1 for n in leaving if n["isDedicated"] is dedicated)
        pool |= {**on.records.touched(), "allocationState": "resizing"}
        on.records.put("pool", pool["id"], document=pool)
        _leave(on, pool, leaving, option)
        on.schedule()
    return on.accepted(pool, 202)


def _stop_resize(on: BatchCall) -> Reply:
    return on.accepted(on.existing("pool", "pool"), 202)  # resizing is done at once


def _update(on: BatchCall) -> Reply:
    body = on.call.json()
    known = (
        "displayName",
        "metadata",
        "taskSlotsPerNode",
        "enableInterNodeCommunication",
        "vmSize",
    )
    require_known(body, (*known, "taskSchedulingPolicy"), _REFUSED, noun="pool")
    with on.engine.changing:
        pool = {**on.existing("pool", "pool"), **body, **on.records.touched()}
        on.records.put("pool", pool["id"], document=pool)
        on.schedule()
    return on.accepted(pool, 204 if on.call.path.lower().endswith("updateproperties") else 200)


def _require_usable(pool: Document) -> None:
    if pool["state"] == "deleting":
        raise BatchRefusedError(409, "PoolBeingDeleted", "The pool is being deleted.")


def _node(on: BatchCall, node: Document) -> JsonObject:
    busy = on.engine.busy(on.records.account, on.call.params["pool"]).get(node["id"], 0)
    state = "running" if busy and node["state"] == "idle" else node["state"]
    counts = {"runningTasksCount": busy, "runningTaskSlotsCount": busy}
    return {**shown(node), "state": state, **counts}


def _nodes(on: BatchCall) -> Reply:
    pool = on.existing("pool", "pool")
    return listed(on.call, [_node(on, node) for node in on.records.all("node", pool["id"])])


def _get_node(on: BatchCall) -> Reply:
    on.existing("pool", "pool")
    return answer(selected(on.call, _node(on, on.existing("node", "pool", "node"))))


def _images(on: BatchCall) -> Reply:
    image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}
    return listed(
        on.call,
        [
            {
                "nodeAgentSKUId": "batch.node.ubuntu 24.04",
                "imageReference": {**image, "version": "latest"},
                "osType": "linux",
                "verificationType": "unverified",
                "capabilities": [],
            }
        ],
    )


ROUTES: Final = routes(
    (
        ("POST", "/pools", _create),
        ("GET", "/pools", _list),
        ("GET HEAD", "/pools/{pool}", _get),
        ("DELETE", "/pools/{pool}", _delete),
        ("PATCH", "/pools/{pool}", _update),
        ("POST", "/pools/{pool}/updateproperties", _update),
        ("POST", "/pools/{pool}/resize", _resize),
        ("POST", "/pools/{pool}/stopresize", _stop_resize),
        ("POST", "/pools/{pool}/removenodes", _remove_nodes),
        ("GET", "/pools/{pool}/nodes", _nodes),
        ("GET", "/pools/{pool}/nodes/{node}", _get_node),
        ("GET", "/supportedimages", _images),
    )
)
