"""The life of a workspace and a cluster, seen by azure-mgmt-machinelearningservices 1.0.1."""

from account import BASE, GROUP, SUBSCRIPTION, URL, credential, refusal, report
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient, models

client = MachineLearningServicesMgmtClient(
    credential(), SUBSCRIPTION, base_url=URL, credential_scopes=[f"{URL}/.default"]
)
workspaces, computes = client.workspaces, client.machine_learning_compute
NAME, CLUSTER = "made-here", "cpu"


def workspace(**fields):
    return models.Workspace(
        location="westeurope",
        identity=models.Identity(type="SystemAssigned"),
        storage_account=f"{BASE}/Microsoft.Storage/storageAccounts/{GROUP}demost",
        key_vault=f"{BASE}/Microsoft.KeyVault/vaults/{GROUP}demokv",
        application_insights=f"{BASE}/Microsoft.Insights/components/{GROUP}demoai",
        **fields,
    )


def cluster(most, size="STANDARD_DS3_V2"):
    inner = models.AmlComputeProperties(
        vm_size=size,
        vm_priority="LowPriority",
        scale_settings=models.ScaleSettings(
            max_node_count=most, min_node_count=0, node_idle_time_before_scale_down="PT2M"
        ),
    )
    return models.ComputeResource(
        location="westeurope", properties=models.AmlCompute(properties=inner)
    )


def put(name, resource):
    return computes.begin_create_or_update(GROUP, NAME, name, resource)


missing = refusal(workspaces.get, GROUP, NAME)
made = workspaces.begin_create_or_update(GROUP, NAME, workspace(friendly_name="One")).result()
changed = workspaces.update(
    GROUP, NAME, models.WorkspaceUpdateParameters(tags={"a": "b"}, friendly_name="Two")
)
no_compute = refusal(computes.get, GROUP, NAME, CLUSTER)
first = put(CLUSTER, cluster(2)).result()
second = put(CLUSTER, cluster(3)).result()
scaled = computes.begin_update(
    GROUP,
    NAME,
    CLUSTER,
    models.ClusterUpdateParameters(scale_settings=models.ScaleSettings(max_node_count=5)),
).result()
listed = [each.name for each in computes.list_by_workspace(GROUP, NAME)]
nodes = list(computes.list_nodes(GROUP, NAME, CLUSTER))
bad_size = refusal(put, "bad", cluster(1, "STANDARD_NONE"))
bad_name = refusal(put, "1bad", cluster(1))
fixed = refusal(put, CLUSTER, cluster(1, "STANDARD_DS4_V2"))
in_group = list(workspaces.list_by_resource_group(GROUP))
in_subscription = list(workspaces.list_by_subscription())
computes.begin_delete(GROUP, NAME, CLUSTER, "Delete").result()
report(
    {
        "missing": missing,
        "made": [made.provisioning_state, made.identity.principal_id, made.workspace_id],
        "changed": [changed.tags, changed.friendly_name, changed.identity.principal_id],
        "listed workspaces": NAME in {each.name for each in in_group},
        "in subscription": NAME in {each.name for each in in_subscription},
        "keys": bool(workspaces.list_keys(GROUP, NAME).user_storage_key),
        "sizes": len(client.virtual_machine_sizes.list("westeurope").aml_compute or []),
        "no compute": no_compute,
        "first": [
            first.properties.compute_type,
            first.properties.provisioning_state,
            first.properties.is_attached_compute,
            first.properties.properties.scale_settings.max_node_count,
            first.properties.properties.allocation_state,
        ],
        "second": second.properties.properties.scale_settings.max_node_count,
        "scaled": scaled.properties.properties.scale_settings.max_node_count,
        "listed": listed,
        "nodes": nodes,
        "bad size": bad_size,
        "bad name": bad_name,
        "fixed": fixed,
        "gone": refusal(computes.get, GROUP, NAME, CLUSTER),
        "deleted": workspaces.begin_delete(GROUP, NAME).result(),
        "gone too": refusal(workspaces.get, GROUP, NAME),
    }
)
