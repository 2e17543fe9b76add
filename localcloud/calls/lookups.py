"""Looking up resources for a call, with ARM's 404 when they do not exist."""

from infra.catalogue.names import ArmId, parse_arm_id
from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError, not_found
from localcloud.store.resources import StoredResource


def find(call: Call, id: str) -> StoredResource | None:
    """Return the resource with this id, in any casing, or ``None``."""
    return call.cloud.store.resources.get(id, now=call.now)


def existing(call: Call, id: ArmId | str | None = None) -> StoredResource:
    """Return the resource with this id (default: the call's target); 404 if it does not exist.

    The 404 of a missing resource group or parent says so.
    """
    wanted = id if isinstance(id, ArmId) else parse_arm_id(id) if id else call.arm
    resource = find(call, str(wanted))
    if resource is not None:
        return resource
    require_parents(call, wanted)
    if wanted.namespace is None:
        raise _no_group(wanted.name)
    raise not_found(wanted.type, "/".join(wanted.names), wanted.resource_group)


def require_parents(call: Call, id: ArmId) -> None:
    """Refuse with 404 if the resource group or a parent of ``id`` does not exist."""
    if id.namespace:
        require_group(call, id)
    parent = id.parent
    if parent.namespace and not find(call, str(parent)):
        raise RefusedError(
            404,
            "ParentResourceNotFound",
            f"Failed to perform '{call.method}' on resource(s) of type '{id.type}', because the "
            f"parent resource '{parent}' could not be found.",
        )


def require_group(call: Call, id: ArmId) -> None:
    """Refuse with 404 if the resource group of ``id`` does not exist."""
    group = id.resource_group
    if group and not find(call, str(ArmId(id.subscription, group))):
        raise _no_group(group)


def _no_group(name: str) -> RefusedError:
    return RefusedError(
        404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found."
    )
