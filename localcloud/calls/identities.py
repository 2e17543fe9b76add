"""Managed identities of resources: principals are created once and kept by every later write."""

import uuid

from infra.contract.discovery import TENANT
from infra.contract.json_types import JsonObject
from localcloud.calls.lookups import find
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource

_USER_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"


def with_identity(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    """Return the body with its ``identity`` as the service responds.

    A body without one keeps the existing one: azure-native and others omit it from updates.
    """
    identity = wanted.get("identity")
    before = (old.document.get("identity") if old else None) or {}
    # Removing an identity needs the type "None" explicitly.
    if not isinstance(identity, dict) or not identity.get("type"):
        return {**wanted, "identity": before or None}
    kinds = {part.strip().lower() for part in str(identity["type"]).split(",")}
    answered: JsonObject = {"type": _spelled(kinds)}
    if "systemassigned" in kinds:
        answered["principalId"] = before.get("principalId") or str(uuid.uuid4())
        answered["tenantId"] = TENANT
    if "userassigned" in kinds:
        held = {str(each).lower() for each in before.get("userAssignedIdentities") or ()}
        answered["userAssignedIdentities"] = {
            each: _user_assigned(call, each, held=each.lower() in held)
            for each, value in _users(identity, before).items()
            if value is not None
        }
    return {**wanted, "identity": answered}


def _users(identity: JsonObject, before: JsonObject) -> JsonObject:
    asked = identity.get("userAssignedIdentities")
    if isinstance(asked, list):
        return {str(each): {} for each in asked}
    known: JsonObject = before.get("userAssignedIdentities") or {}
    return asked if isinstance(asked, dict) else known


def _user_assigned(call: Call, id: str, *, held: bool) -> dict[str, str]:
    """Return the principal of an identity; a stable made-up one if what the resource held is gone.

    Refuses a new one that the cloud does not have.
    """
    known = find(call, id)
    if known is not None and known.type == _USER_TYPE:
        return {key: known.properties[key] for key in ("principalId", "clientId")}
    if not held:
        raise RefusedError(
            400,
            "FailedIdentityOperation",
            f"Identity operation for resource '{call.arm}' failed with error 'Failed to perform "
            "resource identity operation. Status: 'BadRequest'. Response: "
            f"'Resource '{id}' was not found.''.",
            target="identity.userAssignedIdentities",
        )
    space = uuid.UUID(call.cloud.id)
    return {
        key: str(uuid.uuid5(space, f"{key} {id.lower()}")) for key in ("principalId", "clientId")
    }


def _spelled(kinds: set[str]) -> str:
    names = [n for n in ("SystemAssigned", "UserAssigned") if n.lower() in kinds]
    return ",".join(names) if names else "None"
