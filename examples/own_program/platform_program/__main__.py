"""A platform of one's own: one workspace, a cluster for each team, data by a managed identity.

An ordinary Pulumi program: `pulumi up` and `aml up` both run it. Component inputs accept outputs,
so that one resource's output can be another's input.
"""

import pulumi

from aml_platform.components import (
    Cluster,
    ClusterArgs,
    RoleAssignment,
    RoleAssignmentArgs,
    UserIdentity,
    UserIdentityArgs,
    Workspace,
    WorkspaceArgs,
    managed_identity,
    manifest,
)

config, stack = pulumi.Config(), pulumi.get_stack()
location = pulumi.Config("azure-native").require("location")

workspace = Workspace(
    "churn",
    WorkspaceArgs(
        workspace_name=f"churn-{stack}",
        resource_group_name=f"churn-{stack}-rg",
        location=location,
        tags={"product": "churn"},
    ),
)
trainer = UserIdentity(
    "trainer",
    UserIdentityArgs(
        identity_name="churn-trainer",
        resource_group_name=workspace.resource_group_name,
        location=location,
    ),
)
RoleAssignment(
    "trainer-reads-data",
    RoleAssignmentArgs(
        role="storage_blob_data_reader",
        principal_id=trainer.principal_id,
        scope=workspace.dependencies.storage_account_id,
    ),
)
clusters = {
    team: Cluster(
        team,
        ClusterArgs(
            compute_name=f"{team}-cpu",
            workspace_name=workspace.workspace_name,
            resource_group_name=workspace.resource_group_name,
            location=workspace.location,
            vm_size="STANDARD_DS3_V2",
            priority="low_priority",
            max_nodes=config.require_int("nodes"),
            idle_seconds=60,
            identity=managed_identity("user_assigned", [trainer.identity_id]),
            tags={"team": team},
        ),
    )
    for team in config.require_object("teams")
}

pulumi.export(
    "manifest",
    manifest(
        workspace,
        {f"{team}-cpu": cluster.target for team, cluster in clusters.items()},
        project=pulumi.get_project(),
        stack=stack,
        cloud=pulumi.Config("aml").require("cloud"),
    ),
)
