"""A group whose name is made up moves: the new one is made first."""

import pulumi
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
location = "westeurope" if step == 1 else "northeurope"
resources.ResourceGroup(f"{name}-group", location=location)
