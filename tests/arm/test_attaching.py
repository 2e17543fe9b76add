"""Attachments reconcile: the same resource is adopted, another one replaces, keys rotate."""

import copy

import pytest

from infra.catalogue.updates.table import COMPUTE
from infra.engine.model.events import Op
from tests.arm.in_process import CONFIG, cloud_in_process
from tests.arm.test_against_local_cloud import FIRST, create
from tests.arm.update_samples import COMPUTES, IN, resource
from tests.engine.cloud import Stage

ATTACHED = sorted(set(COMPUTES) - {"AmlCompute", "ComputeInstance"})
SECRET = {
    "VirtualMachine": ("administratorAccount", "password"),
    "HDInsight": ("administratorAccount", "privateKeyData"),
    "Databricks": ("databricksAccessToken",),
    "Kubernetes": ("relayConnectionString",),
    "AKS": ("sslConfiguration", "key"),
}


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    """Return a provider for a cloud with a workspace."""
    with cloud_in_process(tmp_path_factory.mktemp("cloud")) as (provider, _):
        for name in FIRST:
            create(provider, name)
        yield provider


@pytest.fixture
def stage(provider):
    """Return a stack of its own over that cloud."""
    made = Stage(lambda _: provider)
    made.packages = ["azure-native"]
    made.config = {"azure-native": CONFIG}
    return made


def up(stage, inputs, **options):
    result = stage.up(lambda program: program.resource("it", COMPUTE, inputs), **options)
    return [op for op, _ in result.steps if op is not Op.SAME], result


def attached(kind: str, name: str):
    return resource(COMPUTE, kind) | {"computeName": name}


def forget(stage):
    """Lose the stack's state; the cloud keeps what there is."""
    stage.loaded = Stage().loaded


@pytest.mark.parametrize("kind", ATTACHED)
def test_an_attachment_of_the_same_resource_is_adopted(stage, kind) -> None:
    inputs = attached(kind, f"a{kind.lower()[:12]}")
    assert up(stage, inputs)[0] == [Op.CREATE]
    forget(stage)
    planned, _ = up(stage, inputs, preview=True)
    # No API returns credentials, so they are sent again.
    assert planned == ([Op.ADOPT, Op.UPDATE] if kind in SECRET else [Op.ADOPT])
    assert up(stage, inputs)[0] == planned
    assert up(stage, inputs)[0] == []
    assert stage.destroy().errors == ""


@pytest.mark.parametrize("kind", ATTACHED)
def test_another_resource_replaces_the_old_one_detached_first(stage, kind) -> None:
    inputs = attached(kind, f"r{kind.lower()[:12]}")
    up(stage, inputs)
    other = copy.deepcopy(inputs)
    if "resourceId" in other["properties"]:
        other["properties"]["resourceId"] += "2"
    else:
        other["properties"]["properties"]["address"] = "other.example"
    done, result = up(stage, other)
    assert done == [Op.DELETE_REPLACED, Op.CREATE_REPLACEMENT, Op.REPLACE]
    assert result.errors == ""
    assert up(stage, other)[0] == []


@pytest.mark.parametrize("kind", sorted(SECRET))
def test_a_rotated_credential_is_sent_in_place(stage, provider, kind) -> None:
    inputs = attached(kind, f"k{kind.lower()[:12]}")
    up(stage, inputs)
    rotated = copy.deepcopy(inputs)
    place = rotated["properties"]["properties"]
    *above, last = SECRET[kind]
    for step in above:
        place = place[step]
    place[last] = "rotated"
    done, result = up(stage, rotated)
    assert done == [Op.UPDATE]
    assert "ignored" not in result.messages
    assert up(stage, rotated)[0] == []


def test_an_attachment_of_another_resource_is_not_adopted(stage) -> None:
    inputs = attached("Databricks", "somebodys")
    up(stage, inputs)
    forget(stage)
    mine = copy.deepcopy(inputs)
    mine["properties"]["resourceId"] = f"{IN}/Microsoft.Databricks/workspaces/mine"
    _, result = up(stage, mine)
    assert "exists already and is not part of this stack" in result.errors


def test_a_compute_that_azure_ml_created_is_not_adopted(stage) -> None:
    inputs = attached("AmlCompute", "somebodyscpu")
    up(stage, inputs)
    forget(stage)
    assert "exists already" in up(stage, inputs)[1].errors
