"""The life of resources through the provider, against an ARM in memory."""

import httpx
import pytest

from infra.catalogue.names import same_arm_id
from infra.contract.errors import PartialFailure, ProviderError, UnreachableError, UsageError
from infra.contract.provider import UNKNOWN, Cancels, Configurable, Invokes, Locates

GROUP = "azure-native:resources:ResourceGroup"
COMPUTE = "azure-native:machinelearningservices:Compute"
REGISTRY = "azure-native:containerregistry:Registry"
VAULT = "azure-native:keyvault:Vault"
INSIGHTS = "azure-native:applicationinsights:Component"
RG = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
CPU = f"{RG}/providers/Microsoft.MachineLearningServices/workspaces/ws/computes/cpu"


def cluster(**inner):
    return {
        "resourceGroupName": "rg",
        "workspaceName": "ws",
        "computeName": "cpu",
        "location": "westeurope",
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_DS3_V2",
                "scaleSettings": {"maxNodeCount": 2},
                "userAccountCredentials": {"adminUserName": "me", "adminUserPassword": "hunter2"},
                **inner,
            },
        },
    }


def create(provider, type=COMPUTE, inputs=None, **options):
    inputs = cluster() if inputs is None else inputs
    return provider.create(type, inputs, **{"timeout_s": 5, "preview": False, **options})


def update(provider, olds, news, type=COMPUTE, id=CPU, **options):
    options = {"timeout_s": 5, "preview": False, **options}
    return provider.update(type, id, olds, {}, news, **options)


@pytest.mark.parametrize("protocol", [Configurable, Invokes, Locates, Cancels])
def test_it_has_every_optional_ability(provider, protocol) -> None:
    assert isinstance(provider, protocol)


# Creating


def test_a_create_checks_the_id_before_the_put(provider, arm) -> None:
    made = create(provider)
    assert made.id == CPU
    assert made.inputs == cluster()
    assert made.outputs["name"] == "cpu"
    assert [method for method, *_ in arm.requests] == ["GET", "PUT"]


@pytest.mark.parametrize("polled", [set(), {"PUT"}])
def test_a_create_ends_when_the_operation_does(provider, arm, polled) -> None:
    arm.polled = polled
    assert create(provider).outputs["properties"]["provisioningState"] == "Succeeded"


def test_an_answer_that_is_not_the_resource_is_read_back(provider, arm) -> None:
    arm.script("PUT", "cpu", httpx.Response(200))
    arm.script("GET", "cpu", httpx.Response(404))
    arm.documents[CPU.lower()] = {"id": CPU, "name": "cpu", "properties": {}}
    assert create(provider).outputs["name"] == "cpu"
    assert [method for method, *_ in arm.requests] == ["GET", "PUT", "GET"]


def test_what_exists_is_not_overwritten(provider, arm) -> None:
    create(provider)
    with pytest.raises(ProviderError, match="already exists") as raised:
        create(provider)
    assert raised.value.code == "ResourceExists"
    assert raised.value.at == CPU
    assert len(arm.sent("PUT")) == 1


@pytest.mark.parametrize(
    "answer",
    [httpx.Response(204), httpx.Response(200)],
    ids=["no content", "nothing in it"],
)
def test_an_empty_answer_means_that_it_does_not_exist(provider, arm, answer) -> None:
    arm.script("GET", "cpu", answer)
    assert create(provider).id == CPU


def test_an_error_of_the_check_is_an_error(provider, arm) -> None:
    arm.script("GET", "cpu", httpx.Response(403))
    with pytest.raises(ProviderError):
        create(provider)
    assert arm.sent("PUT") == []


def test_integral_numbers_travel_as_integers(provider, arm) -> None:
    create(provider, inputs=cluster(scaleSettings={"maxNodeCount": 2.0}))
    (_, _, body), *_ = arm.sent("PUT")
    assert repr(body["properties"]["properties"]["scaleSettings"]["maxNodeCount"]) == "2"


