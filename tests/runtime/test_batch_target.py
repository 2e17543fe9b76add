"""Runs on an Azure Batch account keep the contract, over the local cloud's and the real client."""

import json
import os
import signal
import ssl
from contextlib import closing
from dataclasses import replace

import httpx
import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential

from aml_platform import AzureBatchStep, Dataset, Experiment, Pipeline, PipelineData
from aml_platform import Workspace as AmlWorkspace
from infra.arm.client import Client, local_client, local_endpoint
from infra.arm.credentials import local_credential
from runtime.agent.assets.datastore import Datastore
from runtime.cli.root import run as aml
from runtime.definitions.pipeline_yaml import read_pipeline_yaml
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution, RetryPolicy
from runtime.model.services import BatchOptions
from runtime.model.states import RunState
from runtime.targets.batch import BatchTarget
from runtime.targets.batch_account import BatchAccount
from runtime.targets.run_places import Workspace
from runtime.targets.workspace_transport import WorkspaceTransport
from runtime.testing.targets import MirroringContract, TargetContract, a_run, poll
from tests.localcloud.harness import SUB, connect, make_workspace, waited

GROUP = f"{SUB}/resourceGroups/batch-runs"
ACCOUNT = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/runs"
HERE = {"location": "westeurope"}


@pytest.fixture(scope="session")
def workspace(aml_home, local_cloud):
    """The id of a workspace beside a Batch account."""
    with connect(aml_home) as cloud:
        made = make_workspace(cloud.arm, GROUP)
        assert cloud.arm("PUT", ACCOUNT, HERE).is_success
        waited(
            lambda: cloud.arm("GET", ACCOUNT).json()["properties"].get("provisioningState"),
            lambda state: state in (None, "Succeeded"),
        )
    return made


@pytest.fixture
def make_target(aml_home, workspace, tmp_path):
    return lambda: BatchTarget(
        "cloud-nodes",
        aml_home,
        cloud="local",
        account=ACCOUNT,
        workspace=workspace,
        manifest=tmp_path / "manifest.json",
        stack="dev",
    )


class TestBatchTarget(TargetContract, MirroringContract):
    @pytest.fixture
    def make_target(self, make_target):
        return make_target


RESTARTS = """
import os, time
print("attempt", os.environ["AML_ATTEMPT"], flush=True)
open("outputs/model.txt", "w").write("weights")
if os.environ["AML_ATTEMPT"] == "1":
    time.sleep(600)
"""
RANKS = """
import os, socket, time
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
if rank == 0:
    with socket.create_server(address) as server:
        link, _ = server.accept()
        print("heard", link.recv(100).decode(), "of", size, flush=True)
else:
    for _ in range(200):
        try:
            link = socket.create_connection(address)
        except OSError:
            time.sleep(0.05)
            continue
        link.sendall(f"rank {rank}".encode())
        break
open(f"outputs/rank{rank}.txt", "w").write(os.environ["AZ_BATCH_NODE_ID"])
"""
READS = """
import os, pathlib, sys
def at(name):
    return pathlib.Path(os.environ[f"AZUREML_DATAREFERENCE_{name}"])
print((at("numbers") / "numbers.txt").read_text())
(at("made") / "result.txt").write_text("42")
print(sys.prefix != sys.base_prefix, os.environ["VIRTUAL_ENV"] == sys.prefix)
print("to the task's stderr", file=sys.stderr)
"""


@pytest.fixture
def target(make_target):
    return make_target()


@pytest.fixture(scope="session")
def client(aml_home, workspace):
    """The account's own client."""
    with connect(aml_home) as cloud:
        found = cloud.arm("GET", ACCOUNT).json()
        keys = cloud.arm("POST", f"{ACCOUNT}/listKeys").json()
        credential = AzureNamedKeyCredential("runs", keys["primary"])
        endpoint = f"https://{found['properties']['accountEndpoint']}"
        with BatchClient(endpoint, credential, connection_verify=str(cloud.ca)) as made:
            yield made


@pytest.fixture
def make_pool(client):
    """Return a function that makes a pool, deleted with its nodes at the end of the test."""
    made = []

    def make(name, **counts):
        image = {"publisher": "canonical", "offer": "ubuntu-24_04-lts", "sku": "server"}
        machine = {"imageReference": image, "nodeAgentSKUId": "batch.node.ubuntu 24.04"}
        pool = {"id": name, "vmSize": "standard_d2_v3", "virtualMachineConfiguration": machine}
        client.create_pool(models.BatchPoolCreateOptions({**pool, **counts}))
        made.append(name)
        return name

    yield make
    for name in made:
        client.begin_delete_pool(name)


