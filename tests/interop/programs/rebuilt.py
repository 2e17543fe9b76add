"""What is replaced before its dependents are drags them along."""

import pulumi
from pulumi_azure_native import resources, storage

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
location = "westeurope" if step == 1 else "northeurope"
group = resources.ResourceGroup(
    "group",
    resource_group_name=f"{name}-rg",
    location=location,
    opts=pulumi.ResourceOptions(delete_before_replace=True),
)
storage.StorageAccount(
    "account",
    account_name=name.replace("-", ""),
    resource_group_name=group.name,
    location=group.location,
    kind=storage.Kind.STORAGE_V2,
    sku=storage.SkuArgs(name="Standard_LRS"),
)
