"""What cannot succeed is refused before anything is deleted: in preview as in up and destroy."""

import shutil
from contextlib import closing

import pytest

from infra.arm.client import local_client
from infra.catalogue.api_versions import KEY_VAULT, LOCKS, MACHINE_LEARNING, RESOURCES
from infra.contract.discovery import SUBSCRIPTION

PROGRAM = """\
import pulumi
from pulumi_azure_native import keyvault, resources

config = pulumi.Config()
group = resources.ResourceGroup("group", resource_group_name="NAME-rg", location="westeurope")
vault = keyvault.Vault(
    "vault",
    vault_name=config.require("vault"),
    resource_group_name=group.name,
    location="westeurope",
    properties=keyvault.VaultPropertiesArgs(
        tenant_id="TENANT",
        sku=keyvault.SkuArgs(family="A", name="standard"),
        access_policies=[],
        enable_purge_protection=config.require_bool("protected"),
        create_mode=config.get("mode"),
    ),
)
"""


@pytest.fixture
def own(project):
    """Return a project with a program of its own: a vault with purge protection."""
    settings = "name: shop\nruntime: python\nstackConfigDir: stacks\n"
    (project.root / "Pulumi.yaml").write_text(settings, encoding="utf-8")
    shutil.rmtree(project.root / "stacks")
    tenant = "11111111-1111-1111-1111-111111111111"
    program = PROGRAM.replace("NAME", project.name).replace("TENANT", tenant)
    (project.root / "__main__.py").write_text(program, encoding="utf-8")
    (project.root / "stacks").mkdir()
    project.stack_file().write_text("config:\n  aml:cloud: local\n", encoding="utf-8")
    project.good("config", "set", "shop:vault", f"{project.name}-kv")
    project.good("config", "set", "shop:protected", "true")
    return project


def asks(project, method, path, version, body=None):
    with closing(local_client(project.home)) as client:
        return client.complete(method, path, api_version=version, body=body).document


def group_of(project):
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-rg"


def lock(project, scope, level="CanNotDelete"):
    path = f"{scope}/providers/Microsoft.Authorization/locks/keep"
    asks(project, "PUT", path, LOCKS, {"properties": {"level": level}})
    return path


def test_a_protected_vault_is_not_deleted_for_a_new_one_of_its_name(own):
    own.good("up", "--yes")
    before = own.in_state()
    own.good("config", "set", "shop:protected", "false")
    for command in (("preview",), ("up", "--yes")):
        said = own.aml(*command)
        assert said.code == 2
        assert f"key vault '{own.name}-kv' would be deleted and could not be created" in said.err
        assert "properties.enablePurgeProtection cannot be changed in place" in said.err
        assert "its name stays taken for 90 days" in said.err
        assert "Nothing was changed" in said.err
    assert own.in_state() == before
    vault = f"{group_of(own)}/providers/Microsoft.KeyVault/vaults/{own.name}-kv"
    assert asks(own, "GET", vault, KEY_VAULT)["properties"]["enablePurgeProtection"] is True
    own.good("config", "set", "shop:vault", f"{own.name}-kv2")
    own.good("up", "--yes")
    own.good("destroy", "--yes")


def test_locks_are_found_before_anything_is_deleted(deployed):
    before = deployed.in_state()
    group = group_of(deployed)
    account = next(each for each in before if "/storageaccounts/" in each and "blob" not in each)
    kept = lock(deployed, account)
    said = deployed.aml("destroy", "--yes")
    assert said.code == 2
    assert "the lock 'keep' (CanNotDelete) on 'shop" in said.err
    assert f"resource group '{deployed.name}-rg' from being deleted" in said.err
    assert f"`az lock delete --ids {kept}`".lower() in said.err.lower()
    assert "then run `aml destroy -s local`" in said.err
    assert deployed.in_state() == before == deployed.in_cloud()
    deployed.edit("max_nodes: 2", "max_nodes: 3")
    deployed.good("up", "--yes")
    asks(deployed, "DELETE", kept, LOCKS)
    kept = lock(deployed, group, "ReadOnly")
    deployed.edit("max_nodes: 3", "max_nodes: 2")
    assert "keeps AmlCompute 'cpu' from being changed" in deployed.aml("preview").err
    asks(deployed, "DELETE", kept, LOCKS)
    deployed.good("destroy", "--yes")


