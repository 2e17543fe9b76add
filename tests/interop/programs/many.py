"""A dozen groups, each after the one before it; two are gone."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
last = []
for number in range(14 - 2 * step):
    group = resources.ResourceGroup(
        f"group{number}",
        resource_group_name=f"{name}-{number}",
        opts=pulumi.ResourceOptions(depends_on=last[-1:] if number % 3 else []),
    )
    last.append(group)
