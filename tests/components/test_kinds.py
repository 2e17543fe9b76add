"""What every kind in a stack file becomes: the body that goes to the service, and the target."""

import json
from pathlib import Path

import pytest

from infra.catalogue.updates.rule import rule_at
from infra.catalogue.updates.table import replaced_by, rules_of
from infra.deploy.stack.file_entries import IMPLIED, row_for, rows_of_resource
from infra.spec.computes import KINDS
from infra.spec.document import parse_document

HERE = Path(__file__).parent
# The stack file's own reader: its scalars are YAML 1.2's.
CASES = parse_document(
    "config:\n  cases:\n"
    + "".join(
        f"    {line}\n" for line in (HERE / "kinds.yaml").read_text(encoding="utf-8").splitlines()
    )
).config["cases"]
COMPUTE = "azure-native:machinelearningservices:Compute"
TENANT = "22222222-2222-2222-2222-222222222222"


@pytest.fixture(scope="module")
def run(run_program):
    """Return a run of a stack with every case, and everything around computes."""
    networks = [
        {
            "name": "net",
            "address_space": ["10.1.0.0/16"],
            "subnets": [
                {"name": "a", "address_prefix": "10.1.0.0/24"},
                {
                    "name": "b",
                    "address_prefix": "10.1.1.0/24",
                    "service_endpoints": ["Microsoft.Storage"],
                },
            ],
        }
    ]
    cluster = {
        "kind": "aml_compute",
        "name": "cpu",
        "vm_size": "STANDARD_DS3_V2",
        "max_nodes": 2,
        "subnet": "net/b",
        "identity": {"type": "user_assigned", "names": ["trainer"]},
    }
    config = {
        "aml:computes": [cluster, *(case["compute"] for case in CASES)],
        # Nobody can attach one any more; a workspace may have it.
        "aml:adopt": {
            "platform-lake": "/subscriptions/s/resourceGroups/g/providers/"
            "Microsoft.MachineLearningServices/workspaces/w/computes/lake"
        },
        "aml:identities": [{"name": "boss"}, {"name": "trainer"}],
        "aml:networks": networks,
        "aml:datastores": [
            {"kind": "azure_blob", "name": "raw", "container": "raw"},
            {
                "kind": "azure_data_lake_gen2",
                "name": "lake",
                "storage_account_id": "/subscriptions/t/resourceGroups/h/providers/"
                "Microsoft.Storage/storageAccounts/lakes",
                "filesystem": "data",
                "credentials": {
                    "type": "service_principal",
                    "tenant_id": TENANT,
                    "client_id": TENANT,
                    "client_secret": "env:NODE_PASSWORD",
                },
            },
            {
                "kind": "azure_file",
                "name": "files",
                "account_name": "others",
                "share": "team",
                "credentials": {"type": "sas", "token": "env:NODE_PASSWORD"},
            },
        ],
        "aml:role_assignments": [
            {"role": "reader", "identity": "trainer", "scope": "storage_account"}
        ],
    }
    return run_program(
        config={key: json.dumps(value) for key, value in config.items()},
        workspace={"identity": {"type": "user_assigned", "names": ["boss"]}},
        environment={"NODE_PASSWORD": "Pa55-canary"},
    )


def resource(run, name, type_):
    (found,) = (r for r in run.resources if r["name"] == name and r["type"].endswith(type_))
    return found


def test_the_table_of_updates_decides_what_replaces(run):
    made = [each for each in run.resources if each["type"].startswith("azure-native:")]
    assert len({each["type"] for each in made}) > 8
    for each in made:
        kind = each["inputs"].get("properties", {}).get("computeType", "")
        assert each["replace_on"] == list(replaced_by(each["type"], kind)) != []


def test_every_kind_has_a_case():
    assert {case["compute"]["kind"] for case in CASES} == set(KINDS) - {"aml_compute"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["compute"]["name"])
def test_the_body(run, case):
    made = resource(run, f"platform-{case['compute']['name']}", COMPUTE)
    assert made["inputs"]["properties"] == case["properties"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["compute"]["name"])
def test_the_target(run, case):
    target = dict(run.outputs["manifest"]["targets"][case["compute"]["name"]])
    assert target.pop("id")
    assert target == {"credentials": {}, **case["target"]}