def test_batch_is_attached_at_its_own_version(provider, arm) -> None:
    inputs = {**cluster(), "properties": {"computeType": "Batch", "resourceId": "/x"}}
    create(provider, inputs=inputs)
    assert {query["api-version"] for _, _, query, _ in arm.requests} == {"2020-02-02"}


def test_inputs_of_the_query_are_sent_there(provider, arm) -> None:
    inputs = {"resourceGroupName": "rg", "workspaceName": "ws", "name": "d", "properties": {}}
    inputs["skipValidation"] = True
    create(provider, "azure-native:machinelearningservices:Datastore", inputs)
    (_, query, body), *_ = arm.sent("PUT")
    assert query["skipValidation"] == "true"
    assert body == {"properties": {}}


def test_a_rejected_create_leaves_nothing(provider, arm) -> None:
    refusal = {"error": {"code": "QuotaExceeded", "message": "No cores, hunter2."}}
    arm.script("PUT", "cpu", httpx.Response(400, json=refusal))
    with pytest.raises(ProviderError) as raised:
        create(provider)
    assert raised.value.detail == "QuotaExceeded: No cores, [secret]."
    assert "hunter2" not in f"{raised.value!s}{raised.value!r}"
    assert raised.value.__cause__ is None


def test_a_failed_create_may_leave_a_resource(provider, arm) -> None:
    arm.script("GET", "cpu", httpx.Response(404))
    arm.polled, arm.outcome = {"PUT"}, {"status": "Failed", "error": {"message": "hunter2 is bad"}}
    arm.documents[CPU.lower()] = {
        "id": CPU,
        "name": "cpu",
        "properties": {"provisioningState": "Failed"},
    }
    with pytest.raises(PartialFailure) as raised:
        create(provider)
    assert raised.value.resource_id == CPU
    assert raised.value.outputs["name"] == "cpu"
    assert raised.value.reasons == ("Failed: [secret] is bad",)


def test_a_create_that_ends_unhealthy_is_a_partial_failure(provider, arm) -> None:
    errors = [{"error": {"code": "A", "message": "No network."}}]
    failed = {"provisioningState": "Succeeded", "provisioningErrors": errors}
    arm.script("PUT", "cpu", httpx.Response(200))
    arm.script("GET", "cpu", httpx.Response(404))
    arm.documents[CPU.lower()] = {
        "id": CPU,
        "properties": {**failed, "provisioningState": "Failed"},
    }
    with pytest.raises(PartialFailure, match="No network") as raised:
        create(provider)
    assert raised.value.reasons == ("No network.",)


def test_a_create_with_an_unknown_outcome_counts_as_created(provider, arm) -> None:
    arm.polled = {"PUT"}
    arm.script("GET", "cpu", httpx.Response(404))
    accepted = {"Azure-AsyncOperation": "https://arm.test/gone", "retry-after-ms": "1"}
    arm.script("PUT", "cpu", httpx.Response(201, headers=accepted))
    for path in ("gone", "cpu"):
        for _ in range(8):
            arm.script("GET", path, httpx.Response(503, headers={"retry-after-ms": "1"}))
    with pytest.raises(PartialFailure) as raised:
        create(provider)
    assert raised.value.outputs["name"] == "cpu"


def test_a_cloud_that_stops_during_a_create_leaves_it_to_the_next_update(
    provider_of, arm, tmp_path
) -> None:
    provider = provider_of(ca=tmp_path / "ca.pem")
    arm.script("GET", "cpu", httpx.Response(404))
    arm.script("PUT", "cpu", httpx.ConnectError("refused"))
    arm.script("GET", "cpu", httpx.ConnectError("refused"))
    with pytest.raises(PartialFailure) as raised:
        create(provider)
    assert raised.value.resource_id == CPU
    assert raised.value.outputs["name"] == "cpu"
    assert UNKNOWN not in raised.value.outputs.values()
    assert "refused" in raised.value.reasons[0]


@pytest.mark.parametrize("scale", [{}, {"scaleSettings": {"maxNodeCount": 4}}], ids=["all", "part"])
def test_an_update_creates_what_a_create_that_was_cut_off_left_out(provider, arm, scale) -> None:
    updated = update(provider, cluster(), cluster(**scale))
    assert updated.outputs["name"] == "cpu"
    assert len(arm.sent("PUT")) == 1


