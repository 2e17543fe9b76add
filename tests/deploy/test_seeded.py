"""A stack that refers to resources of a real subscription, on a local cloud with stand-ins."""

import pytest

REAL = "/subscriptions/12345678-1234-1234-1234-123456789012/resourceGroups/shared"
OF = f"{REAL}/providers/Microsoft."
STACK = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace:
    name: {name}
    resource_group: {name}-rg
    storage_account_id: {of}Storage/storageAccounts/{name}data
    container_registry_id: {of}ContainerRegistry/registries/{name}images
    private_endpoint:
      subnet_id: {of}Network/virtualNetworks/hub/subnets/endpoints
      zone_ids: ["{of}Network/privateDnsZones/privatelink.api.azureml.ms"]
    identity: {{type: system_assigned}}
  aml:identities: [{{name: trainer}}]
  aml:computes:
    - kind: aml_compute
      name: cpu
      vm_size: STANDARD_DS3_V2
      max_nodes: 2
      subnet_id: {of}Network/virtualNetworks/hub/subnets/nodes
    - {{kind: kubernetes, name: k8s, resource_id: "{of}ContainerService/managedClusters/{name}"}}
  aml:datastores:
    - kind: azure_blob
      name: lake
      storage_account_id: {of}Storage/storageAccounts/{name}lake
      container: raw
  aml:role_assignments:
    - role: storage_blob_data_reader
      identity: trainer
      scope_id: {of}Storage/storageAccounts/{name}lake
    - {{role: reader, identity: trainer, scope_id: {real}}}
"""


@pytest.fixture
def elsewhere(project):
    """Return a project whose stack refers to what another subscription has."""
    text = STACK.format(name=project.name, of=OF, real=REAL)
    project.stack_file().write_text(text, encoding="utf-8")
    return project


def test_a_stack_that_refers_elsewhere_deploys_after_seeding(elsewhere):
    refused = elsewhere.aml("up", "--yes")
    assert refused.code != 0
    assert "aml cloud seed" in refused.err
    assert refused.err.count("does not exist") == 7
    assert elsewhere.in_cloud() == []
    made = elsewhere.good("cloud", "seed", str(elsewhere.stack_file()), "--json").data
    assert {each["outcome"] for each in made} == {"made"}
    again = elsewhere.good("cloud", "seed", str(elsewhere.stack_file()), "--json").data
    assert {each["outcome"] for each in again} == {"there"}
    elsewhere.good("up", "--yes")
    assert "no changes" in elsewhere.repeated()
    assert elsewhere.good("drift", "--json").data["resources"] == []
    elsewhere.good("destroy", "--yes")
    assert elsewhere.in_state() == []


def test_what_nobody_looks_for_is_left_out(project):
    unknown = f"{OF}Synapse/workspaces/s/bigDataPools/p"
    said = project.good("cloud", "seed", unknown, f"{OF}Network/virtualNetworks/v{project.name}")
    assert f"not needed, the local cloud does not look for it: {unknown}" in said.out
    assert f"made: {OF}Network/virtualNetworks/v{project.name}" in said.out


def test_a_file_without_ids_is_an_error(project):
    said = project.aml("cloud", "seed", "Pulumi.yaml")
    assert said.code == 2
    assert "no id of a resource" in said.err
    assert project.aml("cloud", "seed", "nowhere.yaml").code == 2
