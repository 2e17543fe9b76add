"""A change that is ignored is none; the one beside it is made."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
resources.ResourceGroup(
    "group",
    resource_group_name=f"{name}-rg",
    tags={"team": f"team{step}", "kept": f"kept{step}"},
    opts=pulumi.ResourceOptions(ignore_changes=["tags.kept"]),
)