def test_a_cloud_that_is_down_is_reported_before_any_change(provider_of, arm, tmp_path) -> None:
    provider = provider_of(ca=tmp_path / "ca.pem")
    arm.script("GET", "cpu", httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError):
        create(provider)


def test_a_cancelled_create_that_began_is_kept(provider, arm) -> None:
    arm.script("GET", "cpu", httpx.Response(404))
    arm.script("PUT", "cpu", httpx.Response(201, headers={"Azure-AsyncOperation": "/o"}))
    arm.documents[CPU.lower()] = {"id": CPU, "properties": {"provisioningState": "Creating"}}
    provider.cancel()
    with pytest.raises(PartialFailure, match="cancelled"):
        create(provider)


def test_unknown_parts_of_an_id_are_named(provider) -> None:
    with pytest.raises(ProviderError, match="workspaceName of Microsoft"):
        create(provider, inputs={**cluster(), "workspaceName": UNKNOWN})


def test_a_secret_that_an_error_quotes_is_not_among_the_outputs(provider, arm) -> None:
    errors = [{"error": {"code": "BadPassword", "message": "'hunter2' is too short."}}]
    arm.read_only = {"provisioningState": "Failed", "provisioningErrors": errors}
    with pytest.raises(PartialFailure) as raised:
        create(provider)
    found = provider.read(COMPUTE, CPU, cluster())
    for outputs in (raised.value.outputs, found.outputs):
        (error,) = outputs["properties"]["provisioningErrors"]
        assert error["error"]["message"] == "'[secret]' is too short."


# Previewing


def test_a_previewed_create_sends_nothing(provider, arm) -> None:
    made = create(provider, preview=True)
    assert made.id == UNKNOWN
    assert made.outputs["name"] == "cpu"
    assert made.outputs["location"] == "westeurope"
    assert made.outputs["properties"] == UNKNOWN
    assert arm.requests == []


def test_a_previewed_update_keeps_what_stays(provider, arm) -> None:
    old = {"name": "cpu", "properties": {"properties": {"currentNodeCount": 1}}}
    news = cluster(scaleSettings={"maxNodeCount": 4})
    changed = provider.update(COMPUTE, CPU, cluster(), old, news, timeout_s=1, preview=True)
    assert changed.id == CPU
    assert changed.outputs["properties"]["properties"]["currentNodeCount"] == 1
    assert changed.outputs["properties"]["properties"]["scaleSettings"] == {"maxNodeCount": 4}
    assert changed.secrets == ("properties.properties.userAccountCredentials.adminUserPassword",)
    assert arm.requests == []


# Updating


def test_a_scale_change_alone_is_a_patch(provider, arm) -> None:
    create(provider)
    news = cluster(scaleSettings={"maxNodeCount": 4, "minNodeCount": 1})
    changed = update(provider, cluster(), news)
    ((path, _, body),) = arm.sent("PATCH")
    assert path == CPU
    scale = {"maxNodeCount": 4, "minNodeCount": 1}
    assert body == {"properties": {"properties": {"scaleSettings": scale}}}
    assert changed.outputs["properties"]["properties"]["scaleSettings"] == scale


@pytest.mark.parametrize(
    "news",
    [
        pytest.param({**cluster(scaleSettings={"maxNodeCount": 4}), "tags": {"a": "b"}}, id="more"),
        pytest.param({**cluster(), "tags": {"a": "b"}}, id="something else"),
        pytest.param(cluster(), id="nothing, to repair it"),
    ],
)
def test_any_other_change_is_a_put(provider, arm, news) -> None:
    create(provider)
    update(provider, cluster(), news)
    assert arm.sent("PATCH") == []
    assert len(arm.sent("PUT")) == 2


