"""Which differences are changes, and which changes replace."""

import pytest

from infra.arm.diffing import changed_paths, covers, difference, plain
from infra.catalogue.types.table import type_of_token
from infra.contract.provider import UNKNOWN

ML = "azure-native:machinelearningservices"
IN, INNER = "properties", "properties.properties"


def cluster(**inner):
    settings = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": {"maxNodeCount": 2}, **inner}
    return computes("AmlCompute", **settings)


def computes(kind: str, **inner):
    return {
        "resourceGroupName": "rg",
        "workspaceName": "ws",
        "computeName": "cpu",
        "location": "westeurope",
        "properties": {"computeType": kind, "properties": inner},
    }


def diff(token: str, olds, news):
    return difference(type_of_token(token), olds, news)


@pytest.mark.parametrize(
    ("olds", "news", "detailed"),
    [
        pytest.param(cluster(), cluster(), {}, id="same"),
        pytest.param(
            cluster(vmSize="STANDARD_DS3_V2"),
            cluster(vmSize="STANDARD_NC6"),
            {f"{INNER}.vmSize": "update-replace"},
            id="VM size",
        ),
        pytest.param(
            cluster(),
            cluster(scaleSettings={"maxNodeCount": 4.0}),
            {f"{INNER}.scaleSettings.maxNodeCount": "update"},
            id="scale",
        ),
        pytest.param(
            cluster(),
            cluster(scaleSettings={"maxNodeCount": 2.0, "minNodeCount": 0}),
            {},
            id="a default spelled out",
        ),
        pytest.param(
            cluster(scaleSettings={"maxNodeCount": 2, "minNodeCount": 1}),
            cluster(),
            {f"{INNER}.scaleSettings.minNodeCount": "delete"},
            id="back to the default",
        ),
        pytest.param(
            cluster(remoteLoginPortPublicAccess="Disabled"),
            cluster(remoteLoginPortPublicAccess="NotSpecified"),
            {},
            id="left to the service",
        ),
        pytest.param(
            cluster(remoteLoginPortPublicAccess="NotSpecified"),
            cluster(remoteLoginPortPublicAccess="Enabled"),
            {f"{INNER}.remoteLoginPortPublicAccess": "update-replace"},
            id="no longer left to the service",
        ),
        pytest.param(
            {**cluster(), "properties": {**cluster()["properties"], "computeLocation": "a"}},
            cluster(),
            {},
            id="absence leaves it to the service",
        ),
        pytest.param(
            cluster(), {**cluster(), "tags": {"a": "b"}}, {"tags.a": "add"}, id="first tag"
        ),
        pytest.param({**cluster(), "tags": {}}, cluster(), {}, id="empty and absent"),
        pytest.param(
            {**cluster(), "location": "West Europe"}, cluster(), {}, id="location spelled otherwise"
        ),
        pytest.param(
            cluster(),
            {**cluster(), "computeName": "gpu"},
            {"computeName": "update-replace"},
            id="name",
        ),
        pytest.param({**cluster(), "resourceGroupName": "RG"}, cluster(), {}, id="case of a name"),
        pytest.param(
            cluster(),
            {**cluster(), "azureApiVersion": "2030-01-01", "__createBeforeDelete": True},
            {},
            id="bookkeeping",
        ),
        pytest.param(
            cluster(subnet={"id": "a"}),
            cluster(),
            {f"{INNER}.subnet.id": "delete-replace"},
            id="an immutable object went",
        ),
        pytest.param(
            cluster(),
            cluster(subnet={"id": UNKNOWN}),
            {f"{INNER}.subnet.id": "add-replace"},
            id="an unknown came",
        ),
        pytest.param(
            cluster(),
            {**cluster(), "properties": UNKNOWN},
            {IN: "update-replace"},
            id="all unknown",
        ),
        pytest.param(
            computes("HDInsight", administratorAccount={"password": "a"}, sshPort=22),
            computes("HDInsight", administratorAccount={"password": "b"}, sshPort=23),
            {
                f"{INNER}.administratorAccount.password": "update",
                f"{INNER}.sshPort": "update-replace",
            },
            id="a secret updates, the rest of an attachment replaces",
        ),
        pytest.param(
            computes("ComputeInstance", idleTimeBeforeShutdown="PT30M"),
            {**computes("ComputeInstance", idleTimeBeforeShutdown="PT1H"), "tags": {"a": "b"}},
            {f"{INNER}.idleTimeBeforeShutdown": "update", "tags.a": "add"},
            id="an instance updates nothing but its idle time",
        ),
        pytest.param(
            {**cluster(), "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/A"]}},
            {
                **cluster(),
                "identity": {"type": "UserAssigned", "userAssignedIdentities": {"/a": {}}},
            },
            {},
            id="identities as list and as map",
        ),
        pytest.param(
            {**cluster(), "identity": {"userAssignedIdentities": ["/a"]}},
            {**cluster(), "identity": {"userAssignedIdentities": ["/a", "/b"]}},
            {"identity.userAssignedIdentities": "update"},
            id="another identity",
        ),
    ],
)
def test_compute(olds, news, detailed) -> None:
    found = diff(f"{ML}:Compute", olds, news)
    assert found.detailed == detailed
    assert found.changed is bool(detailed)


