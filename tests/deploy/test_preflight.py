"""What a cloud would refuse, from facts alone; the messages of all of it side by side."""

from pathlib import Path

import pytest

from infra.arm.soft_delete import VAULT, WORKSPACE, DeletedResource, SoftDeletePolicy
from infra.catalogue.vm_sizes import vm_sizes
from infra.deploy.preflight.facts import Facts, Region, Usage, ids_of, namespaces
from infra.deploy.preflight.findings import preflight
from infra.deploy.preflight.quota import DEDICATED, LOW_PRIORITY, demands
from infra.deploy.preflight.references import references, used_ids
from infra.engine.model.events import Op, Step
from infra.spec.load import inspect_text
from infra.spec.problems import path_text

SUB = "0a0a0a0a-0000-0000-0000-000000000000"
MESSAGES = Path(__file__).with_name("preflight.txt")
FAMILY = "standardDSv2Family"
STACK = """\
config:
  azure-native:location: westeurope
  aml:cloud: azure
  aml:workspace: {name: mlx, resource_group: ml-rg}
  aml:computes:
    - {kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, min_nodes: 1, max_nodes: 4}
    - {kind: aml_compute, name: low, vm_size: Standard_DS3_v2, priority: low_priority, max_nodes: 8}
    - {kind: compute_instance, name: box, vm_size: Standard_DS3_v2}
"""
SPEC = inspect_text(STACK).spec
IDS = ids_of(SPEC, SUB)
DS = "Standard DSv2 Family Cluster Dedicated vCPUs"
LOW = "Total Cluster Low Priority Regional vCPUs"
ALL = "Total Cluster Dedicated Regional vCPUs"
RECOVER, PURGE = SoftDeletePolicy("recover", "recover"), SoftDeletePolicy("purge", "purge")
DELETED = DeletedResource(WORKSPACE, IDS.workspace, "mlx", "westeurope")


def deleted_vault(group="ml-rg", **more):
    name = IDS.key_vault.rpartition("/")[2]
    return DeletedResource(VAULT, IDS.key_vault.replace("ml-rg", group), name, "westeurope", **more)


def running(nodes, **inner):
    properties = {"vmSize": "STANDARD_DS3_V2", "currentNodeCount": nodes, **inner}
    return {"name": "cpu", "properties": {"properties": properties}}


def facts(**given):
    known = {"local": False, "sizes": vm_sizes(), "policy": RECOVER}
    return Facts(**{**known, **given})


CASES = {
    "nothing": {},
    "provider_not_registered": {
        "providers": {"Microsoft.KeyVault": "NotRegistered", "Microsoft.Storage": "Registered"}
    },
    "provider_being_registered": {"providers": {"Microsoft.KeyVault": "Registering"}},
    "names_taken": {
        "taken": {
            "storage_account": "The storage account named x is already taken.",
            "key_vault": "AlreadyExists",
            "container_registry": "The registry x is already in use.",
        }
    },
    "own_name_taken": {
        "taken": {"storage_account": "It is taken."},
        "own": frozenset({IDS.storage_account.lower()}),
    },
    "group_there": {"there": frozenset({IDS.group.lower()})},
    "workspace_there": {
        "there": frozenset({IDS.workspace.lower(), IDS.compute("cpu").lower()}),
    },
    "compute_there": {
        "there": frozenset({IDS.workspace.lower(), IDS.compute("cpu").lower()}),
        "own": frozenset({IDS.workspace.lower()}),
    },
    "own_all_there": {
        "there": frozenset({IDS.group.lower(), IDS.workspace.lower()}),
        "own": frozenset({IDS.group.lower(), IDS.workspace.lower()}),
    },
    "instance_name": {"instances": {"box": IDS.compute("box").lower().replace("/mlx/", "/other/")}},
    "own_instance": {"instances": {"box": IDS.compute("box").lower()}},
    "size_not_offered": {
        "sizes": {k: v for k, v in vm_sizes().items() if k != "standard_ds3_v2"},
    },
    "family_limit": {"usages": [Usage(DS, 0, 16)]},
    "total_limit": {"usages": [Usage(ALL, 0, 19), Usage(DS, 0, 20)]},
    "low_priority_limit": {"usages": [Usage(LOW, 0, 10), Usage(FAMILY, 0, 100)]},
    "too_much_in_use": {"usages": [Usage(FAMILY, 94, 100)]},
    "in_use_for_now": {"usages": [Usage(FAMILY, 90, 100)]},
    "in_use_by_itself": {"usages": [Usage(FAMILY, 96, 100)], "computes": [running(4)]},
    "workspace_soft_deleted": {"soft_deleted": [DELETED]},
    "workspace_soft_deleted_locally": {"soft_deleted": [DELETED], "local": True},
    "workspace_to_purge": {"soft_deleted": [DELETED], "policy": PURGE},
    "workspace_of_another_group": {
        "soft_deleted": [
            DeletedResource(WORKSPACE, IDS.workspace.replace("ml-rg", "else"), "mlx", "westeurope")
        ]
    },
    "vault_soft_deleted": {
        "soft_deleted": [deleted_vault()],
        "taken": {"key_vault": "It is deleted."},
    },
    "vault_to_purge": {"soft_deleted": [deleted_vault()], "policy": PURGE},
    "vault_protected": {
        "soft_deleted": [deleted_vault(until="2027-01-01T00:00:00Z", protected=True)],
        "policy": PURGE,
    },
    "vault_of_another_group": {"soft_deleted": [deleted_vault("other-rg")]},
    "may_not_ask": {"unanswered": ["The quotas of the region could not be read: no."]},
    "all_at_once": {
        "providers": {"Microsoft.Storage": "NotRegistered"},
        "there": frozenset({IDS.group.lower()}),
        "usages": [Usage(DS, 0, 16), Usage(LOW, 0, 0)],
        "soft_deleted": [DELETED],
    },
}


