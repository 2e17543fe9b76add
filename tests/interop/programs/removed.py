"""One of two groups is deleted."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
for each in ["kept", "gone"][: 3 - step]:
    resources.ResourceGroup(each, resource_group_name=f"{name}-{each}")
