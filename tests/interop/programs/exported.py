"""Outputs of every form of JSON."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
group = resources.ResourceGroup("group", resource_group_name=f"{name}-rg")
pulumi.export("text", "ä€" * step)
pulumi.export("numbers", [0, -1, 2.5, 1e21, step])
pulumi.export("nested", {"list": [{"deep": [True, False]}], "group": group.name, "empty": {}})
pulumi.export("hidden", pulumi.Output.secret({"inner": [group.name, "Pa55-canary"]}))
