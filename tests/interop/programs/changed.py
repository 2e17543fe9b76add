"""A tag changes in place."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
group = resources.ResourceGroup(
    "group", resource_group_name=f"{name}-rg", tags={"team": "ml" if step == 1 else "ops"}
)
pulumi.export("id", group.id)
