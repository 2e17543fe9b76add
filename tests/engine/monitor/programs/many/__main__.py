"""Many computes in one workspace; each after the one before if the configuration says so."""

import pulumi
import pulumi_azure_native as azure

ml = azure.machinelearningservices
config = pulumi.Config("test")
group = azure.resources.ResourceGroup("rg", resource_group_name="ml", location="westeurope")
workspace = ml.Workspace("ws", workspace_name="ws", resource_group_name=group.name)
last = None
for number in range(config.require_int("count")):
    after = [last] if last and config.get("chain") else None
    last = ml.Compute(
        f"cpu-{number}",
        compute_name=f"cpu-{number}",
        workspace_name=workspace.name,
        resource_group_name=group.name,
        location="westeurope",
        properties=ml.AmlComputeArgs(compute_type="AmlCompute"),
        opts=pulumi.ResourceOptions(depends_on=after),
    )
