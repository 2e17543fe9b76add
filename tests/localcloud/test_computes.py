"""Computes of every kind: required properties, defaults, what cannot change, keys, power."""

import pytest

from tests.localcloud.harness import CLUSTER, SUB

GROUP = f"{SUB}/resourceGroups/g"
INSTANCE = {
    "properties": {"computeType": "ComputeInstance", "properties": {"vmSize": "Standard_DS3_v2"}}
}
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
ACCOUNT = {"username": "azureuser", "password": "canary-password"}


def attached(kind, resource=None, **inner):
    return {
        "properties": {"computeType": kind, "resourceId": resource, "properties": inner or None}
    }


@pytest.fixture
def put(chain, chain_workspace):
    """Return a function that puts a compute and gives status, body and error's targets."""

    def call(name, body, method="PUT"):
        answered = chain.arm(method, f"{chain_workspace}/computes/{name}", body)
        document = answered.json()
        details = document.get("error", {}).get("details", [])
        return answered.status_code, document, [d["target"].split(".")[-1] for d in details]

    return call


def cluster(**inner):
    before = CLUSTER["properties"]["properties"]
    properties = {**CLUSTER["properties"], "properties": {**before, **inner}}
    return {**CLUSTER, "properties": properties}


def inner_of(document):
    return document["properties"]["properties"]


