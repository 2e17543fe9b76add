"""Functions are called, one with what is known after a deployment."""

import pulumi
from pulumi_azure_native import authorization, resources

config = pulumi.Config()
name, step = config.require("name"), config.require_int("step")
client = authorization.get_client_config()
group = resources.ResourceGroup(
    "group", resource_group_name=f"{name}-rg", tags={"by": client.subscription_id, "n": str(step)}
)
again = resources.get_resource_group_output(resource_group_name=group.name)
pulumi.export("location", again.location)
