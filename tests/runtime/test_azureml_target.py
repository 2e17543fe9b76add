"""The azureml target keeps the contract of all targets, over a real local cloud."""

from itertools import count

import pytest

from infra.arm.client import local_client
from infra.catalogue.api_versions import MACHINE_LEARNING
from runtime.model.environments import EnvironmentSpec
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.testing.targets import CloseableContract, TargetContract, poll
from tests.localcloud.harness import SUB, connect, make_workspace

GROUP = f"{SUB}/resourceGroups/targets"
SCALE = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT60S"}
CLUSTER = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": SCALE}
ODD_OUTPUTS = """
import os
for name in (b"outputs/bad\\xff", b"outputs/two\\nlines", b"outputs/good.txt", b"logs/bad\\xff"):
    open(name, "w").close()
os.symlink("loop", "outputs/loop")
os.symlink("/etc/passwd", "outputs/out")
"""
_TOKENS = count(1)


@pytest.fixture(scope="session")
def clients(aml_home, local_cloud):
    """Return what makes clients of the local cloud; they are closed at the end."""
    made = []

    def make():
        made.append(local_client(aml_home))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(scope="session")
def workspace(aml_home, local_cloud):
    """Return the id of a workspace with a cluster `cpu`."""
    properties = {"computeType": "AmlCompute", "properties": CLUSTER}
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, GROUP)
        body = {"location": "westeurope", "properties": properties}
        assert cloud.arm("PUT", f"{made}/computes/cpu", body).is_success
    return made


class TestAzureMLTarget(TargetContract, CloseableContract):
    environment = EnvironmentSpec("user_managed", interpreter="python")

    @pytest.fixture
    def make_target(self, clients, workspace):
        compute = f"{workspace}/computes/cpu"
        made = []

        def make():
            client = clients()
            made.append(AzureMLTarget("cpu", client, workspace_id=workspace, compute_id=compute))
            return made[-1]

        yield make
        for target in made:
            target.close()

    def test_odd_outputs_cost_only_themselves(self, target, make_run, tmp_path):
        handle = target.launch(make_run(ODD_OUTPUTS))
        events = self.events(target, handle)
        assert poll(target, handle).state is RunState.COMPLETED
        texts = [event.data["text"] for event in events if event.kind == "message"]
        names = [text.partition(" was not collected")[0] for text in texts]
        odd = [r"outputs/bad\xff", "outputs/loop", "outputs/out", r"outputs/two\nlines"]
        assert names == [*odd, r"logs/bad\xff"]
        files = target.collect(handle, tmp_path / "collected", names.append)
        assert [file.name for file in files if file.parent.name == "outputs"] == ["good.txt"]

    @pytest.fixture
    def closeable(self, target, make_run):
        handle = target.launch(make_run("print('fine')"))
        self.ended(target, handle)
        list(target.logs(handle, {}))
        return target


class TestArmClient(CloseableContract):
    @pytest.fixture
    def closeable(self, aml_home, workspace):
        client = local_client(aml_home)
        assert client.send("GET", workspace, api_version=MACHINE_LEARNING).ok
        yield client
        client.close()
