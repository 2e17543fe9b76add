"""A role assignment: one role for one principal at one scope."""

from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import authorization

from infra.catalogue.names import parse_arm_id
from infra.catalogue.roles import ROLES
from infra.components.inputs import child_options, derived, translated

PRINCIPALS: Final = {
    "service_principal": "ServicePrincipal",
    "user": "User",
    "group": "Group",
}


@dataclass(frozen=True, kw_only=True)
class RoleAssignmentArgs:
    """Arguments of a role assignment. "Replace": a new value revokes it and assigns another."""

    role: pulumi.Input[str]
    """A role's name, such as ``storage_blob_data_contributor``, its GUID or its id. Replace."""
    principal_id: pulumi.Input[str]
    """Object id of the identity, user or group. Replace."""
    scope: pulumi.Input[str]
    """ARM id of the resource, group or subscription. Replace."""
    principal_type: pulumi.Input[str] = "service_principal"
    """``service_principal`` (default: every managed identity), ``user`` or ``group``. Replace."""
    description: pulumi.Input[str] | None = None
    """Free text. In place."""


class RoleAssignment(pulumi.ComponentResource):
    """A role assignment. Its name is a GUID that the provider generates."""

    assignment_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: RoleAssignmentArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:RoleAssignment", name, None, opts)
        assignment = authorization.RoleAssignment(
            name,
            principal_id=args.principal_id,
            principal_type=translated(PRINCIPALS, args.principal_type),
            role_definition_id=derived(role_definition_id, args.role, args.scope),
            scope=args.scope,
            description=args.description,
            opts=child_options(self, "authorization:RoleAssignment"),
        )
        self.assignment_id = assignment.id
        self.register_outputs({"assignment_id": self.assignment_id})


def role_definition_id(role: str, scope: str) -> str:
    """Return the ARM id of a role, in the subscription of the scope."""
    # Built-in roles exist in every subscription, under the same GUID.
    subscription = parse_arm_id(scope).subscription
    definition = ROLES.get(role, role.rpartition("/")[2])
    return (
        f"/subscriptions/{subscription}/providers/Microsoft.Authorization/roleDefinitions/"
        f"{definition}"
    )
