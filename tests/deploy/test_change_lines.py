"""What a plan and a drift report say of a difference: the stack file's keys, one notation."""

import pytest

from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from infra.contract.provider import UNKNOWN
from infra.deploy.stack.change_lines import (
    Changed,
    around,
    change_lines,
    has_key,
    reason,
    step_lines,
    text_of,
)
from infra.engine.model.events import Op, Step

IDENTITIES = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/"
)
INNER = "properties.properties"
SCALE = f"{INNER}.scaleSettings"
VM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/"


def compute(kind, inner=None, **rest):
    properties = {"computeType": kind, "properties": inner or {}}
    return {"computeName": "one", "properties": properties | rest.pop("properties", {}), **rest}


def identity(*names, type_="UserAssigned"):
    ids = [f"{IDENTITIES}{name}" for name in names]
    return {"type": type_, "userAssignedIdentities": ids} if ids else {"type": type_}


def workspace(*names, type_="UserAssigned", primary=0):
    return {
        "identity": identity(*names, type_=type_),
        "primaryUserAssignedIdentity": f"{IDENTITIES}{names[primary]}",
    }


def scaled(**settings):
    return compute("AmlCompute", {"scaleSettings": settings})


def scheduled(*expressions):
    stops = [{"action": "Stop", "cron": {"expression": each}} for each in expressions]
    return compute("ComputeInstance", {"schedules": {"computeStartStop": stops}})


