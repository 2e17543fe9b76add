"""An identity in a group that goes together with it."""

import pulumi
from pulumi_azure_native import managedidentity, resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
group = resources.ResourceGroup("group", resource_group_name=f"{name}-rg")
identity = managedidentity.UserAssignedIdentity(
    "identity",
    resource_name_=f"{name}-id",
    resource_group_name=group.name,
    tags={"step": str(step)},
    opts=pulumi.ResourceOptions(deleted_with=group),
)
pulumi.export("principal", identity.principal_id)