def test_a_cluster_with_its_defaults(put):
    status, body, _ = put("cpu", CLUSTER)
    inner = inner_of(body)
    assert status == 201
    assert body["properties"]["isAttachedCompute"] is False
    assert (inner["osType"], inner["vmPriority"]) == ("Linux", "Dedicated")
    assert inner["remoteLoginPortPublicAccess"] == "Enabled"
    assert inner["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] == "PT120S"
    assert (inner["allocationState"], inner["currentNodeCount"]) == ("Steady", 0)


def test_keys_that_old_clients_require_are_present(put):
    _, body, _ = put("cpu", CLUSTER)
    assert {"id", "location", "tags", "properties"} <= body.keys()
    assert {
        "properties", "provisioningErrors", "description", "provisioningState", "resourceId",
        "isAttachedCompute", "computeType",
    } <= body["properties"].keys()  # fmt: skip


@pytest.mark.parametrize("spelling", ["amlcompute", "AMLCOMPUTE", "AmlCompute"])
def test_compute_types_are_returned_in_azures_casing(put, spelling):
    body = {"properties": {**CLUSTER["properties"], "computeType": spelling}}
    assert put("cpu", body)[1]["properties"]["computeType"] == "AmlCompute"


@pytest.mark.parametrize(
    ("inner", "targets"),
    [
        ({"vmSize": "Standard_None"}, ["vmSize"]),
        ({"scaleSettings": {"minNodeCount": 3, "maxNodeCount": 2}}, ["minNodeCount"]),
        ({"scaleSettings": {"minNodeCount": -1, "maxNodeCount": -2}},
         ["maxNodeCount", "minNodeCount"]),
        ({"scaleSettings": {"minNodeCount": -1, "maxNodeCount": "x"}}, ["maxNodeCount"]),
        ({"scaleSettings": {"maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": "2 minutes"}},
         ["nodeIdleTimeBeforeScaleDown"]),
        ({"vmPriority": "Cheap", "vmSize": None}, ["vmPriority", "vmSize"]),
        ({"enableNodePublicIp": False}, ["enableNodePublicIp"]),
    ],
)  # fmt: skip
def test_an_invalid_cluster_is_refused(put, inner, targets):
    status, _, named = put("cpu", cluster(**inner))
    assert (status, named) == (400, targets)


@pytest.mark.parametrize(
    ("duration", "answered"), [("PT2M", "PT120S"), ("PT5S", "PT5S"), ("P1DT1H", "PT90000S")]
)
def test_durations_are_returned_in_seconds(put, duration, answered):
    scale = {"maxNodeCount": 1, "nodeIdleTimeBeforeScaleDown": duration}
    _, body, _ = put("cpu", cluster(scaleSettings=scale))
    assert inner_of(body)["scaleSettings"]["nodeIdleTimeBeforeScaleDown"] == answered


@pytest.mark.parametrize(
    "inner",
    [
        {"vmSize": "Standard_DS4_v2"},
        {"vmPriority": "LowPriority"},
        {"subnet": {"id": f"{GROUP}/subnet"}},
    ],
)
def test_properties_a_cluster_is_created_with_cannot_change(put, inner):
    put("cpu", CLUSTER)
    status, body, _ = put("cpu", cluster(**inner))
    assert (status, body["error"]["code"]) == (400, "PropertyChangeNotAllowed")
    assert next(iter(inner)) in body["error"]["message"]


def test_scale_tags_and_identity_change_in_place(put):
    put("cpu", CLUSTER)
    change = cluster(scaleSettings={"maxNodeCount": 7})
    status, body, _ = put(
        "cpu", {**change, "tags": {"a": "b"}, "identity": {"type": "SystemAssigned"}}
    )
    assert status == 200
    assert inner_of(body)["scaleSettings"]["maxNodeCount"] == 7
    assert body["tags"] == {"a": "b"}
    assert body["identity"]["principalId"]


@pytest.mark.parametrize(
    "properties",
    [
        {"properties": {"scaleSettings": {"maxNodeCount": 4}}},
        {"computeType": "AmlCompute", "properties": {"scaleSettings": {"maxNodeCount": 4}}},
        {"scaleSettings": {"maxNodeCount": 4}},
    ],
)
def test_a_patch_changes_the_scale(put, properties):
    put("cpu", CLUSTER)
    change = {"properties": properties}
    status, body, _ = put("cpu", change, method="PATCH")
    assert (status, inner_of(body)["scaleSettings"]["maxNodeCount"]) == (200, 4)


def test_a_vm_size_in_another_casing_is_not_a_change(put):
    put("cpu", CLUSTER)
    assert put("cpu", cluster(vmSize="Standard_ds3_v2"))[0] == 200


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("c" * 32, CLUSTER, 201),
        ("c" * 33, CLUSTER, 400),
        ("1cpu", CLUSTER, 400),
        ("amlcompute", CLUSTER, 400),
        ("c" * 25, INSTANCE, 400),
        ("box-1", INSTANCE, 400),
        ("seventeen-letters", attached("Batch", MACHINE), 400),
    ],
)
def test_names_by_kind(put, name, body, status):
    assert put(name, body)[0] == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (attached("Batch", MACHINE), 201),
        (attached("Batch"), 400),
        (attached("DataLakeAnalytics", MACHINE), 201),
        (attached("VirtualMachine", MACHINE, administratorAccount=ACCOUNT), 201),
        (attached("VirtualMachine", address="host", administratorAccount=ACCOUNT), 201),
        (attached("VirtualMachine", MACHINE, address="host"), 400),
        (attached("HDInsight", "", address="host", sshPort=22), 201),
        (attached("Databricks", MACHINE, databricksAccessToken="canary-token"), 201),
        (attached("SynapseSpark", MACHINE), 201),
        (attached("Toaster", MACHINE), 400),
    ],
)
def test_attachments(put, body, status):
    answered, document, _ = put("thing", body)
    assert answered == status
    assert "canary" not in str(document)
    if status == 201:
        assert document["properties"]["isAttachedCompute"] is True


def test_credentials_are_returned_by_list_keys_only(chain, chain_workspace, put):
    empties = {**ACCOUNT, "privateKeyData": "", "publicKeyData": ""}
    put("vm", attached("VirtualMachine", MACHINE, administratorAccount=empties))
    keys = chain.arm("POST", f"{chain_workspace}/computes/vm/listKeys").json()
    assert keys == {"computeType": "VirtualMachine", "administratorAccount": ACCOUNT}
    seen = chain.arm("GET", f"{chain_workspace}/computes/vm").content
    kept = (chain.cloud.folder / "cloud.db-wal").read_bytes()
    assert b"canary" not in seen + kept