def with_options(run, options, **changes):
    return replace(run, spec=replace(run.spec, batch=options, **changes))


def log_of(target, handle, name="user_logs/std_log.txt"):
    return "".join(c.text for c in target.logs(handle, {}) if c.name == name)


def states_of(target, handle):
    """The states of a run and their reasons, in the order of their times."""
    events = [event for event in poll(target, handle).events if event.kind == "state"]
    return [(event.data["state"], event.data.get("reason", "")) for event in events]


def ended(target, handles, seconds=120):
    waited(lambda: all(poll(target, each).state.final for each in handles), seconds=seconds)
    return [poll(target, each) for each in handles]


def lose_the_node(client, pool):
    """Have the node leave on which a task runs, as one that failed or was evicted does."""
    (busy,) = [node.id for node in client.list_nodes(pool) if node.state == "running"]
    client.begin_remove_nodes(pool, models.BatchNodeRemoveOptions({"nodeList": [busy]}))
    return busy


def test_a_lost_node_fails_the_run_unless_another_attempt_is_asked_for(
    target, client, make_pool, tmp_path
):
    again = RetryPolicy(1, events=("lost",))
    cases = [("lost", "Dedicated", {}), ("again", "Dedicated", {"retry": again})]
    cases += [("evicted", "LowPriority", {})]
    handles, nodes = [], []
    for name, kind, changes in cases:
        options = BatchOptions(make_pool(name, **{f"target{kind}Nodes": 2}))
        run = with_options(a_run(tmp_path, RESTARTS), options, **changes)
        handles.append(target.launch(run))
    for (name, *_), handle in zip(cases, handles, strict=True):
        waited(lambda h=handle: poll(target, h) and "attempt 1" in log_of(target, h), seconds=90)
        nodes.append(lose_the_node(client, name))
    lost, restarted, evicted = ended(target, handles)
    assert lost.state is RunState.FAILED
    assert f"The node {nodes[0]} was lost" in lost.error
    assert log_of(target, handles[0]) == "attempt 1\n"
    for status, handle, node in zip((restarted, evicted), handles[1:], nodes[1:], strict=True):
        assert status.state is RunState.COMPLETED
        assert log_of(target, handle) == "attempt 1\nattempt 2\n"
        states = states_of(target, handle)
        assert ("Queued", f"The node {node} was taken away") in states
        assert [state for state, _ in states].count("Running") == 2
        work = target.folder(handle.reference).work
        assert (work / "outputs" / "model.txt").read_text() == "weights"


def test_several_nodes_of_a_pool_made_for_the_run(target, client, tmp_path):
    spec = {"node_count": 2, "distribution": Distribution("pytorch")}
    run = with_options(a_run(tmp_path, RANKS), BatchOptions(keep_job=True), **spec)
    handle = target.launch(run)
    (status,) = ended(target, [handle])
    assert status.state is RunState.COMPLETED, status.error
    assert log_of(target, handle, "user_logs/std_log_process_0.txt") == "heard rank 1 of 2\n"
    outputs = target.folder(handle.reference).work / "outputs"
    nodes = {(outputs / f"rank{rank}.txt").read_text() for rank in (0, 1)}
    assert len(nodes) == 2
    job = client.get_job(run.run_id)
    waited(lambda: client.get_job(run.run_id).state == "completed")
    assert job.execution_info.pool_id not in [pool.id for pool in client.list_pools()]
    client.begin_delete_job(run.run_id)


def test_an_environment_is_built_and_data_comes_and_goes(
    target, client, workspace, aml_home, tmp_path
):
    data = tmp_path / "data"
    data.mkdir()
    (data / "numbers.txt").write_text("1 2 3")
    run = a_run(
        tmp_path,
        READS,
        environment=EnvironmentSpec("pip", requirements=""),
        inputs=(DataInput("numbers", DataLocation("local", str(data))),),
        outputs=(DataOutput("made", DataLocation("local", str(tmp_path / "made"))),),
    )
    handle = target.launch(run)
    (status,) = ended(target, [handle])
    assert status.state is RunState.COMPLETED, status.error
    assert log_of(target, handle) == "1 2 3\nTrue True\nto the task's stderr\n"
    assert (tmp_path / "made" / "result.txt").read_text() == "42"
    assert "requested" in log_of(target, handle, "azureml-logs/20_image_build_log.txt")
    assert run.run_id not in [job.id for job in client.list_jobs()]
    with closing(WorkspaceTransport(local_client(aml_home), workspace)) as transport:
        blobs = Datastore(Workspace(transport)).container()
        assert list(blobs.list(f"aml-runs/{run.run_id}/")) == []