def test_a_program_of_ones_own_has_a_policy_for_what_is_soft_deleted(own):
    own.good("up", "--yes")
    own.good("destroy", "--yes")
    own.edit("aml:cloud: local", "aml:cloud: local\n  aml:soft_delete: {key_vault: purge}")
    said = own.aml("up", "--yes")
    assert said.code == 2
    assert "protected against purging until" in said.err
    assert "Set aml:soft_delete.key_vault to recover" in said.err
    own.edit("key_vault: purge", "key_vault: recovr")
    assert "aml:soft_delete.key_vault: 'recovr' is not allowed" in own.aml("check").err
    own.edit("  aml:soft_delete: {key_vault: recovr}\n", "")
    own.good("up", "--yes")
    assert own.in_state() == own.in_cloud()
    own.good("destroy", "--yes")


def test_a_name_that_others_have_is_found_before_a_replacement(own):
    own.good("up", "--yes")
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{own.name}-other"
    other = f"{group}/providers/Microsoft.KeyVault/vaults/{own.name}-theirs"
    vault = asks(own, "GET", f"{group_of(own)}/providers/Microsoft.KeyVault/vaults/{own.name}-kv",
                 KEY_VAULT)  # fmt: skip
    asks(own, "PUT", group, RESOURCES, {"location": "westeurope"})
    properties = {**vault["properties"], "enablePurgeProtection": None}
    asks(own, "PUT", other, KEY_VAULT, {"location": "westeurope", "properties": properties})
    own.good("config", "set", "shop:vault", f"{own.name}-theirs")
    assert "is not available: The name" in own.aml("preview").err
    asks(own, "DELETE", other, KEY_VAULT)
    assert "a deleted one of another group holds the name" in own.aml("preview").err
    own.good("config", "set", "shop:vault", f"{own.name}-kv")
    own.good("destroy", "--yes")


CLUSTER = """\
import pulumi
from aml_platform.components import Cluster, ClusterArgs, Workspace, WorkspaceArgs

config = pulumi.Config()
where = {"location": "uksouth", "resource_group_name": "NAME-rg"}
workspace = Workspace("ws", WorkspaceArgs(workspace_name="NAME", **where))
args = ClusterArgs(
    compute_name="cpu",
    workspace_name=workspace.workspace_name,
    resource_group_name=workspace.resource_group_name,
    location="uksouth",
    vm_size=config.require("size"),
    max_nodes=2,
)
Cluster("cpu", args)
"""


def test_a_cluster_is_not_deleted_for_one_that_the_quota_has_no_room_for(own):
    program = CLUSTER.replace("NAME", own.name)
    (own.root / "__main__.py").write_text(program, encoding="utf-8")
    own.good("config", "set", "shop:size", "STANDARD_DS3_V2")
    own.good("up", "--yes")
    before = own.in_cloud()
    place = "providers/Microsoft.MachineLearningServices/locations/uksouth"
    path = f"/subscriptions/{SUBSCRIPTION}/{place}"
    quota = {"id": f"{path}/quotas/Standard NCASv3_T4 Family", "limit": 7}
    body = {"value": [quota], "location": "uksouth"}
    asks(own, "POST", f"{path}/updateQuotas", MACHINE_LEARNING, body)
    own.good("config", "set", "shop:size", "Standard_NC4as_T4_v3")
    for command in (("preview",), ("up", "--yes")):
        said = own.aml(*command)
        assert "AmlCompute 'cpu' needs 8 dedicated cores" in said.err
        assert said.code != 0
    assert own.in_cloud() == before
    own.good("config", "set", "shop:size", "Standard_NC6")
    assert "'Standard_NC6' is not offered in uksouth" in own.aml("preview").err
    own.good("destroy", "--yes")