def test_the_idle_time_of_an_instance_has_its_own_action(provider, arm) -> None:
    def instance(idle):
        inner = {"vmSize": "S", "idleTimeBeforeShutdown": idle}
        return {**cluster(), "properties": {"computeType": "ComputeInstance", "properties": inner}}

    create(provider, inputs=instance("PT30M"))
    update(provider, instance("PT30M"), instance("PT1H"))
    ((path, query, body),) = arm.sent("POST")
    assert path == f"{CPU}/updateIdleShutdownSetting"
    assert query == {"api-version": "2025-12-01"}
    assert body == {"idleTimeBeforeShutdown": "PT1H"}


def test_a_put_keeps_the_access_policies_it_does_not_mention(provider, arm) -> None:
    inputs = {"resourceGroupName": "rg", "vaultName": "vault1", "properties": {"tenantId": "t"}}
    made = create(provider, VAULT, inputs)
    arm.documents[made.id.lower()]["properties"]["accessPolicies"] = [{"objectId": "me"}]
    update(provider, inputs, {**inputs, "tags": {"a": "b"}}, VAULT, made.id)
    assert arm.documents[made.id.lower()]["properties"]["accessPolicies"] == [{"objectId": "me"}]


def test_the_error_of_an_update_has_no_secret(provider, arm) -> None:
    create(provider)
    refusal = {"error": {"code": "BadRequest", "message": "hunter2 is weak."}}
    arm.script("PUT", "cpu", httpx.Response(400, json=refusal))
    with pytest.raises(ProviderError) as raised:
        update(provider, cluster(), {**cluster(), "tags": {"a": "b"}})
    assert raised.value.detail == "BadRequest: [secret] is weak."


# Reading


def test_a_refresh_of_what_did_not_drift_changes_nothing(provider) -> None:
    create(provider)
    found = provider.read(COMPUTE, CPU, cluster())
    assert found is not None
    assert found.inputs == cluster()
    assert found.reasons == ()


def test_an_import_finds_inputs_and_names(provider) -> None:
    create(provider)
    found = provider.read(COMPUTE, CPU, {})
    assert found is not None
    assert found.inputs["workspaceName"] == "ws"
    assert found.inputs["computeName"] == "cpu"
    assert "provisioningState" not in found.inputs["properties"]


def test_a_deleted_resource_reads_as_none(provider) -> None:
    assert provider.read(COMPUTE, CPU, cluster()) is None


def test_a_running_delete_is_waited_for(provider, arm) -> None:
    deleting = {"id": CPU, "properties": {"provisioningState": "Deleting"}}
    hint = {"retry-after-ms": "1"}
    arm.script("GET", "cpu", httpx.Response(200, headers=hint, json=deleting))
    assert create(provider).id == CPU
    arm.script("GET", "cpu", httpx.Response(200, headers=hint, json=deleting))
    arm.script("GET", "cpu", httpx.Response(404))
    assert provider.read(COMPUTE, CPU, cluster()) is None


def test_a_running_create_is_waited_for(provider, arm) -> None:
    create(provider)
    making = {"id": CPU, "properties": {"provisioningState": "Creating"}}
    arm.script("GET", "cpu", httpx.Response(200, headers={"retry-after-ms": "1"}, json=making))
    found = provider.read(COMPUTE, CPU, cluster())
    assert found.outputs["properties"]["provisioningState"] == "Succeeded"


def test_a_read_that_fails_is_not_gone(provider, arm) -> None:
    arm.script("GET", "cpu", httpx.Response(403))
    with pytest.raises(ProviderError):
        provider.read(COMPUTE, CPU, cluster())


def test_an_unhealthy_resource_has_its_reasons(provider, arm) -> None:
    arm.documents[CPU.lower()] = {"id": CPU, "properties": {"provisioningState": "Failed"}}
    found = provider.read(COMPUTE, CPU, cluster())
    assert found is not None
    assert found.reasons == ("Its provisioning state is failed.",)


def test_keys_in_answers_are_named_as_secret(provider, arm) -> None:
    where = f"{RG}/providers/Microsoft.Insights/components/i"
    properties = {"InstrumentationKey": "k", "Application_Type": "web"}
    arm.documents[where.lower()] = {"id": where, "name": "i", "properties": properties}
    found = provider.read(INSIGHTS, where, {})
    assert found is not None
    assert found.secrets == ("instrumentationKey",)