def test_a_killed_carrier_is_followed_by_another(target, make_pool, tmp_path):
    pool = make_pool("carried", targetDedicatedNodes=1)
    counts = "import time\nfor n in range(300):\n    print(n, flush=True)\n    time.sleep(0.03)\n"
    handle = target.launch(with_options(a_run(tmp_path, counts), BatchOptions(pool)))
    folder = target.folder(handle.reference)
    waited(lambda: poll(target, handle) and len(log_of(target, handle).split()) > 20, seconds=60)
    os.kill(int(folder.process_file.read_text()), signal.SIGKILL)
    (status,) = ended(target, [handle])
    assert status.state is RunState.COMPLETED, status.error
    assert log_of(target, handle).split() == [str(number) for number in range(300)]


def test_a_run_goes_on_while_azure_refuses_to_show_its_account(
    target, make_pool, aml_home, tmp_path
):
    pool = make_pool("hidden", targetDedicatedNodes=1)
    counts = "import time\nfor n in range(100):\n    print(n, flush=True)\n    time.sleep(0.03)\n"
    handle = target.launch(with_options(a_run(tmp_path, counts), BatchOptions(pool)))
    waited(lambda: poll(target, handle) and log_of(target, handle), seconds=60)
    refusals = {
        "type": "Microsoft.Batch/batchAccounts", "method": "GET", "status": 403,
        "code": "AuthorizationFailed", "message": "Not now.", "times": 2,
    }  # fmt: skip
    with connect(aml_home) as cloud:
        assert cloud.http.post("/aml/fault-injection", json={"failures": [refusals]}).is_success
    os.kill(int(target.folder(handle.reference).process_file.read_text()), signal.SIGKILL)
    (status,) = ended(target, [handle])
    assert status.state is RunState.COMPLETED, status.error
    assert log_of(target, handle).split() == [str(number) for number in range(100)]
    with connect(aml_home) as cloud:
        assert cloud.http.get("/aml/fault-injection").json()["failures"] == []


def test_a_run_is_followed_with_the_new_key_of_its_account(aml_home, workspace, tmp_path):
    account = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/rotated"
    target = BatchTarget(
        "rotated",
        aml_home,
        cloud="local",
        account=account,
        workspace=workspace,
        manifest=tmp_path / "manifest.json",
        stack="dev",
    )
    go_on = tmp_path / "go-on"
    script = (
        "import os, time\nprint('began', flush=True)\n"
        f"while not os.path.exists({str(go_on)!r}):\n    time.sleep(0.1)\nprint('done')\n"
    )
    with connect(aml_home) as cloud:
        assert cloud.arm("PUT", account, HERE).is_success
        handle = target.launch(a_run(tmp_path, script))
        waited(lambda: poll(target, handle) and log_of(target, handle), seconds=60)
        changed = cloud.arm("POST", f"{account}/regenerateKeys", {"keyName": "Primary"})
        assert changed.is_success
        waited(lambda: poll(target, handle).state is RunState.NOT_RESPONDING, seconds=60)
        go_on.touch()
        (status,) = ended(target, [handle])
        assert cloud.arm("DELETE", account).is_success
    assert status.state is RunState.COMPLETED, status.error
    assert log_of(target, handle).split() == ["began", "done"]


