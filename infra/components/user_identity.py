"""A user-assigned managed identity."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import managedidentity

from infra.components.inputs import child_options


@dataclass(frozen=True, kw_only=True)
class UserIdentityArgs:
    """Arguments of an identity. "Replace": a new value creates another, without its roles."""

    identity_name: pulumi.Input[str]
    """3-128 characters. Replace."""
    resource_group_name: pulumi.Input[str]
    """Resource group. Replace."""
    location: pulumi.Input[str]
    """Azure region. Replace."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""


class UserIdentity(pulumi.ComponentResource):
    """An identity for workspaces and computes; roles are assigned to ``principal_id``."""

    identity_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    client_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: UserIdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:UserIdentity", name, None, opts)
        identity = managedidentity.UserAssignedIdentity(
            name,
            resource_name_=args.identity_name,
            resource_group_name=args.resource_group_name,
            location=args.location,
            tags=args.tags,
            opts=child_options(self, "managedidentity:UserAssignedIdentity"),
        )
        self.identity_id, self.principal_id = identity.id, identity.principal_id
        self.client_id = identity.client_id
        self.register_outputs({"identity_id": self.identity_id, "principal_id": self.principal_id})
