"""A group is protected, then not."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
resources.ResourceGroup(
    "group",
    resource_group_name=f"{name}-rg",
    opts=pulumi.ResourceOptions(protect=step == 1),
)
