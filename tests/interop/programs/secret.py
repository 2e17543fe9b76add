"""A secret tag, of the configuration and of the program, changes."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
hidden = pulumi.Output.secret(f"Pa55-canary-{step}")
group = resources.ResourceGroup(
    "group",
    resource_group_name=f"{name}-rg",
    tags={"hidden": hidden, "asked": config.require_secret("asked"), "plain": "yes"},
)
pulumi.export("tags", group.tags)
pulumi.export("hidden", hidden)
