"""A component with a workspace and a cluster with a secret, a protected cluster elsewhere."""

import pulumi
import pulumi_azure_native as azure

ml = azure.machinelearningservices
config = pulumi.Config("test")
nodes = config.get_int("nodes") or 2


class Platform(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("aml:platform:Platform", name, {"nodes": nodes})
        child = pulumi.ResourceOptions(parent=self)
        self.group = azure.resources.ResourceGroup(
            f"{name}-rg", resource_group_name="ml", location="westeurope", opts=child
        )
        self.workspace = ml.Workspace(
            f"{name}-ws",
            workspace_name="ws",
            resource_group_name=self.group.name,
            location=self.group.location,
            identity=ml.ManagedServiceIdentityArgs(type="SystemAssigned"),
            opts=child,
        )
        self.cluster = ml.Compute(
            f"{name}-cpu",
            compute_name="cpu",
            workspace_name=self.workspace.name,
            resource_group_name=self.group.name,
            location="westeurope",
            properties=ml.AmlComputeArgs(
                compute_type="AmlCompute",
                properties=ml.AmlComputePropertiesArgs(
                    vm_size="STANDARD_DS3_V2",
                    scale_settings=ml.ScaleSettingsArgs(min_node_count=0, max_node_count=nodes),
                    user_account_credentials=ml.UserAccountCredentialsArgs(
                        admin_user_name="aml",
                        admin_user_password=config.require_secret("password"),
                    ),
                ),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, custom_timeouts=pulumi.CustomTimeouts(create="30m")
            ),
        )
        self.register_outputs({"workspace": self.workspace.name})


platform = Platform("main")
elsewhere = azure.Provider("second", location="northeurope")
kept = ml.Compute(
    "gpu",
    compute_name="gpu",
    workspace_name=platform.workspace.name,
    resource_group_name="ml",
    location="westeurope",
    properties=ml.AmlComputeArgs(compute_type="AmlCompute"),
    opts=pulumi.ResourceOptions(
        provider=elsewhere,
        protect=config.get_bool("protect"),
        depends_on=[platform.cluster],
        ignore_changes=["tags"],
    ),
)
pulumi.export("subscription", azure.authorization.get_client_config().subscription_id)
pulumi.export("workspace", platform.workspace.name)
pulumi.export("password", config.require_secret("password"))
pulumi.export("state", platform.workspace.provisioning_state)
pulumi.export("targets", {"cpu": platform.cluster.id, "gpu": kept.id})
