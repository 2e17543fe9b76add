"""ARM types that need little more than a row: the generic handlers do the rest."""

from dataclasses import replace
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.behaviours.rows import kind_of
from localcloud.calls.kinds import Kind
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError
from localcloud.store.resources import StoredResource

_CONTAINERS: Final = "Microsoft.Storage/storageAccounts/blobServices/containers"


def _role_assignment(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    """Refuse a duplicate assignment, and any change of principal, role or scope."""
    properties = {"principalType": "User", "scope": _scope(call), **wanted["properties"]}
    parts = ("principalId", "roleDefinitionId", "scope")
    mine = [str(properties[part]).lower() for part in parts]
    for other in call.cloud.store.resources.of_type(call.arm.type, now=call.now):
        same = [str(other.properties[part]).lower() for part in parts] == mine
        if same and (old is None or other.key != old.key):
            raise RefusedError(
                409, "RoleAssignmentExists", "The role assignment already exists.",
                target=other.id,
            )  # fmt: skip
    if old is not None and [str(old.properties[part]).lower() for part in parts] != mine:
        raise RefusedError(
            400, "RoleAssignmentUpdateNotPermitted",
            "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
        )  # fmt: skip
    return {**wanted, "properties": properties}


def _scope(call: Call) -> str:
    if call.arm.scope:
        return call.arm.scope
    return str(call.arm.parent)


KINDS: Final = (
    replace(
        kind_of("Microsoft.Authorization/roleAssignments"),
        provisioning=False,
        put=(201, 201),
        fill=_role_assignment,
    ),
    replace(
        kind_of("Microsoft.Storage/storageAccounts/blobServices/containers"), provisioning=False
    ),
    replace(kind_of("Microsoft.Storage/storageAccounts/blobServices"), provisioning=False),
    Kind("Microsoft.Storage/storageAccounts/fileServices", provisioning=False),
    Kind("Microsoft.Storage/storageAccounts/fileServices/shares", provisioning=False),
)