CASES = {
    "a number": (
        [f"{SCALE}.maxNodeCount"],
        scaled(maxNodeCount=2),
        scaled(maxNodeCount=4),
        ["max_nodes 2 → 4"],
    ),
    "a duration": (
        [f"{SCALE}.nodeIdleTimeBeforeScaleDown"],
        scaled(nodeIdleTimeBeforeScaleDown="PT2M"),
        scaled(nodeIdleTimeBeforeScaleDown="PT10M"),
        ["idle_seconds 120 → 600"],
    ),
    "a choice": (
        [f"{INNER}.vmPriority"],
        compute("AmlCompute", {"vmPriority": "Dedicated"}),
        compute("AmlCompute", {"vmPriority": "LowPriority"}),
        ["priority dedicated → low_priority"],
    ),
    "an identity comes": (
        ["identity.userAssignedIdentities"],
        compute("AmlCompute", identity=identity("ida")),
        compute("AmlCompute", identity=identity("ida", "idb")),
        ["identities: + idb"],
    ),
    "an identity goes": (
        ["identity.userAssignedIdentities"],
        compute("AmlCompute", identity=identity("ida", "idb")),
        compute("AmlCompute", identity=identity("idb")),
        ["identities: - ida"],
    ),
    "one identity for another": (
        ["identity.userAssignedIdentities"],
        compute("AmlCompute", identity=identity("ida")),
        compute("AmlCompute", identity=identity("idb")),
        ["identities: + idb", "identities: - ida"],
    ),
    "a first identity": (
        ["identity"],
        compute("AmlCompute"),
        compute("AmlCompute", identity=identity("ida")),
        ["identity.type (none) → user_assigned", "identities: + ida"],
    ),
    "an identity that is not made yet": (
        ["identity.userAssignedIdentities"],
        compute("AmlCompute", identity=identity("ida")),
        compute(
            "AmlCompute",
            identity={
                "type": "UserAssigned",
                "userAssignedIdentities": [f"{IDENTITIES}ida", UNKNOWN],
            },
        ),
        ["identities: + [known after deployment]"],
    ),
    "an identity that is replaced, if only by itself": (
        ["identity.userAssignedIdentities"],
        compute("AmlCompute", identity=identity("ida")),
        compute(
            "AmlCompute", identity={"type": "UserAssigned", "userAssignedIdentities": [UNKNOWN]}
        ),
        ["identities: [known after deployment]"],
    ),
    "another type of identity": (
        ["identity.type", "identity.userAssignedIdentities"],
        compute("AmlCompute", identity=identity("ida")),
        compute("AmlCompute", identity=identity(type_="SystemAssigned")),
        ["identity.type user_assigned → system_assigned", "identities: - ida"],
    ),
    "tags": (
        ["tags.cost.center", "tags.team"],
        compute("AmlCompute", tags={"team": "ml"}),
        compute("AmlCompute", tags={"team": "ops", "cost.center": "1"}),
        ['tags.cost.center (none) → "1"', "tags.team ml → ops"],
    ),
    "not known yet": (
        [f"{INNER}.subnet.id"],
        compute("AmlCompute", {"subnet": {"id": f"{VM}n"}}),
        compute("AmlCompute", {"subnet": {"id": UNKNOWN}}),
        [f"subnet {VM[:20]}…{VM[-39:]}n → [known after deployment]"],
    ),
    "one schedule": (
        [f"{INNER}.schedules.computeStartStop[0].cron.expression"],
        scheduled("0 18 * * *"),
        scheduled("0 20 * * *"),
        ['schedules[0].cron "0 18 * * *" → "0 20 * * *"'],
    ),
    "one schedule more": (
        [f"{INNER}.schedules.computeStartStop[1]"],
        scheduled("0 18 * * *"),
        scheduled("0 18 * * *", "0 20 * * *"),
        ['schedules: + {"action": "stop", "cron": "0 20 * * *"}'],
    ),
    "a key opens the port": (
        [f"{INNER}.sshSettings.adminPublicKey", f"{INNER}.sshSettings.sshPublicAccess"],
        compute("ComputeInstance", {"sshSettings": {"sshPublicAccess": "Disabled"}}),
        compute(
            "ComputeInstance",
            {"sshSettings": {"sshPublicAccess": "Enabled", "adminPublicKey": "ssh-rsa AAA"}},
        ),
        ['ssh_public_key (none) → "ssh-rsa AAA"'],
    ),
    "a secret": (
        [f"{INNER}.administratorAccount.password"],
        compute("VirtualMachine", {"administratorAccount": {"password": "[secret]"}}),
        compute("VirtualMachine", {"administratorAccount": {"password": "[secret]"}}),
        ["password: [secret] changed"],
    ),
    "another kind under the name": (
        ["properties.computeType"],
        compute("Batch"),
        compute("SynapseSpark"),
        ["kind batch → synapse_spark"],
    ),
    "a property that no key says": (
        [f"{INNER}.futureSetting"],
        compute("AmlCompute"),
        compute("AmlCompute", {"futureSetting": True}),
        [f"{INNER}.futureSetting (none) → true"],
    ),
    "a value in a form that is not documented": (
        [f"{INNER}.setupScripts.scripts.startupScript"],
        compute("ComputeInstance"),
        compute("ComputeInstance", {"setupScripts": {"scripts": {"startupScript": "run.sh"}}}),
        ["setup.startup_script (none) → run.sh"],
    ),
}


@pytest.mark.parametrize(("paths", "old", "new", "expected"), CASES.values(), ids=CASES)
def test_a_compute_in_the_words_of_its_entry(paths, old, new, expected):
    assert list(change_lines(COMPUTE, map(Changed, paths), old, new)) == expected


def connected(status):
    state = {"privateLinkServiceConnectionState": {"status": status}}
    return {"privateLinkServiceConnections": [{"name": "one", **state}]}