def test_what_never_starts_says_why(target, make_pool, tmp_path):
    empty = make_pool("empty", targetDedicatedNodes=0)
    handles = [
        target.launch(with_options(a_run(tmp_path, "print(1)"), options, **changes))
        for options, changes in (
            (BatchOptions("emty"), {}),
            (BatchOptions(image="MicrosoftWindowsServer:WindowsServer:2022-Datacenter"), {}),
            (BatchOptions(image="canonical:ubuntu:old"), {}),
            (BatchOptions(nodes=101), {}),
            (BatchOptions(empty), {"queue_timeout_s": 1}),
            (BatchOptions(empty), {}),
        )
    ]
    queued = handles.pop()
    waited(lambda: poll(target, queued).state is RunState.PROVISIONING, seconds=60)
    assert ("Provisioning", "Pool empty has 0 of 1 node(s)") in states_of(target, queued)
    target.cancel(queued)
    absent, windows, unknown, large, waiting, canceled = ended(target, [*handles, queued])
    assert "no pool 'emty'" in absent.error
    assert "empty" in absent.error
    assert "Linux" in windows.error
    assert "canonical:ubuntu-24_04-lts:server" in unknown.error
    assert "has at most 100 nodes. (PropertyValue: 101)\n" in large.error
    assert waiting.state is RunState.FAILED
    assert "within 1 s" in waiting.error
    assert canceled.state is RunState.CANCELED


COUNTS_WORDS = '#!/bin/sh\nwc -w <"$1" | tr -d " " >"$2/count.txt"\necho counted\nexit $3\n'
YAML = """
pipeline:
  name: words
  default_compute: nodes
  steps:
    count:
      type: AzureBatchStep
      executable: fails.sh
      create_pool: true
      pool_id: words
      delete_batch_pool_after_finish: true
      is_positive_exit_code_failure: false
"""


@pytest.fixture
def project(aml_home, workspace, tmp_path, monkeypatch):
    """A stack whose target `nodes` is the account; the working folder is its own."""
    found = {"kind": "batch", "id": f"{workspace}/computes/nodes", "resource_id": ACCOUNT}
    manifest = {
        "project": "demo",
        "stack": "local",
        "cloud": "local",
        "workspace": {"id": workspace, "name": "demo", "location": "westeurope"},
        "targets": {"nodes": found},
    }
    (aml_home / "manifests").mkdir(exist_ok=True)
    (aml_home / "manifests" / "local.json").write_text(json.dumps(manifest))
    monkeypatch.setenv("AML_HOME", str(aml_home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_step_for_azure_batch_runs_its_executable_there(project, client):
    program = project / "count.sh"
    program.write_text(COUNTS_WORDS)
    program.chmod(0o755)
    words = project / "words.txt"
    words.write_text("one two three")
    given = Dataset.File.from_files(str(words), validate=False).as_named_input("words").as_mount()
    made = PipelineData("made")
    step = AzureBatchStep(
        "count",
        create_pool=True,
        executable="count.sh",
        arguments=[given, made, 3],
        outputs=[made],
        source_directory=str(project),
        compute_target="nodes",
        is_positive_exit_code_failure=False,
    )
    run = Experiment(AmlWorkspace.from_config(), "steps").submit(
        Pipeline(AmlWorkspace.from_config(), [step])
    )
    assert run.wait_for_completion(show_output=False) == "Finished"
    (child,) = run.get_steps()
    assert "aml.batch.job" in child.properties
    assert [pool.id for pool in client.list_pools() if pool.id.startswith("steps")] == []


def test_a_step_in_a_file_makes_its_pool_and_deletes_it(project, client):
    program = project / "fails.sh"
    program.write_text("#!/bin/sh\necho said\nexit 9\n")
    program.chmod(0o755)
    file = project / "pipeline.yml"
    file.write_text(YAML)
    (step,) = read_pipeline_yaml(file)[0].steps
    assert step.run.batch == BatchOptions("words", create_pool=True, delete_pool=True)
    assert step.run.command == "bash -c ./fails.sh || [ $? -lt 128 ]"
    assert aml(["submit", str(file)]) == 0
    waited(lambda: "words" not in [pool.id for pool in client.list_pools()])


class WithoutKeys(httpx.HTTPTransport):
    """The way to a cloud whose caller may not list keys."""

    def handle_request(self, request):
        if request.url.path.endswith("/listKeys"):
            error = {"error": {"code": "AuthorizationFailed", "message": "no keys"}}
            return httpx.Response(403, json=error)
        return super().handle_request(request)


def test_an_account_that_gives_no_key_is_used_with_the_own_identity(local_cloud, workspace):
    verify = ssl.create_default_context(cafile=str(local_cloud.ca))
    with closing(
        Client(
            local_endpoint(local_cloud),
            local_credential(local_cloud),
            transport=WithoutKeys(verify=verify),
        )
    ) as client:
        assert client.send("POST", f"{ACCOUNT}/listKeys").status == 403
        with closing(BatchAccount(client, ACCOUNT)) as account:
            assert account.pool("absent") is None
