"""What would stop a plan, from facts alone; the messages of all of it side by side."""

from pathlib import Path

import pytest

from infra.arm.soft_delete import VAULT, WORKSPACE, DeletedResource, SoftDeletePolicy
from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.provider import UNKNOWN
from infra.deploy.preflight.facts import Region, Usage
from infra.deploy.preflight.obstacles import Lock, ObstacleFacts, obstacles
from infra.deploy.preflight.planned import planned
from infra.engine.model.events import Op, Step

MESSAGES = Path(__file__).with_name("obstacles.txt")
SUB = "/subscriptions/s"
GROUP = f"{SUB}/resourceGroups/g"
KEPT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/safe"
SPACE = f"{GROUP}/providers/{WORKSPACE}/demo"
VAULT_TOKEN = "azure-native:keyvault:Vault"
PURGE = SoftDeletePolicy("purge", "purge")


def vault(op=Op.REPLACE, *, name="safe", group="g", **more):
    old = {"resourceGroupName": "g", "vaultName": "safe", "properties": {}}
    new = {**old, "resourceGroupName": group, "vaultName": name}
    there = {} if op is Op.CREATE else {"id": KEPT, "old": old}
    return Step(op, "urn:x::vault", VAULT_TOKEN, **there, new=new, **more)


def workspace(name="demo", op=Op.REPLACE):
    inputs = {"resourceGroupName": "g", "workspaceName": name}
    token = "azure-native:machinelearningservices:Workspace"
    return Step(op, "urn:x::demo", token, id=SPACE, old=inputs, new=inputs)


def deletion(op=Op.DELETE):
    inputs = {"resourceGroupName": "g", "accountName": "store", "containerName": "data"}
    id_ = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/store"
    id_ = f"{id_}/blobServices/default/containers/data"
    return Step(op, "urn:x::data", "azure-native:storage:BlobContainer", id=id_, old=inputs)


def compute(name="cpu", op=Op.REPLACE, *, size="Standard_DS3_v2", nodes=5, **more):
    inner = {"vmSize": size, "scaleSettings": {"maxNodeCount": nodes}, **more}
    inputs = {
        "resourceGroupName": "g",
        "workspaceName": "demo",
        "computeName": name,
        "location": "East US 2",
        "properties": {"computeType": "AmlCompute", "properties": inner},
    }
    there = {} if op is Op.CREATE else {"id": f"{SPACE}/computes/{name}", "old": inputs}
    token = "azure-native:machinelearningservices:Compute"
    return Step(op, f"urn:x::{name}", token, **there, new=inputs)


def offering(family=1000, low=1000):
    usages = [Usage("standardDSv2Family", 0, family)]
    usages.append(Usage("Total Cluster Low Priority Regional vCPUs", 0, low))
    sizes = {"standard_ds3_v2": vm_sizes()["standard_ds3_v2"]}
    return {"offers": {"eastus2": Region(sizes, usages)}}


def lock(scope, level="CanNotDelete"):
    return Lock(f"{scope}/providers/Microsoft.Authorization/locks/keep", scope, level)


def deleted(id_=KEPT, type_=VAULT, **more):
    return DeletedResource(type_, id_, id_.rpartition("/")[2], "westeurope", **more)


