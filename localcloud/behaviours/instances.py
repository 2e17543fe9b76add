"""Compute instances: defaults, and the states that start, stop and restart lead to."""

from dataclasses import replace
from typing import Final

from infra.catalogue.durations import duration_s
from infra.catalogue.types.table import arm_type
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.json_types import JsonObject
from localcloud.calls.long_running import begin, is_first_generation, operation_s
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

_INNER: Final = "properties.properties"
_ADDRESS: Final = "127.0.0.1"  # nothing of the local cloud leads off the machine
_COMPUTES: Final = "Microsoft.MachineLearningServices/workspaces/computes"
# The published range of idleTimeBeforeShutdown: PT15M to P3D.
_IDLE_S: Final = (15 * 60, 3 * 24 * 3600)
# Read-only lists. The specification has defaults for other properties too, but the service does not
# return them: Terraform would replace an instance whose authorization type it never asked for.
# azureml-core fails without the key of a subnet.
_DEFAULTS: Final[JsonObject] = {"errors": [], "applications": [], "subnet": None}
# action: its name in lastOperation, the state it leads to, the states it is allowed in
_ACTIONS: Final = {
    "start": ("Start", "Running", {"Stopped"}),
    "stop": ("Stop", "Stopped", {"Running", "JobRunning"}),
    "restart": ("Restart", "Running", {"Running"}),
}


def filled(
    call: Call, inner: JsonObject, old: StoredResource | None
) -> tuple[JsonObject, list[tuple[str, str]]]:
    """Return the inner properties of an instance with defaults, and the problems found in them."""
    inner = {**_DEFAULTS, **{k: v for k, v in inner.items() if v is not None}}
    ssh = inner.get("sshSettings") or {}
    inner["sshSettings"] = {
        "sshPublicAccess": "Disabled", **ssh, "adminUserName": "azureuser", "sshPort": 22,
    }  # fmt: skip
    inner.setdefault("state", "Running")
    inner.setdefault("lastOperation", _operation(call, "Create"))
    inner.setdefault("createdBy", _creator(call))
    # Terraform takes an instance without a public address for one that must not have any.
    public = None if inner.get("enableNodePublicIp") is False else _ADDRESS
    inner["connectivityEndpoints"] = {"publicIpAddress": public, "privateIpAddress": None}
    problems = []
    if str(inner.get("vmSize")).lower() not in vm_sizes():
        says = f"The VM size '{inner.get('vmSize')}' is not available in this region."
        problems.append((f"{_INNER}.vmSize", says))
    problems += _idle_problem(inner.get("idleTimeBeforeShutdown"))
    if old is None:
        _require_free_name(call)
    return inner, problems


def _creator(call: Call) -> JsonObject:
    return {
        "userId": call.caller.get("oid"),
        "userOrgId": call.caller.get("tid"),
        "userName": call.caller.get("appid"),
    }


def _operation(call: Call, name: str) -> dict[str, str]:
    return {
        "operationName": name,
        "operationTime": iso(call.now),
        "operationStatus": "Succeeded",
        "operationTrigger": "User",
    }


def _idle_problem(idle: object) -> list[tuple[str, str]]:
    if idle is None:
        return []
    seconds = duration_s(str(idle))
    if seconds is not None and _IDLE_S[0] <= seconds <= _IDLE_S[1]:
        return []
    says = f"idleTimeBeforeShutdown is '{idle}': use a duration from PT15M to P3D."
    return [(f"{_INNER}.idleTimeBeforeShutdown", says)]


def _is_taken(call: Call, name: str) -> bool:
    """Return whether an instance has this name: on Azure in the region, here in the whole cloud."""
    others = call.cloud.store.resources.of_type(_COMPUTES, name=name, now=call.now)
    return any(other.properties["computeType"] == "ComputeInstance" for other in others)


def check_name(call: Call) -> Reply:
    """Say whether a new instance could have a name. azureml-core asks before it creates one."""
    body = {key.lower(): value for key, value in call.json().items()}
    name = str(body.get("name") or "")
    problem = arm_type(_COMPUTES).variant("ComputeInstance").name_rule.problem(name)
    if problem:
        return answer({"nameAvailable": False, "reason": "Invalid", "message": problem})
    if _is_taken(call, name):
        says = f"The specified name {name} is already in use and is therefore unavailable"
        return answer({"nameAvailable": False, "reason": "AlreadyExists", "message": says})
    return answer({"nameAvailable": True, "reason": None, "message": None})


def _require_free_name(call: Call) -> None:
    name = call.arm.name
    if _is_taken(call, name):
        raise RefusedError(
            409,
            "Conflict",
            f"Compute name '{name}' is not available. Reason: AlreadyExists. Message: The "
            f"specified name {name} is already in use and is therefore unavailable",
        )


def power(call: Call) -> Reply:
    """Handle start, stop and restart of an instance."""
    compute = _instance(call)
    name, state, allowed = _ACTIONS[call.action.lower()]
    inner = dict(compute.properties["properties"])
    if inner["state"] not in allowed:
        raise RefusedError(
            409, "Conflict", f"Cannot {call.action} '{compute.name}': it is {inner['state']}."
        )
    _store(call, compute, {**inner, "state": state, "lastOperation": _operation(call, name)})
    if call.action.lower() == "restart":
        call.cloud.nodes.stop_jobs(compute.id)
    call.cloud.nodes.compute_stored(compute.id, created=False)
    if is_first_generation(call):
        return Reply(200)
    ready = call.now + operation_s(call, compute.type)
    return Reply(202, b"", begin(call, compute.id, ready=ready, location_header=True))


def update_idle_shutdown(call: Call) -> Reply:
    """Handle ``updateIdleShutdownSetting``."""
    compute = _instance(call)
    idle = call.json().get("idleTimeBeforeShutdown")
    problems = _idle_problem(idle)
    if problems:
        raise invalid(problems)
    _store(call, compute, {**compute.properties["properties"], "idleTimeBeforeShutdown": idle})
    return answer(None)


def enable_sso(call: Call) -> Reply:
    """Handle ``enableSso``, which also disables it: ``{"enableSSO": false}``."""
    compute = _instance(call)
    enabled = call.json().get("enableSSO", True)
    if not isinstance(enabled, bool):
        raise invalid([("enableSSO", f"enableSSO is '{enabled}'; it must be true or false.")])
    _store(call, compute, {**compute.properties["properties"], "enableSSO": enabled})
    return Reply(200)


def _store(call: Call, compute: StoredResource, inner: JsonObject) -> None:
    document = {**compute.document, "properties": {**compute.properties, "properties": inner}}
    call.cloud.store.resources.put(replace(compute, document=document, modified=call.now))


def _instance(call: Call) -> StoredResource:
    compute = existing(call)
    if compute.properties["computeType"] != "ComputeInstance":
        raise RefusedError(
            400,
            "BadRequest",
            f"'{call.action}' is for compute instances; '{compute.name}' is not one.",
        )
    return compute