def test_a_cluster_follows_the_subnet_and_the_identity_it_refers_to(run):
    made = resource(run, "platform-cpu", COMPUTE)
    assert made["inputs"]["properties"]["properties"]["subnet"]["id"].endswith("platform-net-b")
    assert made["depends"]["properties"] == ["platform-net-b"]
    assert "platform-trainer" in made["depends"]["identity"]


def test_subnets_are_created_one_after_the_other(run):
    subnets = [r for r in run.resources if r["type"].endswith("network:Subnet")]
    assert [s["inputs"]["subnetName"] for s in subnets] == ["a", "b"]


def test_a_workspace_of_a_declared_identity_waits_for_its_roles(run):
    roles = [r["name"] for r in run.resources if r["type"] == "aml:platform:RoleAssignment"]
    assert [name for name in roles if name.startswith("platform-boss-")] == [
        "platform-boss-contributor-storage_account",
        "platform-boss-storage_blob_data_contributor-storage_account",
        "platform-boss-contributor-key_vault",
        "platform-boss-contributor-application_insights",
        "platform-boss-contributor-container_registry",
    ]
    made = resource(run, "platform-workspace", "services:Workspace")
    assert made["inputs"]["primaryUserAssignedIdentity"].endswith("platform-boss")


def test_a_role_is_in_the_subscription_of_its_scope(run):
    made = resource(run, "platform-trainer-reader-storage_account", "authorization:RoleAssignment")
    assert made["inputs"]["roleDefinitionId"].startswith("/subscriptions/s/providers/")
    assert made["inputs"]["principalType"] == "ServicePrincipal"


@pytest.mark.parametrize(
    ("name", "properties"),
    [
        (
            "raw",
            {
                "datastoreType": "AzureBlob",
                "containerName": "raw",
                "credentials": {"credentialsType": "None"},
            },
        ),
        (
            "lake",
            {
                "datastoreType": "AzureDataLakeGen2",
                "accountName": "lakes",
                "resourceGroup": "h",
                "subscriptionId": "t",
                "filesystem": "data",
                "credentials": {
                    "credentialsType": "ServicePrincipal",
                    "tenantId": TENANT,
                    "clientId": TENANT,
                    "secrets": {
                        "secretsType": "ServicePrincipal",
                        "clientSecret": {"secret": "Pa55-canary"},
                    },
                },
            },
        ),
        (
            "files",
            {
                "datastoreType": "AzureFile",
                "accountName": "others",
                "fileShareName": "team",
                "credentials": {
                    "credentialsType": "Sas",
                    "secrets": {"secretsType": "Sas", "sasToken": {"secret": "Pa55-canary"}},
                },
            },
        ),
    ],
)
def test_datastores(run, name, properties):
    made = resource(run, f"platform-{name}", "services:Datastore")["inputs"]["properties"]
    assert {key: made[key] for key in properties} == properties
    assert made["serviceDataAccessAuthIdentity"] == "None"


# What the components set by themselves: no key of a stack file says it.
SET_BY_COMPONENTS = {
    ("network:Subnet", "privateLinkServiceNetworkPolicies"),
    ("network:VirtualNetwork", "enableDdosProtection"),
    ("network:VirtualNetwork", "enableVmProtection"),
}
# A stack file says where these are and how they are tagged, nothing else.
PREREQUISITES = {
    "applicationinsights:Component",
    "containerregistry:Registry",
    "keyvault:Vault",
    "operationalinsights:Workspace",
    "storage:StorageAccount",
}


def leaves(value, at=""):
    if isinstance(value, dict) and value and set(value) != {"secret"}:
        for key, item in value.items():
            yield from leaves(item, f"{at}.{key}".lstrip("."))
    else:
        yield at


def test_every_updatable_property_that_a_stack_file_sets_has_its_key(run, full):
    unnamed = set()
    for each in [*run.resources, *full.resources]:
        token, inputs = each["type"], each["inputs"]
        rules = rules_of(token, inputs.get("properties", {}).get("computeType", ""))
        rows = rows_of_resource(token, inputs)
        unnamed |= {
            (token.partition(":")[2], path)
            for path in leaves(inputs)
            if rule_at(rules, path) and not row_for(rows, path) and path not in IMPLIED
        }
    assert {pair for pair in unnamed if pair[0] not in PREREQUISITES} == SET_BY_COMPONENTS
