"""Every row of the table of updates: what the engine plans is what the local cloud then does."""

from contextlib import closing

import pytest

from infra.catalogue.updates.rule import Change
from infra.catalogue.updates.table import COMPUTE
from infra.contract.errors import ProviderError
from infra.engine.model.events import Finished, Op
from tests.arm.in_process import CONFIG, client_of, cloud_in_process
from tests.arm.test_against_local_cloud import FIRST, case, create
from tests.arm.update_samples import pair, resource, samples
from tests.engine.cloud import Stage

SAMPLES = [pytest.param(sample, id=sample.id) for sample in samples()]
PLANNED = {
    Change.IN_PLACE: Op.UPDATE,
    Change.PARTIAL: Op.UPDATE,
    Change.ACTION: Op.UPDATE,
    Change.IGNORED: Op.UPDATE,
    Change.REPLACE: Op.REPLACE,
}
SENT = {Change.IN_PLACE: {"PUT"}, Change.PARTIAL: {"PATCH"}, Change.ACTION: {"POST"}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """Return a provider and its way to a cloud in which there is what others stand on."""
    with cloud_in_process(tmp_path_factory.mktemp("cloud")) as (provider, transport):
        for name in FIRST:
            create(provider, name)
        for parent, name in OTHERS:
            kind, inputs = case(parent)
            checked = provider.check(kind, "other", None, inputs | name, b"seed")
            provider.create(kind, checked.inputs, timeout_s=30, preview=False)
        yield provider, transport


OTHERS = (
    ("resource_group", {"resourceGroupName": "rg2"}),
    ("virtual_network", {"virtualNetworkName": "net2"}),
    ("virtual_network_hub", {"virtualNetworkName": "hub2"}),
    ("storage_account", {"accountName": "store2"}),
    ("key_vault", {"vaultName": "vault2"}),
    ("application_insights", {"resourceName": "insights2"}),
    ("registry", {}),
    ("workspace", {"workspaceName": "ml2"}),
    ("virtual_network", {"virtualNetworkName": "net3", "resourceGroupName": "rg2"}),
    ("storage_account", {"accountName": "store3", "resourceGroupName": "rg2"}),
    ("workspace", {"workspaceName": "ml3", "resourceGroupName": "rg2"}),
    ("private_zone", {"privateZoneName": "zone.two"}),
    ("private_zone", {"privateZoneName": "zone.three", "resourceGroupName": "rg2"}),
    ("private_endpoint", {"privateEndpointName": "pe2"}),
    ("key_vault", {"vaultName": "vault3", "resourceGroupName": "rg2"}),
    ("managed_cluster", {"resourceName": "aks2"}),
    ("managed_cluster", {"resourceName": "aks3", "resourceGroupName": "rg2"}),
    ("private_endpoint", {"privateEndpointName": "pe3", "resourceGroupName": "rg2"}),
)


class Row:
    """One resource of one stack, over the cloud in process."""

    def __init__(self, provider, token: str) -> None:
        self.stage = Stage(lambda _: provider)
        self.stage.packages = ["azure-native"]
        self.stage.config = {"azure-native": CONFIG}
        self.token = token

    def up(self, inputs, **options):
        act = self.stage.preview if options.get("preview") else self.stage.up
        options.pop("preview", None)
        result = act(lambda program: program.resource("it", self.token, inputs), **options)
        assert not result.errors, result.errors
        return result

    def step(self, result):
        steps = [e.step for e in result.events if isinstance(e, Finished)]
        reported = {*PLANNED.values(), Op.SAME}
        return [step for step in steps if step.type == self.token and step.op in reported][-1]


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_is_planned_is_what_happens(cloud, sample) -> None:
    provider, transport = cloud
    before, after = pair(sample)
    row = Row(provider, sample.token)
    first = row.up(before)
    made = first.resource("it")
    assert "ignored" not in first.messages
    planned = row.step(row.up(after, preview=True))
    assert planned.op is PLANNED[sample.change]
    assert bool(planned.notes) is (sample.change is Change.IGNORED)
    if sample.change is Change.REPLACE:
        refuses(cloud, sample.token, made, after)
    transport.asked.clear()
    done = row.up(after)
    assert row.step(done).op is planned.op
    now = done.resource("it")
    if sample.change is Change.IGNORED:
        assert now.inputs == made.inputs
        assert "and ignored it" in done.messages
        assert row.step(row.up(after, preview=True)).notes == planned.notes
        return
    assert "and ignored it" not in done.messages
    assert {method for method, _ in transport.asked} >= SENT.get(sample.change, set())
    found = provider.read(sample.token, now.id, now.inputs)
    assert found.inputs == now.inputs
    assert row.step(row.up(after)).op is Op.SAME


def refuses(cloud, token: str, made, after) -> None:
    """Assert that the cloud itself does not make this change, however it is asked."""
    provider, _ = cloud
    checked = provider.check(token, "it", made.inputs, after, b"seed").inputs
    if provider.locate(token, checked).lower() != made.id.lower():
        return  # it is another resource altogether
    with pytest.raises(ProviderError) as refused:
        provider.update(
            token, made.id, made.inputs, made.outputs, checked, timeout_s=30, preview=False
        )
    assert refused.value.code in REFUSALS
    found = provider.read(token, made.id, made.inputs)
    assert found.inputs == made.inputs


REFUSALS = {
    "PropertyChangeNotAllowed", "InvalidResourceLocation", "RoleAssignmentUpdateNotPermitted",
    "ValidationError",
}  # fmt: skip


def test_a_cluster_that_is_recreated_with_its_old_size_is_reported(cloud) -> None:
    provider, transport = cloud
    row = Row(provider, COMPUTE)
    inputs = resource(COMPUTE, "AmlCompute") | {"computeName": "reborn"}
    made = row.up(inputs).resource("it")
    with closing(client_of(transport)) as client:
        detach = {"underlyingResourceAction": "Detach"}
        client.complete("DELETE", made.id, api_version="2025-12-01", params=detach)
    row.stage.loaded = Stage().loaded
    inner = inputs["properties"]["properties"] | {"vmSize": "STANDARD_DS2_V2"}
    again = row.up(inputs | {"properties": inputs["properties"] | {"properties": inner}})
    assert "vmSize and ignored it" in again.messages
    assert 'wanted "STANDARD_DS2_V2", it is "STANDARD_DS3_V2".' in again.messages
