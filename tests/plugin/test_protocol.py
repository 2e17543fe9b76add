"""The plugin answers what the Pulumi CLI asks, in its order and with its values."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib.metadata import version

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION, TENANT
from infra.contract.provider import UNKNOWN, AutoName
from infra.engine.model.values import SECRET, SIGNATURE, Secret, secret
from infra.engine.monitor.protobuf import from_struct
from infra.engine.plugins.host import PluginHost
from tests.localcloud.harness import waited
from tests.plugin.conversation import Plugin, detail_of, named, provider_urn

GROUP, COMPUTE = (
    "azure-native:resources:ResourceGroup",
    "azure-native:machinelearningservices:Compute",
)
COMPUTES = "Microsoft.MachineLearningServices/workspaces/computes"
SOME, NONE = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
DEBUG, WARNING = 0, 2
SEED = bytes(range(32))
PASSWORD = "Pa55-canary"


def test_the_first_line_is_the_port_and_the_process_ends_in_time(plugin):
    assert int(plugin.port) > 0
    answer = plugin.handshake()
    assert (answer.accept_secrets, answer.accept_resources) == (True, False)
    assert plugin.call("GetPluginInfo", Empty()).version == version("pulumi-azure-native")
    code, out, err = plugin.close()
    assert (code, out, err) == (0, "", "")


def test_what_it_does_not_have_is_not_implemented(plugin):
    with pytest.raises(grpc.RpcError) as refused:
        plugin.call("Construct", provider_pb2.ConstructRequest())
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_the_local_cloud_gives_the_default_provider_its_subscription_tenant_and_id(plugin, project):
    inputs = plugin.configured(location="westeurope")
    assert inputs == {
        "cloudId": project.cloud().id,
        "location": "westeurope",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "version": "3.29.0",
    }
    explicit = plugin.call(
        "CheckConfig", urn=provider_urn(name="mine"), olds={}, news={"subscriptionId": "other"}
    )
    assert from_struct(explicit.inputs) == {"subscriptionId": "other"}


def test_secrets_of_the_configuration_stay_marked(plugin):
    plugin.handshake()
    news = {"clientSecret": secret(PASSWORD), "version": "3.29.0"}
    checked = plugin.call("CheckConfig", urn=provider_urn(), olds={}, news=news)
    assert from_struct(checked.inputs)["clientSecret"] == Secret(PASSWORD)


def test_another_subscription_moves_the_resources_and_a_reset_cloud_is_reported(plugin):
    inputs = plugin.configured()
    moved = {**inputs, "subscriptionId": "other"}
    answer = plugin.call(
        "DiffConfig", urn=provider_urn(), olds=inputs, old_inputs=inputs, news=moved
    )
    assert (answer.changes, list(answer.replaces)) == (SOME, ["subscriptionId"])
    same = plugin.call(
        "DiffConfig", urn=provider_urn(), olds=inputs, old_inputs=inputs, news=inputs
    )
    assert same.changes == NONE
    gone = plugin.call("DiffConfig", urn=provider_urn(), olds=inputs, old_inputs=inputs, news={})
    assert gone.changes == NONE
    plugin.call("CheckConfig", urn=provider_urn(), olds={**inputs, "cloudId": "old"}, news=inputs)
    (warning,) = plugin.said(WARNING)
    assert "pulumi refresh" in warning


def test_a_group_is_planned_made_kept_changed_replaced_read_and_deleted(configured, project):
    say, group = configured.call, named(GROUP, "rg")
    news = {"resourceGroupName": f"{project.name}-made", "tags": {"team": "ml"}}
    # A preview, then the update: no id and nothing made before it.
    checked = from_struct(say("Check", **group, olds={}, news=news, randomSeed=SEED).inputs)
    assert checked["location"] == "westeurope"
    planned = say("Create", **group, properties=checked, preview=True)
    assert planned.id == ""
    assert from_struct(planned.properties)["name"] == f"{project.name}-made"
    assert not project.in_cloud()
    made = say("Create", **group, properties=checked, timeout=420.0)
    outputs = from_struct(made.properties)
    assert made.id.endswith(f"/resourceGroups/{project.name}-made")
    # Nothing changed: olds are outputs, and the old inputs come with them.
    again = from_struct(say("Check", **group, olds=checked, news=news, randomSeed=SEED).inputs)
    olds = {"olds": outputs, "old_inputs": checked}
    assert say("Diff", **group, id=made.id, **olds, news=again).changes == NONE
    # A change in place, and one that replaces: checked again with no olds.
    news = {**news, "tags": {"team": "ops"}}
    changed = from_struct(say("Check", **group, olds=checked, news=news, randomSeed=SEED).inputs)
    answer = say("Diff", **group, id=made.id, **olds, news=changed)
    assert (answer.changes, answer.hasDetailedDiff) == (SOME, True)
    assert {*answer.detailedDiff} == {"tags.team"}
    assert answer.detailedDiff["tags.team"].inputDiff
    assert [*answer.diffs] == ["tags"]
    updated = say("Update", **group, id=made.id, **olds, news=changed, timeout=60.0)
    assert from_struct(updated.properties)["tags"] == {"team": "ops"}
    moved = {**changed, "location": "northeurope"}
    answer = say("Diff", **group, id=made.id, olds=outputs, old_inputs=changed, news=moved)
    assert [*answer.replaces] == ["location"]
    # A refresh reads, then compares the other way round.
    read = say("Read", **group, id=made.id, inputs=changed, properties=outputs)
    assert (read.id, from_struct(read.inputs)) == (made.id, changed)
    back = say("Diff", **group, id=made.id, olds=from_struct(read.properties),
               old_inputs=from_struct(read.inputs), news=changed)  # fmt: skip
    assert back.changes == NONE
    # An import: the id alone, then a check of what was read.
    imported = say("Read", **group, id=made.id)
    inputs = from_struct(imported.inputs)
    checked = say("Check", **group, olds=inputs, news=inputs, randomSeed=SEED)
    assert not checked.failures
    assert from_struct(checked.inputs)["location"] == "westeurope"
    with pytest.raises(grpc.RpcError) as refused:
        say("Create", **group, properties=changed)
    assert "exists already" in refused.value.details().replace("already exists", "exists already")
    say("Delete", **group, id=made.id, properties=outputs, old_inputs=changed, timeout=60.0)
    assert say("Read", **group, id=made.id, inputs=changed, properties=outputs).id == ""
    say("Delete", **group, id=made.id, properties=outputs, old_inputs=changed)  # it is gone already
    assert not configured.said(WARNING)


def test_what_is_wrong_with_inputs_is_all_reported(configured):
    news = {"resourceGroupName": "trailing.", "tagz": {}}
    answer = configured.call("Check", **named(GROUP, "rg"), olds={}, news=news, randomSeed=SEED)
    assert {each.property for each in answer.failures} == {"tagz", "resourceGroupName"}


@pytest.mark.parametrize(
    ("autonaming", "name"),
    [
        ({"mode": "ENFORCE", "proposed_name": "mine"}, "mine"),
        ({"proposed_name": "proposed"}, "proposed"),
        ({"mode": "DISABLE"}, None),
    ],
)
def test_a_name_that_the_stack_prescribes_is_taken(configured, autonaming, name):
    assert configured.handshake().supports_autonaming_configuration
    given = provider_pb2.CheckRequest.AutonamingOptions(**autonaming)
    group = named(GROUP, "rg")
    answer = configured.call("Check", **group, olds={}, news={}, randomSeed=SEED, autonaming=given)
    assert from_struct(answer.inputs).get("resourceGroupName") == name
    assert {each.property for each in answer.failures} == (set() if name else {"resourceGroupName"})


def test_our_own_client_passes_on_what_the_stack_prescribes(project):
    with closing(PluginHost(project.root, project.root / "infra", "shop", print)) as host:
        plugin = host.plugin("azure-native", "3.29.0")
        config = plugin.at(provider_urn(), {}, {})
        config.configure(config.check_config(None, {"location": "westeurope"}).inputs)
        assert plugin.takes_names
        group = plugin.at(named(GROUP, "rg")["urn"], {}, {})
        mine = AutoName("enforce", "mine")
        checked = group.check_named(GROUP, "rg", None, {}, SEED, autoname=mine)
    assert checked.inputs["resourceGroupName"] == "mine"


def test_values_known_after_deployment_stay_so(configured):
    news = {"resourceGroupName": UNKNOWN, "tags": {"a": secret(UNKNOWN)}}
    group = named(GROUP, "rg")
    answer = configured.call("Check", **group, olds={}, news=news, randomSeed=SEED)
    checked = from_struct(answer.inputs)
    assert checked["resourceGroupName"] == UNKNOWN
    assert checked["tags"]["a"] == Secret(UNKNOWN)
    planned = configured.call("Create", **group, properties=checked, preview=True)
    assert from_struct(planned.properties)["tags"]["a"] == Secret(UNKNOWN)


@pytest.fixture
def compute(project):
    """Return the inputs of a compute with a password, in a workspace that is deployed."""
    project.good("up", "--yes")
    return {
        "computeName": "gpu",
        "workspaceName": project.name,
        "resourceGroupName": f"{project.name}-rg",
        "location": "westeurope",
        "properties": {
            "computeType": "AmlCompute",
            "properties": {
                "vmSize": "STANDARD_DS3_V2",
                "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 1},
                "userAccountCredentials": {
                    "adminUserName": "me",
                    "adminUserPassword": secret(PASSWORD),
                },
            },
        },
    }


def test_a_secret_is_marked_in_all_that_state_takes_and_in_no_line(compute, project):
    plugin = Plugin(project.root)
    plugin.configured()
    fields = named(COMPUTE, "gpu")
    say = plugin.call
    checked = from_struct(say("Check", **fields, olds={}, news=compute, randomSeed=SEED).inputs)
    made = say("Create", **fields, properties=checked, timeout=600.0)
    outputs = from_struct(made.properties)
    read = say("Read", **fields, id=made.id, inputs=checked, properties=outputs)
    olds = {"olds": outputs, "old_inputs": checked}
    larger = json.loads(
        json.dumps(plain_of(checked)).replace('"maxNodeCount": 1', '"maxNodeCount": 2')
    )
    larger["properties"]["properties"]["userAccountCredentials"]["adminUserPassword"] = secret(
        PASSWORD
    )
    answer = say("Diff", **fields, id=made.id, **olds, news=larger)
    (path,) = answer.detailedDiff
    assert path == "properties.properties.scaleSettings.maxNodeCount"
    updated = say("Update", **fields, id=made.id, **olds, news=larger, timeout=600.0)
    for struct in (made.properties, read.inputs, read.properties, updated.properties):
        assert PASSWORD not in str(without_secrets(struct))
    assert PASSWORD in str(read.inputs)  # a service returns none: it is the one of state
    say("Delete", **fields, id=made.id, properties=outputs, old_inputs=larger, timeout=600.0)
    code, out, err = plugin.close()
    assert (code, PASSWORD in out + err) == (0, False)
    assert any("Create in" in line for line in plugin.said(DEBUG))
    assert not [line for line in plugin.lines if PASSWORD in line.message]


@pytest.fixture
def inject(project):
    """Return what injects faults into the session's cloud; none is left after the test."""
    with closing(local_client(project.home)) as client:
        yield lambda **faults: client.complete("POST", "/aml/fault-injection", body=faults)
        client.send("DELETE", "/aml/fault-injection")