OTHERS = {
    "Workspace": (
        WORKSPACE,
        ["publicNetworkAccess", "friendlyName"],
        {"publicNetworkAccess": "Enabled"},
        {"publicNetworkAccess": "Disabled", "friendlyName": "Demo"},
        ["public_network_access enabled → disabled", "friendly_name (none) → Demo"],
    ),
    "Workspace with another identity": (
        WORKSPACE,
        ["identity.userAssignedIdentities", "primaryUserAssignedIdentity"],
        workspace("ida"),
        workspace("idb"),
        ["identities: + idb", "identities: - ida"],
    ),
    "Workspace with its identities in another order": (
        WORKSPACE,
        ["primaryUserAssignedIdentity", "tags.team"],
        workspace("ida", "idb"),
        workspace("idb", "ida") | {"tags": {"team": "ml"}},
        ["first identity ida → idb", "tags.team (none) → ml"],
    ),
    "Workspace that acts as another identity": (
        WORKSPACE,
        ["identity.userAssignedIdentities", "primaryUserAssignedIdentity"],
        workspace("a", type_="SystemAssigned,UserAssigned"),
        workspace("a", "b", type_="SystemAssigned,UserAssigned", primary=1),
        [
            "identities: + b",
            f"primary_identity_id …{IDENTITIES[-20:]}a → …{IDENTITIES[-20:]}b",
        ],
    ),
    "VirtualNetwork": (
        "azure-native:network:VirtualNetwork",
        ["addressSpace.addressPrefixes[0]", "addressSpace.addressPrefixes[1]"],
        {"addressSpace": {"addressPrefixes": ["10.0.0.0/16", "10.1.0.0/16"]}},
        {"addressSpace": {"addressPrefixes": ["10.1.0.0/16"]}},
        ['address_space: - "10.0.0.0/16"'],
    ),
    "Subnet": (
        "azure-native:network:Subnet",
        ["serviceEndpoints[0]"],
        {},
        {"serviceEndpoints": [{"service": "Microsoft.Storage"}]},
        ["service_endpoints: + Microsoft.Storage"],
    ),
    "RoleAssignment": (
        "azure-native:authorization:RoleAssignment",
        ["roleDefinitionId"],
        {"roleDefinitionId": "/x/acdd72a7-3385-48ef-bd42-f606fba81ae7"},
        {"roleDefinitionId": "/x/b24988ac-6180-42a0-ab88-20f7382dd24c"},
        ["role reader → contributor"],
    ),
    "Datastore": (
        "azure-native:machinelearningservices:Datastore",
        ["properties.serviceDataAccessAuthIdentity", "properties.tags.team"],
        {"properties": {"serviceDataAccessAuthIdentity": "None"}},
        {
            "properties": {
                "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
                "tags": {"team": "ml"},
            }
        },
        ["service_access none → workspace_system_identity", "tags.team (none) → ml"],
    ),
    "ManagedCluster": (
        "azure-native:containerservice:ManagedCluster",
        [f"agentPoolProfiles[0].{each}" for each in ("count", "maxCount", "minCount")],
        {"agentPoolProfiles": [{"count": 2, "minCount": 2, "maxCount": 4}]},
        {"agentPoolProfiles": [{"count": 1, "minCount": 1, "maxCount": 6}]},
        ["nodes 2 → 1", "max_nodes 4 → 6"],
    ),
    "ManagedCluster that scales": (
        "azure-native:containerservice:ManagedCluster",
        [f"agentPoolProfiles[0].{e}" for e in ("enableAutoScaling", "maxCount", "minCount")],
        {"agentPoolProfiles": [{"count": 2}]},
        {"agentPoolProfiles": [{"count": 2, "enableAutoScaling": True, "maxCount": 6}]},
        ["max_nodes (none) → 6"],
    ),
    "Extension": (
        "azure-native:kubernetesconfiguration:Extension",
        ["configurationSettings.enableInference"],
        {"configurationSettings": {"enableInference": "True"}},
        {"configurationSettings": {"enableInference": "False"}},
        ["inference true → false"],
    ),
    "a firewall": (
        "azure-native:storage:StorageAccount",
        ["networkRuleSet.bypass"],
        {"networkRuleSet": {"bypass": "None"}},
        {"networkRuleSet": {"bypass": "AzureServices"}},
        ["firewall.azure_services false → true"],
    ),
    "BlobServiceProperties": (
        "azure-native:storage:BlobServiceProperties",
        ["cors.corsRules[0].allowedMethods[1]"],
        {"cors": {"corsRules": [{"allowedMethods": ["GET", "PUT"]}]}},
        {"cors": {"corsRules": [{"allowedMethods": ["GET"]}]}},
        ["blobs.cors[0].methods: - PUT"],
    ),
    "WorkspaceConnection": (
        "azure-native:machinelearningservices:WorkspaceConnection",
        ["properties.authType", "properties.category"],
        {"properties": {"authType": "None", "category": "Git"}},
        {"properties": {"authType": "PAT", "category": "PythonFeed"}},
        ["credentials.type (none) → pat", "kind git → python_feed"],
    ),
    "StorageAccount": (
        "azure-native:storage:StorageAccount",
        ["tags.team", "minimumTlsVersion"],
        {"tags": {"team": "ml"}, "minimumTlsVersion": "TLS1_0"},
        {"minimumTlsVersion": "TLS1_2"},
        ["tags.team ml → (none)", "minimumTlsVersion TLS1_0 → TLS1_2"],
    ),
    "Registry that lets nobody else in": (
        "azure-native:containerregistry:Registry",
        ["networkRuleSet.ipRules[0]", "networkRuleSet.defaultAction"],
        {},
        {
            "networkRuleSet": {
                "defaultAction": "Deny",
                "ipRules": [{"action": "Allow", "iPAddressOrRange": "203.0.113.0/24"}],
            }
        },
        ['ip_rules: + "203.0.113.0/24"'],
    ),
    "PrivateEndpoint whose connection was rejected": (
        "azure-native:network:PrivateEndpoint",
        ["privateLinkServiceConnections[0].privateLinkServiceConnectionState.status"],
        connected("Approved"),
        connected("Rejected"),
        ["connection Approved → Rejected"],
    ),
}


