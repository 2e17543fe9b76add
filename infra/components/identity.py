"""Translates managed identities from the stack file to the resource provider."""

from collections.abc import Sequence
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.inputs import translated

TYPES: Final = {
    "system_assigned": "SystemAssigned",
    "user_assigned": "UserAssigned",
    "system_and_user_assigned": "SystemAssigned,UserAssigned",
}


def managed_identity(
    type_: pulumi.Input[str], ids: pulumi.Input[Sequence[pulumi.Input[str]]] = ()
) -> ml.ManagedServiceIdentityArgs:
    """Return the identity argument of a workspace or compute; ``ids`` are user-assigned."""
    return ml.ManagedServiceIdentityArgs(
        type=translated(TYPES, type_), user_assigned_identities=ids or None
    )