STORE = {"resourceGroupName": "rg", "accountName": "s", "kind": "StorageV2", "location": "a"}


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        pytest.param("Standard_LRS", "Standard_GRS", "update", id="more copies"),
        pytest.param("Standard_LRS", "Standard_ZRS", "update-replace", id="zones"),
        pytest.param("Standard_ZRS", "Standard_RAGZRS", "update", id="zones before and after"),
        pytest.param("Standard_LRS", "Premium_LRS", "update-replace", id="tier"),
        pytest.param("Standard_LRS", UNKNOWN, "update-replace", id="unknown"),
    ],
)
def test_storage_redundancy(old: str, new: str, kind: str) -> None:
    olds, news = {**STORE, "sku": {"name": old}}, {**STORE, "sku": {"name": new}}
    assert diff("azure-native:storage:StorageAccount", olds, news).detailed == {"sku.name": kind}


@pytest.mark.parametrize(
    ("token", "olds", "news", "detailed"),
    [
        pytest.param(
            "azure-native:storage:StorageAccount",
            {"kind": "Storage"},
            {"kind": "StorageV2"},
            {"kind": "update"},
            id="storage upgraded",
        ),
        pytest.param(
            "azure-native:storage:StorageAccount",
            {"kind": "StorageV2"},
            {"kind": "BlobStorage"},
            {"kind": "update-replace"},
            id="storage of another kind",
        ),
        pytest.param(
            "azure-native:storage:StorageAccount",
            {},
            {"encryption": UNKNOWN},
            {"encryption": "add-replace"},
            id="an unknown object may hold something immutable",
        ),
        pytest.param(
            "azure-native:keyvault:Vault",
            {"properties": {"enablePurgeProtection": False}},
            {"properties": {"enablePurgeProtection": True}},
            {"properties.enablePurgeProtection": "update"},
            id="purge protection on",
        ),
        pytest.param(
            "azure-native:keyvault:Vault",
            {"properties": {"enablePurgeProtection": True}},
            {"properties": {"enablePurgeProtection": False}},
            {"properties.enablePurgeProtection": "update-replace"},
            id="purge protection off",
        ),
        pytest.param(
            f"{ML}:Workspace",
            {"storageAccount": "/subscriptions/1/a", "applicationInsights": "/subscriptions/1/i"},
            {"storageAccount": "/subscriptions/1/b", "applicationInsights": "/subscriptions/1/j"},
            {"storageAccount": "update-replace", "applicationInsights": "update"},
            id="workspace parts",
        ),
        pytest.param(
            f"{ML}:Workspace",
            {"encryption": {"keyVaultProperties": {"keyIdentifier": "1", "keyVaultArmId": "v"}}},
            {"encryption": {"keyVaultProperties": {"keyIdentifier": "2", "keyVaultArmId": "w"}}},
            {
                "encryption.keyVaultProperties.keyIdentifier": "update",
                "encryption.keyVaultProperties.keyVaultArmId": "update-replace",
            },
            id="key rotation",
        ),
        pytest.param(
            f"{ML}:Workspace",
            {},
            {"identity": {"type": "SystemAssigned"}, "sku": {"name": "Basic"}},
            {},
            id="workspace defaults",
        ),
        pytest.param(
            "azure-native:network:NetworkSecurityGroup",
            {"securityRules": [{"name": "a", "priority": 1}, {"name": "b"}]},
            {"securityRules": [{"name": "a", "priority": 2}]},
            {"securityRules[0].priority": "update", "securityRules[1]": "delete"},
            id="list lost an item",
        ),
        pytest.param(
            "azure-native:network:NetworkSecurityGroup",
            {},
            {"securityRules": [{"name": "a"}]},
            {"securityRules[0]": "add"},
            id="list gained an item",
        ),
        pytest.param(
            "azure-native:network:NetworkSecurityGroup",
            {"securityRules": [{"name": "a"}]},
            {"securityRules": {"name": "a"}},
            {"securityRules": "update"},
            id="list became an object",
        ),
        pytest.param(
            "azure-native:authorization:RoleAssignment",
            {"scope": "/subscriptions/1", "principalId": "p"},
            {"scope": "subscriptions/1", "principalId": "q"},
            {"principalId": "update-replace"},
            id="role assignment",
        ),
    ],
)
def test_other_types(token: str, olds, news, detailed) -> None:
    assert diff(token, olds, news).detailed == detailed