# Deleting


@pytest.mark.parametrize(
    ("properties", "action"),
    [
        pytest.param({"computeType": "AmlCompute"}, "Delete", id="made by Azure ML"),
        pytest.param({"computeType": "HDInsight"}, "Detach", id="attached"),
        pytest.param({"computeType": "Kusto"}, "Detach", id="unknown: never delete"),
    ],
)
def test_computes_are_deleted_or_detached(provider, arm, properties, action: str) -> None:
    provider.delete(COMPUTE, CPU, {**cluster(), "properties": properties}, timeout_s=5)
    ((_, query, _),) = arm.sent("DELETE")
    assert query["underlyingResourceAction"] == action


@pytest.mark.parametrize("polled", [set(), {"DELETE"}])
def test_a_delete_ends_when_it_is_gone(provider, arm, polled) -> None:
    create(provider)
    arm.polled = polled
    provider.delete(COMPUTE, CPU, cluster(), timeout_s=5)
    assert provider.read(COMPUTE, CPU, cluster()) is None


@pytest.mark.parametrize("status", [204, 404])
def test_gone_already_is_as_good(provider, arm, status: int) -> None:
    arm.script("DELETE", "cpu", httpx.Response(status))
    provider.delete(COMPUTE, CPU, cluster(), timeout_s=5)


def test_a_refused_delete_is_an_error(provider, arm) -> None:
    locked = {"error": {"code": "ScopeLocked", "message": "Locked."}}
    arm.script("DELETE", "cpu", httpx.Response(409, json=locked))
    with pytest.raises(ProviderError, match="Locked") as raised:
        provider.delete(COMPUTE, CPU, cluster(), timeout_s=5)
    assert "lock" in raised.value.remedy


# Checking and comparing


def test_the_location_is_the_configured_one(provider, arm) -> None:
    checked = provider.check(REGISTRY, "main", None, {"resourceGroupName": "rg"}, b"seed")
    assert checked.inputs["location"] == "westeurope"
    assert arm.requests == []


@pytest.mark.parametrize(
    ("group", "expected"),
    [("rg", "northeurope"), ("missing", UNKNOWN), (UNKNOWN, UNKNOWN)],
    ids=["there", "about to be created", "not known yet"],
)
def test_without_one_it_is_the_group_s(provider, arm, group: str, expected: str) -> None:
    arm.documents[RG.lower()] = {"id": RG, "location": "northeurope"}
    provider.configure({"subscriptionId": RG.split("/")[2]})
    for _ in range(2):
        checked = provider.check(REGISTRY, "main", None, {"resourceGroupName": group}, b"seed")
        assert checked.inputs["location"] == expected


def test_a_group_s_location_is_asked_for_once(provider, arm) -> None:
    arm.documents[RG.lower()] = {"id": RG, "location": "northeurope"}
    provider.configure({"subscriptionId": RG.split("/")[2]})
    for _ in range(2):
        provider.check(REGISTRY, "main", None, {"resourceGroupName": "rg"}, b"seed")
    assert len(arm.requests) == 1


def test_a_group_without_location_is_a_mistake(provider) -> None:
    provider.configure({"subscriptionId": "1"})
    checked = provider.check(GROUP, "main", None, {}, b"seed")
    assert [failure.property_path for failure in checked.failures] == ["location"]


def test_diff_compares_inputs(provider) -> None:
    found = provider.diff(COMPUTE, CPU, cluster(), {}, cluster(vmSize="M"))
    assert found.replaces == ["properties"]


def test_an_id_is_known_before_the_resource_is(provider) -> None:
    assert provider.locate(COMPUTE, cluster()) == CPU
    assert same_arm_id(provider.locate(GROUP, {"resourceGroupName": "rg"}), RG)
    assert provider.locate(COMPUTE, {}) is None


# Configuration