def test_a_whole_answer_put_back_keeps_the_credentials(chain, chain_workspace, put):
    put("vm", attached("VirtualMachine", MACHINE, administratorAccount=ACCOUNT))
    body = chain.arm("GET", f"{chain_workspace}/computes/vm").json()
    assert put("vm", body)[0] == 200
    keys = chain.arm("POST", f"{chain_workspace}/computes/vm/listKeys").json()
    assert keys["administratorAccount"] == ACCOUNT


def test_credentials_change_in_place_and_the_resource_does_not(put):
    put("vm", attached("VirtualMachine", MACHINE, administratorAccount=ACCOUNT))
    rotated = {**ACCOUNT, "password": "other"}
    body = attached("VirtualMachine", MACHINE, administratorAccount=rotated)
    assert put("vm", body)[0] == 200
    assert put("vm", attached("VirtualMachine", f"{MACHINE}2"))[0] == 400


def test_an_instance_stops_and_starts(chain, chain_workspace, put):
    _, body, _ = put("box", INSTANCE)
    assert inner_of(body)["state"] == "Running"
    box = f"{chain_workspace}/computes/box"
    for action, status, state in (
        ("start", 409, "Running"),
        ("stop", 202, "Stopped"),
        ("stop", 409, "Stopped"),
        ("start", 202, "Running"),
        ("restart", 202, "Running"),
    ):
        answered = chain.arm("POST", f"{box}/{action}")
        assert answered.status_code == status
        assert ("azure-asyncoperation" in answered.headers) is (status == 202)
        assert inner_of(chain.arm("GET", box).json())["state"] == state


@pytest.mark.parametrize(("idle", "status"), [("PT30M", 200), ("PT5M", 400), ("P4D", 400)])
def test_an_instances_idle_time_is_changed_by_an_action(chain, chain_workspace, put, idle, status):
    put("box", INSTANCE)
    body = {"idleTimeBeforeShutdown": idle}
    box = f"{chain_workspace}/computes/box"
    assert chain.arm("POST", f"{box}/updateIdleShutdownSetting", body).status_code == status
    kept = inner_of(chain.arm("GET", box).json()).get("idleTimeBeforeShutdown")
    assert kept == (idle if status == 200 else None)


def test_an_instances_name_is_unique_in_the_region(chain, chain_workspace, put):
    put("box", INSTANCE)
    second = f"{chain_workspace}2"
    body = chain.arm("GET", chain_workspace).json()
    assert chain.arm("PUT", second, body).status_code == 202
    answered = chain.arm("PUT", f"{second}/computes/BOX", INSTANCE)
    assert (answered.status_code, "AlreadyExists" in answered.content.decode()) == (409, True)


@pytest.mark.parametrize("action", ["stop", "updateIdleShutdownSetting", "listKeys"])
def test_actions_are_refused_for_other_kinds(chain, chain_workspace, put, action):
    put("cpu", CLUSTER)
    assert chain.arm("POST", f"{chain_workspace}/computes/cpu/{action}", {}).status_code == 400


def test_nodes_are_listed_under_their_own_key(chain, chain_workspace, put):
    put("cpu", CLUSTER)
    assert chain.arm("POST", f"{chain_workspace}/computes/cpu/listNodes").json() == {"nodes": []}


@pytest.mark.parametrize(
    ("action", "status"),
    [("delete", 202), ("Detach", 202), ("DETACH", 202), (None, 202), ("explode", 400)],
)
def test_deleting_and_detaching(chain, chain_workspace, put, action, status):
    put("cpu", CLUSTER)
    query = {"underlyingResourceAction": action} if action else {}
    cpu = f"{chain_workspace}/computes/cpu"
    assert chain.arm("DELETE", cpu, **query).status_code == status
    assert chain.arm("DELETE", cpu, **query).status_code == (204 if status == 202 else status)