def said(given):
    found = preflight(SPEC, SUB, facts(**given))
    lines = [f"{path_text(location)}: {message}" for location, message in found.problems]
    return [*lines, *(f"note: {remark}" for remark in found.remarks)]


def test_the_messages_read_well_side_by_side():
    """Golden; written anew by hand after a look at the difference."""
    text = "\n".join(f"== {name}\n" + "".join(f"{s}\n" for s in said(given))
                     for name, given in CASES.items())  # fmt: skip
    assert text == MESSAGES.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("changing", "problems"),
    [(None, 1), ({"cpu"}, 1), ({"low"}, 0), (set(), 0)],
)
def test_quotas_that_nothing_changed_needs_are_passed_over(changing, problems):
    found = preflight(SPEC, SUB, facts(usages=[Usage(DS, 0, 16)]), changing)
    assert len(found.problems) == problems


def test_demand_is_summed_over_the_stack():
    wanted = demands(SPEC, facts())
    found = {name: (each.most, each.least) for (_, name), each in wanted.items()}
    assert found == {FAMILY: (20, 8), DEDICATED: (20, 8), LOW_PRIORITY: (32, 0)}


@pytest.mark.parametrize(
    ("limit", "problems"), [(20, 0), (19, 1), (0, 1)], ids=["fits", "one short", "none"]
)
def test_the_limit_itself_fits(limit, problems):
    found = preflight(SPEC, SUB, facts(usages=[Usage(DS, 0, limit)]))
    assert len(found.problems) == problems


ELSEWHERE = inspect_text(f"""{STACK}\
    - {{kind: aml_compute, name: far, vm_size: Standard_DS3_v2, max_nodes: 9, location: eastus2}}
""").spec
NO_SIZES = {"standard_nc4as_t4_v3": vm_sizes()["standard_nc4as_t4_v3"]}


@pytest.mark.parametrize(
    ("here", "there", "sizes", "said"),
    [
        (20, 36, vm_sizes(), []),
        (20, 35, vm_sizes(), ["far (9 x 4) needs 36 dedicated cores of standardDSv2Family"]),
        (19, 36, vm_sizes(), ["cpu (4 x 4) and box (1 x 4) need 20 dedicated cores"]),
        (20, 36, NO_SIZES, ["'Standard_DS3_v2' is not offered in eastus2"]),
    ],
    ids=["fits", "too little there", "too little here", "not offered there"],
)
def test_a_compute_is_held_against_what_its_own_region_has(here, there, sizes, said):
    away = {"eastus2": Region(sizes, [Usage(DS, 0, there)])}
    found = preflight(ELSEWHERE, SUB, facts(usages=[Usage(DS, 0, here)], elsewhere=away))
    messages = [message for _, message in found.problems]
    assert len(messages) == len(said)
    assert all(each.startswith(start) for each, start in zip(messages, said, strict=True))
    assert all("eastus2" in each for each in messages if each.startswith(("far", "'")))