def test_without_a_subscription_it_says_how_to_set_one(provider) -> None:
    provider.configure({"location": "westeurope", "useMsi": True})
    with pytest.raises(UsageError, match="No Azure subscription") as raised:
        provider.locate(GROUP, {"resourceGroupName": "rg"})
    assert "azure-native:subscriptionId" in raised.value.remedy


def test_options_it_does_not_know_pass_through(provider) -> None:
    news = {"environment": "public", "version": "3.29.0", "subscriptionId": "1"}
    checked = provider.check_config(None, news)
    assert checked.inputs == news
    assert checked.failures == []


def test_a_subscription_is_a_text(provider) -> None:
    (failure,) = provider.check_config(None, {"subscriptionId": 1}).failures
    assert failure.property_path == "subscriptionId"


@pytest.mark.parametrize(
    ("olds", "news", "detailed", "replaces"),
    [
        pytest.param({"version": "1"}, {"version": "2"}, {}, [], id="version"),
        pytest.param(
            {"subscriptionId": "1"},
            {"subscriptionId": "2"},
            {"subscriptionId": "update-replace"},
            ["subscriptionId"],
            id="another subscription",
        ),
        pytest.param({}, {"tenantId": "1"}, {"tenantId": "update"}, [], id="tenant named"),
        pytest.param(
            {"cloudId": "a"}, {"cloudId": "b"}, {"cloudId": "update"}, [], id="the cloud was reset"
        ),
    ],
)
def test_another_configuration(provider, olds, news, detailed, replaces) -> None:
    found = provider.diff_config(olds, news)
    assert found.changed is bool(detailed)
    assert found.detailed == detailed
    assert found.replaces == replaces


# Functions


def test_who_deploys_is_in_the_token(provider_of, jwt) -> None:
    provider = provider_of(token=jwt({"appid": "app", "oid": "object", "tid": "tenant"}))
    provider.configure({"subscriptionId": "1"})
    result = provider.invoke("azure-native:authorization:getClientConfig", {}, preview=True)
    assert result == {
        "clientId": "app",
        "objectId": "object",
        "subscriptionId": "1",
        "tenantId": "tenant",
    }


def test_resources_can_be_looked_up(provider, arm) -> None:
    arm.documents[RG.lower()] = {"id": RG, "name": "rg", "location": "westeurope", "properties": {}}
    result = provider.invoke(
        "azure-native:resources:getResourceGroup", {"resourceGroupName": "rg"}, preview=False
    )
    assert result == {
        "azureApiVersion": "2024-03-01",
        "id": RG,
        "name": "rg",
        "location": "westeurope",
        "properties": {},
    }


def test_looking_up_what_is_not_there_is_an_error(provider) -> None:
    with pytest.raises(ProviderError, match="ResourceNotFound"):
        provider.invoke("azure-native:machinelearningservices:getCompute", cluster(), preview=False)


@pytest.mark.parametrize(
    ("token", "args", "path"),
    [
        (
            "storage:listStorageAccountKeys",
            {"accountName": "store1"},
            "Microsoft.Storage/storageAccounts/store1/listKeys",
        ),
        (
            "machinelearningservices:listWorkspaceKeys",
            {"workspaceName": "ws"},
            "Microsoft.MachineLearningServices/workspaces/ws/listKeys",
        ),
        (
            "operationalinsights:getSharedKeys",
            {"workspaceName": "logs"},
            "Microsoft.OperationalInsights/workspaces/logs/sharedKeys",
        ),
    ],
)
def test_keys_are_listed(provider, arm, token: str, args, path: str) -> None:
    arm.script("POST", path, httpx.Response(200, json={"keys": [{"value": "k"}]}))
    args = {"resourceGroupName": "rg", **args}
    result = provider.invoke(f"azure-native:{token}", args, preview=False)
    assert result == {"keys": [{"value": "k"}]}
    assert arm.sent("POST")[0][0] == f"{RG}/providers/{path}"


def test_an_unknown_function_names_the_nearest(provider) -> None:
    with pytest.raises(Exception, match="no function") as raised:
        provider.invoke("azure-native:resources:getResourceGroop", {}, preview=False)
    assert "getResourceGroup" in raised.value.remedy
