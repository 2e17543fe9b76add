"""The azureml target keeps the contract of all targets, over a real local cloud."""

from dataclasses import replace
from itertools import count

import pytest

from infra.arm.client import local_client
from infra.catalogue.api_versions import MACHINE_LEARNING
from runtime.agent.installed import FILE as INSTALLED_FILE
from runtime.environments.resolved import ResolvedLock
from runtime.model.environments import LOCK_PROPERTY, EnvironmentSpec, ImageSpec
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.targets.azureml_bodies import environment_context, environment_name
from runtime.testing.targets import CloseableContract, MirroringContract, TargetContract, poll
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
READS = """
import pathlib
files = [*pathlib.Path("data").iterdir(), pathlib.Path("empty.txt")]
print(*sorted(file.read_text() for file in files), sep="\\n")
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


class Behind:
    """A client that read a job before it ended, and everything else after."""

    def __init__(self, client, job):
        self._client, self._job = client, job

    def send(self, method, path, **options):
        answer = self._client.send(method, path, **options)
        if path != self._job:
            return answer
        properties = {**answer.document["properties"], "status": "Running"}
        return replace(answer, body={**answer.document, "properties": properties})

    def __getattr__(self, name):
        return getattr(self._client, name)


class TestAzureMLTarget(TargetContract, CloseableContract, MirroringContract):
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

    def test_the_versions_that_a_node_had_are_reported(self, target, make_run, tmp_path):
        handle = target.launch(make_run("print(1)"))
        events = self.events(target, handle)
        reported = [event.data for event in events if event.kind == "property"]
        target.collect(handle, tmp_path / "collected", print)
        lock = ResolvedLock((tmp_path / "collected" / INSTALLED_FILE).read_text())
        assert INSTALLED_FILE not in [chunk.name for chunk in target.logs(handle, {})]
        assert {"key": LOCK_PROPERTY, "value": lock.digest} in reported

    def test_numbers_logged_past_the_agent_are_reported(self, target, make_run):
        handle = target.launch(make_run("import time\ntime.sleep(3)"))
        name = handle.reference.rpartition("/")[2]
        for step, value in enumerate([0.5, 0.25]):
            url = (
                f"{target._services}/mlflow/v2.0{target._workspace}/api/2.0/mlflow/runs/log-metric"
            )
            body = {"run_id": name, "key": "loss", "value": value, "timestamp": 1, "step": step}
            assert target._client.send("POST", url, body=body).ok
        metrics = [each for each in self.events(target, handle) if each.kind == "metric"]
        assert [each.data["value"] for each in metrics if each.data["key"] == "loss"] == [0.5, 0.25]

    def test_a_run_is_live_until_its_job_says_that_it_has_ended(self, target, make_run):
        handle = target.launch(make_run("print(1)"))
        self.ended(target, handle)
        real = target._client
        target._client = Behind(real, handle.reference)
        behind = poll(target, handle)
        target._client = real
        ended = poll(target, handle, behind.cursor)
        states = [
            [each.data["state"] for each in status.events if each.kind == "state"]
            for status in (behind, ended)
        ]
        assert (behind.state.final, ended.state) == (False, RunState.COMPLETED)
        assert "Running" in states[0]
        assert "Completed" not in states[0]
        assert states[1] == ["Completed"]

    def test_an_environment_is_prepared_by_registering_it(self, target, workspace):
        environment = EnvironmentSpec("pip", requirements="six==1.16.0\n")
        first, again = target.prepare(environment), target.prepare(environment)
        assert (first.reused, again.reused) == (False, True)
        assert first.id == f"{workspace}/environments/{environment_name(environment)}/versions/1"
        assert "six==1.16.0" in target._get(first.id)["properties"]["condaFile"]
        assert "no node was started" in first.says

    def test_the_context_of_an_image_is_uploaded(self, target, workspace):
        image = ImageSpec(dockerfile="FROM base\n")
        environment = EnvironmentSpec("conda", conda="dependencies: [six]", image=image)
        target.prepare(environment)
        context = environment_context(environment)
        with target._container("workspaceblobstore") as container:
            blob = container.get_blob_client(f"LocalUpload/{context.digest}/Dockerfile")
            assert blob.download_blob().readall() == context.files["Dockerfile"]
        path = f"{workspace}/environments/{environment_name(environment)}/versions/1"
        build = target._get(path)["properties"]["build"]
        assert build["contextUri"].endswith(f"/LocalUpload/{context.digest}/")

    def test_a_run_after_a_change_has_the_files_that_were_not_sent_again(self, target, make_run):
        files = {f"data/part{number}.txt": f"part {number}" for number in range(12)}
        for change in ("first", "second"):
            files |= {"data/part0.txt": change, "empty.txt": ""}
            handle = target.launch(make_run(READS, files=files))
            self.ended(target, handle)
            assert self.log(target, handle).split("\n")[:-1] == sorted([*files.values()])

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