def test_what_exists_but_is_not_ready_is_reported_with_its_id_and_repaired(
    compute, configured, inject
):
    fields, say = named(COMPUTE, "gpu"), configured.call
    message = f"No cores left for {PASSWORD}."
    fault = {"type": COMPUTES, "name": "gpu", "code": "QuotaExceeded", "message": message}
    checked = from_struct(say("Check", **fields, olds={}, news=compute, randomSeed=SEED).inputs)
    inject(failures=[fault])
    with pytest.raises(grpc.RpcError) as failed:
        say("Create", **fields, properties=checked, timeout=600.0)
    assert failed.value.code() is grpc.StatusCode.UNKNOWN
    assert "No cores left for [secret]." in failed.value.details()
    detail = detail_of(failed.value)
    assert detail.id.endswith("/computes/gpu")
    assert PASSWORD not in "".join([*detail.reasons, str(without_secrets(detail.properties))])
    assert from_struct(detail.inputs) == checked
    outputs = from_struct(detail.properties)
    olds = {"olds": outputs, "old_inputs": checked}
    assert say("Diff", **fields, id=detail.id, **olds, news=checked).changes == NONE
    repaired = say("Update", **fields, id=detail.id, **olds, news=checked, timeout=600.0)
    assert from_struct(repaired.properties)["name"] == "gpu"