GONE = f"{GROUP}/providers/Microsoft.KeyVault/vaults/gone"
CASES = {
    "nothing_in_the_way": ([vault(), workspace(), deletion()], {}),
    "lock_on_it": ([vault()], {"locks": [lock(KEPT)]}),
    "lock_above": ([vault(), deletion()], {"locks": [lock(GROUP)]}),
    "lock_on_the_subscription": ([workspace()], {"locks": [lock(SUB)]}),
    "lock_inside": ([workspace()], {"locks": [lock(f"{SPACE}/computes/cpu")]}),
    "lock_elsewhere": ([vault()], {"locks": [lock(f"{KEPT}2"), lock(f"{SUB}/resourceGroups/h")]}),
    "lock_against_deleting": ([vault(Op.UPDATE)], {"locks": [lock(GROUP)]}),
    "lock_against_writing": ([vault(Op.UPDATE)], {"locks": [lock(GROUP, "ReadOnly")]}),
    "lock_against_creating": ([vault(Op.CREATE)], {"locks": [lock(GROUP, "ReadOnly")]}),
    "purge_protection": ([vault()], {"protected": {KEPT.lower(): 30}}),
    "purge_protection_in_another_group": (
        [vault(group="h", reason="it moves")],
        {"protected": {KEPT.lower(): 90}},
    ),
    "purge_protection_of_another_name": ([vault(name="new")], {"protected": {KEPT.lower(): 90}}),
    "purge_protection_left_behind": ([vault(Op.DELETE)], {"protected": {KEPT.lower(): 90}}),
    "name_of_a_deleted_vault": (
        [vault(name="gone")],
        {"deleted": {GONE.lower(): deleted(GONE)}, "taken": {GONE.lower(): "It is deleted."}},
    ),
    "name_of_a_protected_one": (
        [vault(name="gone")],
        {
            "deleted": {GONE.lower(): deleted(GONE, until="2027-01-01", protected=True)},
            "policy": PURGE,
        },
    ),
    "name_of_one_elsewhere": (
        [vault(name="gone")],
        {"deleted": {GONE.lower(): deleted(GONE.replace("/g/", "/h/"))}},
    ),
    "name_of_a_deleted_workspace": (
        [workspace("other")],
        {"deleted": {f"{SPACE[:-4]}other".lower(): deleted(f"{SPACE[:-4]}other", WORKSPACE)}},
    ),
    "name_taken": ([vault(name="gone")], {"taken": {GONE.lower(): "Somebody has it."}}),
    "exists": ([vault(name="gone")], {"there": frozenset({GONE.lower()})}),
    "of_the_stack": ([vault(name="gone")], {"own": frozenset({GONE.lower()})}),
    "legal_hold": ([deletion()], {"kept": {deletion().id.lower(): "it is under a legal hold."}}),
    "quota_that_fits": ([compute(), compute("new", Op.CREATE)], offering(40)),
    "quota_too_small": ([compute(), compute("new", Op.CREATE)], offering(39)),
    "low_priority_quota": ([compute(vmPriority="LowPriority")], offering(0, 19)),
    "quota_of_what_only_changes": ([compute(op=Op.UPDATE)], offering(0)),
    "quota_not_known_yet": ([compute(nodes=UNKNOWN, size=UNKNOWN)], offering(0)),
    "size_not_offered": ([compute(size="Standard_ND96")], offering()),
    "refers_to_nothing": ([workspace()], {"missing": {"urn:x::demo": [GONE]}}),
}


def said(steps, given):
    return obstacles(planned(steps, "s"), ObstacleFacts(**{"local": False, **given}))


def test_the_messages_read_well_side_by_side():
    """Golden; written anew by hand after a look at the difference."""
    text = "\n".join(f"== {name}\n" + "".join(f"{s}\n" for s in said(*case))
                     for name, case in CASES.items())  # fmt: skip
    assert text == MESSAGES.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("steps", "ids"),
    [
        pytest.param([vault(Op.SAME)], [], id="unchanged"),
        pytest.param([vault(Op.CREATE)], [("", KEPT)], id="created"),
        pytest.param([vault(Op.CREATE, name=UNKNOWN)], [], id="not known yet"),
        pytest.param([vault(), vault(Op.CREATE_REPLACEMENT)], [(KEPT, KEPT)], id="replaced once"),
        pytest.param([vault(Op.DISCARD)], [], id="dropped from state"),
    ],
)
def test_what_a_plan_changes(steps, ids):
    assert [(each.old, each.new) for each in planned(steps, "s")] == ids
