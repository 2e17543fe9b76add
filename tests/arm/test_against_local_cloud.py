"""The provider against the real local cloud, over TLS: every type of the table, all its verbs."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.arm.client import local_client, local_endpoint
from infra.arm.credentials import local_credential
from infra.arm.provider import AzureNative
from infra.catalogue.types.table import type_of_token, variant_of_inputs
from infra.contract.discovery import SUBSCRIPTION, TENANT, ask, ensure_cloud
from infra.contract.errors import ProviderError

GOLDEN = "00000000-0000-0000-0000-000000000001"
FOLDER = Path(__file__).parent / "bodies"
COMPUTE = "azure-native:machinelearningservices:Compute"
# In the order in which they need each other; what is left runs after them.
FIRST = (
    "resource_group",
    "user_assigned_identity",
    "network_security_group",
    "virtual_network",
    "virtual_network_hub",
    "storage_account",
    "key_vault",
    "log_analytics",
    "application_insights",
    "workspace",
    "private_zone",
    "private_endpoint",
    "managed_cluster",
)
REST = sorted({file.stem for file in FOLDER.glob("*.json")} - {*FIRST})


def case(name: str):
    """Return type and inputs of a golden case, in the local cloud's own subscription."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    document = json.loads(text.replace(GOLDEN, SUBSCRIPTION))
    # With an account a machine really runs: it needs a network card, and is tested by its clients.
    inputs = {k: v for k, v in document["inputs"].items() if k != "osProfile"}
    return document["type"], inputs


def create(provider: AzureNative, name: str):
    kind, inputs = case(name)
    checked = provider.check(kind, name, None, inputs, b"seed")
    assert checked.failures == ()
    return provider.create(kind, checked.inputs, timeout_s=30, preview=False)


def secrets_of(type: str, made) -> frozenset[str]:
    """Return the inputs no service returns: whoever imports gives them anew."""
    return variant_of_inputs(type_of_token(type), made.inputs).secret


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def provider(home: Path) -> Iterator[AzureNative]:
    """Return a provider for a local cloud of its own that has a workspace and its parts."""
    cloud = ensure_cloud(home)
    made = AzureNative(local_endpoint(cloud), local_credential(cloud))
    config = {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "location": "westeurope"}
    made.configure({**config, "cloudId": cloud.id})
    try:
        for name in FIRST:
            create(made, name)
        yield made
    finally:
        made.close()
        ask(cloud, "/aml/shutdown", method="POST")


@pytest.mark.parametrize("name", FIRST)
def test_a_deployed_resource_reads_back_without_drift(provider, name: str) -> None:
    kind, inputs = case(name)
    stored = provider.check(kind, name, None, inputs, b"seed").inputs
    found = provider.read(kind, provider.locate(kind, stored), stored)
    assert found is not None
    assert found.inputs == stored
    assert found.reasons == ()


@pytest.mark.parametrize("name", REST)
def test_the_life_of_a_resource(provider, name: str) -> None:
    kind, _ = case(name)
    made = create(provider, name)
    found = provider.read(kind, made.id, made.inputs)
    assert found is not None
    assert found.inputs == made.inputs
    imported = provider.read(kind, made.id, {})
    detailed = provider.diff(kind, made.id, imported.inputs, {}, made.inputs).detailed
    assert {path for path, how in detailed.items() if "replace" in how} <= secrets_of(kind, made)
    changed = provider.update(
        kind, made.id, made.inputs, made.outputs, made.inputs, timeout_s=30, preview=False
    )
    assert changed.outputs.get("name") == made.outputs.get("name")
    provider.delete(kind, made.id, made.inputs, timeout_s=30)
    left = provider.read(kind, made.id, made.inputs)
    assert left is None or provider.made_with_parent(kind)
    provider.delete(kind, made.id, made.inputs, timeout_s=30)


@pytest.mark.parametrize("name", ["resource_group", "workspace"])
def test_what_exists_is_not_adopted(provider, name: str) -> None:
    with pytest.raises(ProviderError, match="already exists"):
        create(provider, name)


def test_a_cluster_is_scaled_in_place(provider) -> None:
    made = create(provider, "aml_compute")
    inner = {**made.inputs["properties"]["properties"], "scaleSettings": {"maxNodeCount": 5}}
    news = {**made.inputs, "properties": {**made.inputs["properties"], "properties": inner}}
    provider.update(COMPUTE, made.id, made.inputs, {}, news, timeout_s=30, preview=False)
    found = provider.read(COMPUTE, made.id, news)
    provider.delete(COMPUTE, made.id, news, timeout_s=30)
    assert found.outputs["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 5
    assert found.inputs == news


def test_drift_is_detected(provider) -> None:
    kind, inputs = case("storage_account")
    stored = provider.check(kind, "s", None, inputs, b"seed").inputs
    found = provider.read(kind, provider.locate(kind, stored), {**stored, "tags": {"a": "b"}})
    assert "tags" not in found.inputs


@pytest.mark.parametrize(
    ("token", "args", "key"),
    [
        ("resources:getResourceGroup", {}, "location"),
        ("machinelearningservices:getWorkspace", {"workspaceName": "ml1"}, "workspaceId"),
        ("machinelearningservices:listWorkspaceKeys", {"workspaceName": "ml1"}, "userStorageKey"),
        ("storage:listStorageAccountKeys", {"accountName": "store1"}, "keys"),
        ("authorization:getClientConfig", {}, "tenantId"),
    ],
)
def test_functions(provider, token: str, args, key: str) -> None:
    args = {"resourceGroupName": "rg", **args}
    assert provider.invoke(f"azure-native:{token}", args, preview=False)[key]


def test_an_error_of_the_cloud_has_a_code_and_a_remedy(provider) -> None:
    kind, inputs = case("aml_compute")
    inputs = {**inputs, "workspaceName": "missing", "azureApiVersion": "2025-12-01"}
    with pytest.raises(ProviderError) as raised:
        provider.create(kind, inputs, timeout_s=30, preview=False)
    assert raised.value.code == "ParentResourceNotFound"
    assert "Deploy the parent resource first" in raised.value.remedy


def test_a_client_for_the_cloud_of_a_home(home: Path, provider) -> None:
    client = local_client(home)
    url = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other"
    assert client.send("GET", url, api_version="2024-03-01").status == 404
    client.close()


def test_after_a_reset_a_new_token_is_fetched(tmp_path: Path) -> None:
    ensure_cloud(tmp_path)
    client = local_client(tmp_path)
    url = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
    body = {"location": "westeurope"}
    try:
        assert client.send("PUT", url, api_version="2024-03-01", body=body).status == 201
        ask(ensure_cloud(tmp_path), "/aml/reset", method="POST")
        assert client.send("GET", url, api_version="2024-03-01").status == 404
    finally:
        client.close()
        ask(ensure_cloud(tmp_path), "/aml/shutdown", method="POST")
