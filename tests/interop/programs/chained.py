"""An account is in a group that the same program makes; its SKU changes."""

import pulumi
from pulumi_azure_native import resources, storage

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
group = resources.ResourceGroup("group", resource_group_name=f"{name}-rg")
account = storage.StorageAccount(
    "account",
    account_name=name.replace("-", ""),
    resource_group_name=group.name,
    kind=storage.Kind.STORAGE_V2,
    sku=storage.SkuArgs(name="Standard_LRS" if step == 1 else "Standard_GRS"),
)
pulumi.export("endpoints", account.primary_endpoints)
