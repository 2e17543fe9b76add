"""A change replaces because the program says so."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
resources.ResourceGroup(
    "group",
    resource_group_name=f"{name}-rg",
    tags={"release": str(step)},
    opts=pulumi.ResourceOptions(replace_on_changes=["tags.release"], delete_before_replace=True),
)
