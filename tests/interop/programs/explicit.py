"""A provider of the program's own, in the local cloud's subscription."""

import pulumi
import pulumi_azure_native
from pulumi_azure_native import resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
subscription = config.require("subscription")
provider = pulumi_azure_native.Provider(
    "mine", subscription_id=subscription, location="westeurope", use_msi=False
)
resources.ResourceGroup(
    "group",
    resource_group_name=f"{name}-rg",
    tags={"step": str(step)},
    opts=pulumi.ResourceOptions(provider=provider),
)
