"""A group moves: it is deleted before it is made again, as it keeps its name."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
location = "westeurope" if step == 1 else "northeurope"
group = resources.ResourceGroup("group", resource_group_name=f"{name}-rg", location=location)
pulumi.export("location", group.location)
