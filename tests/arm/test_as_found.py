"""What inputs leave as found is neither compared nor reset by a PUT that changes something else."""

import copy
import json
from itertools import count

import pytest

from infra.arm import bodies
from infra.catalogue.documents import value_at, with_value_at
from infra.catalogue.types.table import type_of_token
from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from tests.arm.in_process import cloud_in_process
from tests.arm.test_against_local_cloud import FIRST, create
from tests.arm.update_samples import COMPUTES, INNER, VALUES, another, resource, shape_at

NUMBERS = count()
# A list's elements are paired by the service, never sent back one by one.
IN_LISTS = {f"{INNER}.schedules.computeStartStop.schedule"}
OF_ITS_SHAPE = {
    "encryption": VALUES["machinelearningservices:Workspace", "encryption"][0],
    "managedNetwork": {"isolationMode": "AllowInternetOutbound", "firewallSku": "Basic"},
    "kind": "Hub",
    "sku": {"name": "Standard", "tier": "Standard"},
    "identity": {"type": "SystemAssigned"},
    "associatedWorkspaces": ["w"],
    "sharedPrivateLinkResources": [{"name": "s", "groupId": "g"}],
    "managedNetwork.outboundRules": {"r": {"type": "FQDN", "destination": "example.org"}},
    "properties.disableLocalAuth": True,
    "provisionNetworkNow": True,
    f"{INNER}.virtualMachineImage": {"id": "/subscriptions/s/resourceGroups/g"},
    f"{INNER}.isolatedNetwork": True,
}
KINDS = [(WORKSPACE, ""), *((COMPUTE, kind) for kind in COMPUTES)]
CASES = [
    pytest.param(token, kind, path, id=f"{kind or 'Workspace'}-{path}")
    for token, kind in KINDS
    for path in sorted(type_of_token(token).variant(kind).as_found - IN_LISTS)
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    with cloud_in_process(tmp_path_factory.mktemp("cloud")) as (provider, transport):
        for name in FIRST:
            create(provider, name)
        yield provider, transport


@pytest.mark.parametrize(("token", "kind", "path"), CASES)
def test_what_is_left_as_found_stays(cloud, token, kind, path) -> None:
    provider, _ = cloud
    row = type_of_token(token).variant(kind)
    wanted = resource(token, kind) | {row.name_input: f"y{next(NUMBERS):04}", "tags": {"a": "b"}}
    value = OF_ITS_SHAPE.get(path, another(shape_at(row, wanted, path), None))
    made = provider.create(
        token,
        provider.check(token, "it", None, with_value_at(wanted, path, value), b"s").inputs,
        timeout_s=30,
        preview=False,
    )
    read = provider.read(token, made.id, {})
    assert found(row, read, path) == value
    silent = with_value_at(copy.deepcopy(wanted), path, None) | {"tags": {"a": "c"}}
    news = provider.check(token, "it", read.inputs, silent, b"s").inputs
    olds = {**news, "tags": {"a": "b"}, path.partition(".")[0]: read.inputs[path.split(".")[0]]}
    difference = provider.diff(token, made.id, olds, read.outputs, news)
    assert [each for each in difference.detailed if each.startswith(path)] == []
    provider.update(token, made.id, olds, read.outputs, news, timeout_s=30, preview=False)
    after = provider.read(token, made.id, {})
    if kind != "ComputeInstance":  # Azure ignores its new tags
        assert after.inputs["tags"] == {"a": "c"}
    assert found(row, after, path) == value, json.dumps(after.outputs, indent=1)


def found(row, existing, path):
    return value_at(bodies.settable(row, existing.outputs), path)