@pytest.mark.parametrize(("token", "paths", "old", "new", "expected"), OTHERS.values(), ids=OTHERS)
def test_everything_else_in_the_words_of_its_entry(token, paths, old, new, expected):
    assert list(change_lines(token, map(Changed, paths), old, new)) == expected


@pytest.mark.parametrize(
    ("type_", "path"),
    [
        ("applicationinsights:Component", "resourceName"),
        ("authorization:RoleAssignment", "roleAssignmentName"),
        ("containerregistry:Registry", "registryName"),
        ("keyvault:Vault", "vaultName"),
        ("operationalinsights:Workspace", "workspaceName"),
        ("storage:StorageAccount", "accountName"),
    ],
)
def test_what_a_stack_creates_has_a_name(type_, path):
    lines = change_lines(f"azure-native:{type_}", [Changed(path)], {path: "one"}, {path: "two"})
    assert list(lines) == ["name one → two"]


def test_the_log_store_of_application_insights_is_named_in_words():
    token, path = "azure-native:applicationinsights:Component", "workspaceResourceId"
    lines = change_lines(token, [Changed(path)], {path: "/a/one"}, {path: "/a/two"})
    assert list(lines) == ["log_analytics /a/one → /a/two"]
    assert not has_key(token, {}, path)
    assert has_key(token, {}, "tags.team")


def test_a_program_of_ones_own_sees_property_paths():
    old, new = scaled(maxNodeCount=2), scaled(maxNodeCount=4)
    changed = [Changed(f"{SCALE}.maxNodeCount")]
    lines = change_lines(COMPUTE, changed, old, new, own_program=True)
    assert list(lines) == [f"{SCALE}.maxNodeCount 2 → 4"]


def test_lists_of_a_program_of_ones_own_are_shown_element_by_element():
    old, new = {"zones": ["1", "2"]}, {"zones": ["2"]}
    changed = [Changed("zones[0]"), Changed("zones[1]")]
    lines = change_lines("my:type:T", changed, old, new, own_program=True)
    assert list(lines) == ['zones: - "1"']


def test_elements_with_equal_last_names_are_shown_in_full():
    old, new = {"ids": ["/a/one"]}, {"ids": ["/b/one"]}
    assert list(change_lines("t", [Changed("ids[0]")], old, new)) == [
        "ids: + /b/one",
        "ids: - /a/one",
    ]