def test_a_call_that_waits_ends_when_the_engine_cancels(compute, configured, inject, project):
    fields = named(COMPUTE, "gpu")
    checked = from_struct(
        configured.call("Check", **fields, olds={}, news=compute, randomSeed=SEED).inputs
    )
    inject(operation_s={COMPUTES: 100})
    log = project.home / "cloud/daemon.log"
    put = re.compile(rf"PUT \S+/{project.name}/computes/gpu 20")
    with ThreadPoolExecutor() as pool:
        creating = pool.submit(
            lambda: configured.call("Create", **fields, properties=checked, timeout=600.0)
        )
        waited(lambda: put.search(log.read_text(encoding="utf-8")))
        began = time.monotonic()
        configured.call("Cancel", Empty())
        with pytest.raises(grpc.RpcError):
            creating.result()
        assert time.monotonic() - began < 30


def plain_of(values):
    if isinstance(values, Secret):
        return plain_of(values.value)
    if isinstance(values, dict):
        return {key: plain_of(item) for key, item in values.items()}
    return values


def without_secrets(struct):
    """Return what a message has in clear: the marked objects are left out."""
    if SIGNATURE in struct.fields and struct.fields[SIGNATURE].string_value == SECRET:
        return {}
    kept = {}
    for key, value in struct.fields.items():
        if value.WhichOneof("kind") == "struct_value":
            kept[key] = without_secrets(value.struct_value)
        else:
            kept[key] = str(value)
    return kept


def test_functions_are_called(configured):
    answer = configured.call("Invoke", tok="azure-native:authorization:getClientConfig", args={})
    assert from_struct(getattr(answer, "return"))["subscriptionId"] == SUBSCRIPTION


def test_a_stack_that_has_no_file_is_refused_with_what_to_do(plugin):
    with pytest.raises(grpc.RpcError) as refused:
        plugin.configured(stack="locl")
    assert "'local'" in refused.value.details()


def test_an_attached_plugin_logs_to_the_engine_that_attached_it(plugin, project):
    other = Plugin(project.root)
    plugin.call("Attach", plugin_pb2.PluginAttach(address=other.engine.address))
    plugin.call("GetSchema", provider_pb2.GetSchemaRequest())
    assert any("GetSchema" in line for line in other.said(DEBUG))
    other.close()


def test_its_schema_names_every_type_for_imports(plugin):
    schema = json.loads(plugin.call("GetSchema", provider_pb2.GetSchemaRequest()).schema)
    compute = schema["resources"][COMPUTE]
    assert {"computeName", "properties"} <= {*compute["inputProperties"]}
    assert "workspaceName" in compute["requiredInputs"]
