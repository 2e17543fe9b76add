"""The life of computes, seen by azure-mgmt-machinelearningservices 2.0.0b2."""

from account import BASE, GROUP, SUBSCRIPTION, URL, WORKSPACE, credential, refusal, report
from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient, models

client = MachineLearningServicesMgmtClient(
    credential(), SUBSCRIPTION, base_url=URL, credential_scopes=[f"{URL}/.default"]
)
computes, NAME = client.compute, WORKSPACE


def put(name, properties):
    resource = models.ComputeResource(location="westeurope", properties=properties)
    return computes.begin_create_or_update(GROUP, NAME, name, resource)


def cluster(most, size="Standard_DS3_v2"):
    scale = models.ScaleSettings(max_node_count=most, min_node_count=0)
    return models.AmlCompute(
        properties=models.AmlComputeProperties(vm_size=size, scale_settings=scale)
    )


instance = models.ComputeInstance(
    properties=models.ComputeInstanceProperties(vm_size="Standard_DS3_v2")
)
machine = models.VirtualMachine(
    resource_id=f"{BASE}/Microsoft.Compute/virtualMachines/vm",
    properties=models.VirtualMachineSchemaProperties(
        ssh_port=22,
        administrator_account=models.VirtualMachineSshCredentials(
            username="azureuser", password="canary-password"
        ),
    ),
)


def state():
    return computes.get(GROUP, NAME, "box").properties.properties.state


first = put("cpu", cluster(2)).result()
again = put("cpu", cluster(4)).result()
scale = models.ScaleSettings(max_node_count=6)
scaled = computes.begin_update(
    GROUP,
    NAME,
    "cpu",
    models.ClusterUpdateParameters(
        properties=models.ScaleSettingsInformation(scale_settings=scale)
    ),
).result()
put("box", instance).result()
states = [state()]
for action in (computes.begin_stop, computes.begin_start, computes.begin_restart):
    action(GROUP, NAME, "box").result()
    states.append(state())
attached = put("vm", machine).result()
observed = {
    "first": [first.properties.compute_type, first.properties.provisioning_state],
    "again": again.properties.properties.scale_settings.max_node_count,
    "scaled": scaled.properties.properties.scale_settings.max_node_count,
    "idle": first.properties.properties.scale_settings.node_idle_time_before_scale_down,
    "counts": first.properties.properties.node_state_counts.as_dict(),
    "states": states,
    "attached": [attached.properties.is_attached_compute, attached.properties.resource_id],
    "not shown": attached.properties.properties.administrator_account.password,
    "keys": computes.list_keys(GROUP, NAME, "vm").administrator_account.password,
    "listed": sorted(each.name for each in computes.list(GROUP, NAME)),
    "no workspace": refusal(computes.get, GROUP, "none", "cpu"),
    "no group": refusal(computes.get, "none", "none", "cpu"),
    "no compute": refusal(computes.get, GROUP, NAME, "none"),
    "bad limits": refusal(put, "bad", cluster(-1)),
    "fixed": refusal(put, "cpu", cluster(2, "Standard_DS4_v2")),
}
computes.begin_delete(GROUP, NAME, "cpu", "Delete").result()
computes.begin_delete(GROUP, NAME, "vm", "Detach").result()
computes.begin_delete(GROUP, NAME, "never", "Delete").result()
observed["left"] = [each.name for each in computes.list(GROUP, NAME)]
report(observed)