@pytest.mark.parametrize(
    ("olds", "news", "first"),
    [
        pytest.param(cluster(), cluster(vmSize="M"), True, id="a given name is taken"),
        pytest.param(
            cluster(), {**cluster(vmSize="M"), "__createBeforeDelete": True}, False, id="made up"
        ),
        pytest.param(
            computes("Databricks", workspaceUrl="a"),
            {**computes("Databricks", workspaceUrl="b"), "__createBeforeDelete": True},
            True,
            id="two attachments break each other",
        ),
        pytest.param(cluster(), {**cluster(), "tags": {"a": "b"}}, False, id="no replacement"),
    ],
)
def test_delete_before_replace(olds, news, first) -> None:
    assert diff(f"{ML}:Compute", olds, news).delete_before_replace is first


def test_replaces_names_top_level_keys() -> None:
    news = {**cluster(vmSize="M", osType="Windows"), "location": "northeurope"}
    assert diff(f"{ML}:Compute", cluster(), news).replaces == ["location", "properties"]


def test_a_new_kind_of_compute_replaces_it() -> None:
    found = diff(f"{ML}:Compute", cluster(), computes("ComputeInstance", vmSize="STANDARD_DS3_V2"))
    assert found.detailed[f"{IN}.computeType"] == "update-replace"


def test_changed_paths_have_no_indices() -> None:
    row = type_of_token("azure-native:network:NetworkSecurityGroup")
    olds, news = {"securityRules": [{"name": "a"}]}, {"securityRules": [{"name": "b"}]}
    assert changed_paths(row, olds, news) == ["securityRules.name"]


def test_paths() -> None:
    assert plain("a[0].b[12].c") == "a.b.c"
    assert covers("a.b", "a.b")
    assert covers("a.b", "a.b.c")
    assert not covers("a.b", "a.bc")


@pytest.mark.parametrize(
    ("news", "notes"),
    [
        pytest.param({"schedules": "T"}, {f"{INNER}.schedules"}, id="ignored"),
        pytest.param({"schedules": "S", "idleTimeBeforeShutdown": "PT1H"}, set(), id="an action"),
        pytest.param({"schedules": "T", "vmSize": "M"}, set(), id="a replacement takes it along"),
    ],
)
def test_an_ignored_change_is_noted_and_does_not_replace(news, notes) -> None:
    olds = computes("ComputeInstance", schedules="S")
    found = diff(f"{ML}:Compute", olds, computes("ComputeInstance", **news))
    assert set(found.notes) == notes
    assert set(found.notes.values()) <= {"ignored by Azure; `--replace cpu` replaces it"}
    assert bool(found.replaces) is ("vmSize" in news)


def test_no_text_is_the_same_as_none() -> None:
    row = type_of_token(f"{ML}:Workspace")
    assert not difference(row, {"description": ""}, {}).changed
    assert difference(row, {"description": "x"}, {"description": ""}).changed


def pooled(*pools):
    items = [{"name": name, "count": count, "mode": "System"} for name, count in pools]
    return {"resourceGroupName": "rg", "resourceName": "aks", "agentPoolProfiles": items}


POOLS = "agentPoolProfiles"


@pytest.mark.parametrize(
    ("olds", "news", "detailed"),
    [
        ([("a", 1), ("b", 1)], [("b", 1), ("a", 1)], {}),
        ([("a", 1)], [("b", 2), ("a", 3)],
         {f"{POOLS}[0]": "add", f"{POOLS}[1].count": "update"}),
        ([("a", 1), ("b", 1)], [("a", 1)], {f"{POOLS}[1]": "delete"}),
        ([("a", 1), ("b", 1)], [("a", 1), ("c", 1)], {f"{POOLS}[1]": "update"}),
        ([("a", 1)], [("b", 1)], {f"{POOLS}[0].name": "update-replace"}),
    ],
)  # fmt: skip
def test_a_clusters_pools_are_compared_by_name(olds, news, detailed):
    found = diff("azure-native:containerservice:ManagedCluster", pooled(*olds), pooled(*news))
    assert found.detailed == detailed
    left = [path for path, kind in detailed.items() if kind == "delete"]
    assert list(found.notes) == left