LONG = "x" * 90


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([f"{LONG}a"], [f"{LONG}b"], [f"list: + …{'x' * 20}b", f"list: - …{'x' * 20}a"]),
        ([], [f"{LONG}b"], [f"list: + {'x' * 20}…{'x' * 39}b"]),
        (
            [],
            [f"{LONG}a{LONG}", f"{LONG}b{LONG}"],
            [f"list: + {LONG}a{LONG}", f"list: + {LONG}b{LONG}"],
        ),
        (["a", "a"], ["a"], ["list: - a"]),
    ],
    ids=["pair", "alone", "the same when cut", "twice"],
)
def test_elements_are_cut_but_never_read_the_same(old, new, expected):
    assert list(change_lines("t", [Changed("list[0]")], {"list": old}, {"list": new})) == expected


STEP = Step(
    Op.REPLACE,
    f"urn:pulumi:local::demo::{COMPUTE}::cpu",
    COMPUTE,
    diffs={f"{INNER}.vmSize": "update-replace"},
    replaces=(f"{INNER}.vmSize",),
    old=compute("AmlCompute", {"vmSize": "A"}),
    new=compute("AmlCompute", {"vmSize": "B"}),
    reason=f"{INNER}.vmSize cannot be changed in place",
)


def test_a_replacement_is_marked_where_it_comes_from_and_said_once():
    assert step_lines(STEP) == ["vm_size A → B  (replaces)"]
    assert reason(STEP) == "vm_size cannot be changed in place"


def test_a_reason_that_no_change_shows_is_a_line():
    step = Step(Op.REPLACE, STEP.urn, COMPUTE, old=STEP.old, new=STEP.new, reason="named")
    assert step_lines(step) == ["named"]


@pytest.mark.parametrize("op", [Op.DELETE, Op.REPLACE, Op.UPDATE])
def test_a_container_that_goes_says_what_goes_with_it(op):
    token = "azure-native:storage:BlobContainer"
    lines = step_lines(
        Step(op, f"urn:pulumi:s::p::{token}::raw", token, old={"containerName": "raw"})
    )
    assert ("deletes the blobs in it" in lines) == (op is not Op.UPDATE)


def test_a_note_follows_its_change():
    path = f"{INNER}.schedules.computeStartStop[0].cron.expression"
    step = Step(
        Op.UPDATE,
        STEP.urn,
        COMPUTE,
        diffs={path: "update"},
        old=scheduled("0 18 * * *"),
        new=scheduled("0 20 * * *"),
        notes={path: "ignored by Azure"},
    )
    assert step_lines(step) == ['schedules[0].cron "0 18 * * *" → "0 20 * * *"  (ignored by Azure)']


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"{VM}one", f"{VM}other"),
        (f"{VM}one", f"{VM}one-more"),
        (f"{VM}{'a' * 90}", f"{VM}{'a' * 91}"),
        (f"{'a' * 40}b{'c' * 90}", f"{'a' * 40}d{'c' * 90}"),
        ("x" * 200, "y" * 300),
        (f"{'x' * 100}{'p' * 100}z", f"{'x' * 100}{'p' * 130}z"),
        ("x" * 61, "x" * 3),
    ],
)
def test_a_long_value_is_cut_around_what_differs(old, new):
    before, after = around(old, new)
    assert before != after
    assert max(len(before), len(after)) <= 62
    assert before.strip("…") in old
    assert after.strip("…") in new


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(none)"),
        ({}, "(none)"),
        ([], "(none)"),
        (UNKNOWN, "[known after deployment]"),
        ({"id": UNKNOWN}, '{"id": "[known after deployment]"}'),
        (0, "0"),
        (False, "false"),
        ("false", '"false"'),
        ("", '""'),
        ("1", '"1"'),
        ("STANDARD_DS3_V2", "STANDARD_DS3_V2"),
        ("(none)", '"(none)"'),
    ],
)
def test_a_value_as_a_stack_file_would_have_it(value, text):
    assert text_of(value) == text
