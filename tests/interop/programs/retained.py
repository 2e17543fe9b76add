"""A group leaves the stack and stays in the cloud."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
resources.ResourceGroup("group", resource_group_name=f"{name}-rg")
if step == 1:
    resources.ResourceGroup(
        "kept",
        resource_group_name=f"{name}-kept",
        opts=pulumi.ResourceOptions(retain_on_delete=True),
    )
