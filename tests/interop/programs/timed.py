"""Timeouts, outputs that are to be secret, and dependencies that no input shows."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
first = resources.ResourceGroup(
    "first",
    resource_group_name=f"{name}-first",
    opts=pulumi.ResourceOptions(
        additional_secret_outputs=["location"],
        custom_timeouts=pulumi.CustomTimeouts(create="7m", update="90s", delete="1h"),
    ),
)
resources.ResourceGroup(
    "second",
    resource_group_name=f"{name}-second",
    tags={"step": str(step)},
    opts=pulumi.ResourceOptions(depends_on=[first]),
)