def test_providers_of_everything_that_is_declared_are_needed():
    more = """\
  aml:diagnostics: {}
  aml:kubernetes_clusters: [{name: aks, vm_size: Standard_DS3_v2}]
  aml:key_vault: {private_endpoint: {subnet_id: SUBNET}}
""".replace("SUBNET", SUBNET)
    needed = set(namespaces(inspect_text(STACK + more).spec)) - set(namespaces(SPEC))
    assert needed == {
        "Microsoft.ContainerService", "Microsoft.KubernetesConfiguration", "Microsoft.Network",
    }  # fmt: skip


def test_what_is_given_or_left_out_is_not_queried():
    registry = (
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerRegistry/registries/r"
    )
    given = f"resource_group: ml-rg, container_registry_id: {registry}, group_exists: true"
    spec = inspect_text(STACK.replace("resource_group: ml-rg", given)).spec
    assert set(ids_of(spec, SUB).made()) == {"storage_account", "key_vault"}
    known = facts(there=frozenset({IDS.group.lower()}), taken={"container_registry": "Taken."})
    assert preflight(spec, SUB, known).problems == ()


SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
MACHINE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm"
IDENTITY = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities/me"
)
REFERRING = f"""\
config:
  azure-native:location: westeurope
  aml:cloud: azure
  aml:workspace:
    name: mlx
    resource_group: ml-rg
    group_exists: true
    identity: {{type: user_assigned, ids: [{IDENTITY}]}}
  aml:computes:
    - {{kind: aml_compute, name: cpu, vm_size: STANDARD_DS3_V2, max_nodes: 4, subnet_id: {SUBNET}}}
    - kind: virtual_machine
      name: lab
      resource_id: {MACHINE}
      user: ops
      password: env:X
"""


def test_what_a_stack_refers_to_is_found_with_its_place():
    found = references(inspect_text(REFERRING).spec)
    assert {path_text(at): id_ for at, id_ in found.items()} == {
        "aml:workspace.identity.ids[0]": IDENTITY,
        "aml:computes[0].subnet_id": SUBNET,
        "aml:computes[1].resource_id": MACHINE,
    }


def test_databricks_of_another_subscription_is_refused():
    other = SUB.replace("0a", "0b")
    id_ = f"/subscriptions/{other}/resourceGroups/g/providers/Microsoft.Databricks/workspaces/b"
    compute = f"{{kind: databricks, name: bricks, resource_id: {id_}, access_token: env:TOKEN}}"
    spec = inspect_text(STACK + f"    - {compute}\n").spec
    found = [f"{path_text(at)}: {says}" for at, says in preflight(spec, SUB, facts()).problems]
    (problem,) = found
    assert problem == (
        f"aml:computes[3].resource_id: is in subscription {other}; Databricks must be in the"
        f" workspace's subscription, {SUB}."
    )
    assert preflight(spec, other, facts()).problems == ()


def test_what_does_not_exist_is_a_problem_where_it_is_named():
    spec = inspect_text(REFERRING).spec
    lost = frozenset(each.lower() for each in (IDS.group, SUBNET, MACHINE))
    found = preflight(spec, SUB, facts(missing=lost, sizes={}))
    assert [f"{path_text(at)}: {says}" for at, says in found.problems] == [
        (
            "aml:workspace.resource_group: the resource group 'ml-rg' does not exist, though "
            "group_exists is true. Create it, or leave group_exists out: then the stack creates "
            "the group."
        ),
        f"aml:computes[0].subnet_id: {SUBNET} does not exist. Create it, or correct the id.",
        f"aml:computes[1].resource_id: {MACHINE} does not exist. Create it, or correct the id.",
    ]


@pytest.mark.parametrize(
    ("op", "used"), [(Op.CREATE, {SUBNET.lower()}), (Op.UPDATE, {SUBNET.lower()}), (Op.SAME, set())]
)
def test_which_ids_a_plan_uses(op, used):
    new = {"properties": {"subnet": {"id": SUBNET}, "tags": ["x"]}}
    assert used_ids([Step(op, "urn:pulumi:s::p::t::n", "t", new=new)]) == used
