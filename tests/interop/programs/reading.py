"""A group is read that another resource of the program made."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
group = resources.ResourceGroup("group", resource_group_name=f"{name}-rg", tags={"step": str(step)})
found = resources.ResourceGroup.get("found", group.id)
pulumi.export("location", found.location)
