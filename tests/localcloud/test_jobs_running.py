"""Jobs on the nodes of a real daemon: from PUT to the collected files."""

import json
from dataclasses import dataclass
from itertools import count

import pytest
from azure.storage.blob import ContainerClient

from runtime.agent.archive import ARCHIVE_NAME, agent_archive
from runtime.model.states import RunState
from tests.localcloud.harness import IMAGE, alive, waited
from tests.runtime.mpi_parts import require_mpirun

STEPS = ["scale up", "environment", "download", "unzip", "run", "collect", "scale down"]
ENDED = {"Completed", "Failed", "Canceled"}
NUMBERS = count()


@dataclass
class Jobs:
    """Submits jobs to one workspace and waits for what becomes of them."""

    cloud: object
    workspace: str

    def put(self, path, body):
        answered = self.cloud.arm("PUT", f"{self.workspace}/{path}", body)
        assert answered.status_code < 300, answered.text
        return answered.json()

    def cluster(self, name, *, idle="PT60S", **inner) -> str:
        """Create a cluster; by default its nodes stay for the next test, as booting takes time."""
        scale = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": idle}
        inner = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale, **inner}
        properties = {"computeType": "AmlCompute", "properties": inner}
        return self.put(f"computes/{name}", {"location": "westeurope", "properties": properties})[
            "id"
        ]

    def submit(self, command, **properties) -> str:
        name = f"job-{next(NUMBERS)}"
        given = {"computeId": "cpu", "environmentId": "azureml:bare:1", **properties}
        self.put(f"jobs/{name}", {"properties": {"jobType": "Command", "command": command} | given})
        return name

    def status(self, name) -> str:
        found = self.cloud.arm("GET", f"{self.workspace}/jobs/{name}")
        return found.json()["properties"]["status"]

    def until(self, name, states) -> str:
        return waited(lambda: self.status(name), lambda status: status in states)

    def run(self, command, **properties) -> str:
        name = self.submit(command, **properties)
        self.until(name, ENDED)
        return name

    def events(self, name):
        return self.history(f"runs/{name}/events").json()

    def history(self, path):
        return self.cloud.http.get(f"/history/v1.0{self.workspace}/{path}")

    def details(self, name):
        return self.history(f"runs/{name}/details").json()

    def log(self, name, log="user_logs/std_log.txt") -> str:
        url = self.details(name)["logFiles"][log]
        return self.cloud.http.get(url, headers={"authorization": ""}).text

    def steps(self, name):
        return [e["data"]["step"] for e in self.events(name) if e["kind"] == "step"]

    def states(self, name):
        return [e["data"]["state"] for e in self.events(name) if e["kind"] == "state"]

    def artifacts(self, name):
        return {e["data"]["path"] for e in self.events(name) if e["kind"] == "artifact"}

    def code(self, name, files) -> str:
        """Upload a code asset as clients do; return its reference."""
        pending = self.cloud.arm(
            "POST", f"{self.workspace}/codes/{name}/versions/1/startPendingUpload", {}
        ).json()["blobReferenceForConsumption"]
        url = pending["credential"]["sasUri"]
        with ContainerClient.from_container_url(
            url, connection_verify=str(self.cloud.ca)
        ) as container:
            for path, content in files.items():
                container.upload_blob(f"{name}/{path}", content)
        uri = f"{pending['blobUri']}/{name}"
        self.put(f"codes/{name}/versions/1", {"properties": {"codeUri": uri}})
        return f"azureml:{name}:1"


@pytest.fixture(scope="module")
def jobs(cloud, workspace) -> Jobs:
    jobs = Jobs(cloud, workspace)
    jobs.cluster("cpu")
    jobs.put("environments/bare/versions/1", {"properties": {"image": IMAGE}})
    return jobs


def test_a_job_from_code_to_outputs(jobs) -> None:
    files = {
        "train.py": "import pathlib, sys; print(*sys.argv[1:]);"
        "pathlib.Path('outputs/model.txt').write_text('model')",
        "lib/data.txt": "1",
    }
    code = jobs.code("whole", files)
    jobs.cluster("fresh")  # without nodes, so that one is provisioned
    name = jobs.run(
        "python train.py --alpha 0.1 && ls lib",
        codeId=code, experimentName="exp", computeId="fresh",
    )  # fmt: skip
    assert jobs.states(name) == [
        "NotStarted", "Starting", "Queued", "Provisioning", "Preparing", "Running", "Finalizing",
        "Completed",
    ]  # fmt: skip
    waited(lambda: jobs.steps(name), lambda steps: steps == STEPS)
    assert jobs.log(name) == "--alpha 0.1\ndata.txt\n"
    assert jobs.artifacts(name) == {
        "outputs/model.txt",
        "user_logs/std_log.txt",
        "azureml-logs/20_image_build_log.txt",
    }


def test_states_follow_the_table(jobs) -> None:
    name = jobs.run("true")
    states = [RunState(state) for state in jobs.states(name)]
    assert states[-1] is RunState.COMPLETED
    assert len(set(states)) == len(states)


def test_a_failing_command_reports_its_exit_code_and_last_lines(jobs) -> None:
    name = jobs.run("echo before; echo oh no >&2; mkdir -p outputs; touch outputs/left; exit 3")
    error = jobs.details(name)["error"]["error"]["message"]
    assert jobs.status(name) == "Failed"
    assert error == "The command failed with exit code 3. Its last lines:\nbefore\noh no"
    assert "outputs/left" in jobs.artifacts(name)


def test_a_log_can_be_read_while_it_grows(jobs) -> None:
    name = jobs.submit("mkdir -p logs; echo one | tee logs/own.txt; sleep 30")
    waited(lambda: "logs/own.txt" in jobs.details(name)["logFiles"], bool)
    assert waited(lambda: jobs.log(name), bool) == "one\n"
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(name, ENDED) == "Canceled"
    assert jobs.log(name, "logs/own.txt") == "one\n"


def test_cancel_ends_the_command_and_its_children(jobs, tmp_path) -> None:
    written = tmp_path / "pid"
    written.touch()
    name = jobs.submit(f"(echo $BASHPID > {written}; while true; do sleep 0.1; done) & wait")
    child = int(waited(written.read_text))
    assert alive(child)
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(name, ENDED) == "Canceled"
    assert jobs.states(name)[-3:] == ["CancelRequested", "Finalizing", "Canceled"]
    waited(lambda: not alive(child))


def test_a_queued_job_is_canceled_at_once(jobs) -> None:
    busy = [jobs.submit("sleep 30") for _ in range(2)]
    for name in busy:
        jobs.until(name, {"Running"})
    waiting = jobs.submit("true")
    jobs.until(waiting, {"Queued"})
    for name in (waiting, *busy):
        jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(waiting, ENDED) == "Canceled"
    assert "run" not in jobs.steps(waiting)
    for name in busy:
        jobs.until(name, ENDED)


def test_a_time_limit_ends_the_command(jobs) -> None:
    name = jobs.run("sleep 30", limits={"jobLimitsType": "Command", "timeout": "PT0.3S"})
    assert jobs.status(name) == "Failed"
    assert "longer than its limit of 0.3 s" in jobs.details(name)["error"]["error"]["message"]


def test_an_environment_that_cannot_be_built(jobs) -> None:
    conda = "dependencies:\n  - python=3.11\n  - no-such-package-of-conda\n"
    jobs.put("environments/broken/versions/1", {"properties": {"condaFile": conda}})
    name = jobs.run("true", environmentId="azureml:broken:1")
    assert jobs.status(name) == "Failed"
    assert "no-such-package-of-conda" in jobs.details(name)["error"]["error"]["message"]
    assert "no-such-package" in jobs.log(name, "azureml-logs/20_image_build_log.txt")
    assert "run" not in jobs.steps(name)


def test_the_second_job_reuses_the_environment(jobs) -> None:
    conda = "# made here\nname: {}\ndependencies:\n  - python>=3.11\n"
    for version in (1, 2):  # the name does not count
        body = {"properties": {"condaFile": conda.format(f"n{version}")}}
        jobs.put(f"environments/empty/versions/{version}", body)
    found = []
    for version in (1, 2):
        name = jobs.run(
            "python -c 'import sys; print(sys.prefix != sys.base_prefix)'",
            environmentId=f"azureml:empty:{version}",
        )
        assert (jobs.status(name), jobs.log(name)) == ("Completed", "True\n")
        step = next(e["data"] for e in jobs.events(name) if e["data"].get("step") == "environment")
        found.append((step["reused"], step["hash"]))
    assert [reused for reused, _ in found] == [False, True]
    assert found[0][1] == found[1][1]


def test_a_script_sees_its_run_and_none_of_the_daemons_secrets(jobs) -> None:
    name = jobs.run("env", environmentVariables={"MINE": "x"}, experimentName="seen")
    seen = dict(line.split("=", 1) for line in jobs.log(name).splitlines() if "=" in line)
    assert seen["AZUREML_RUN_ID"] == seen["MLFLOW_RUN_ID"] == name
    assert seen["MLFLOW_TRACKING_URI"].startswith("https://")
    assert (seen["MINE"], seen["AZUREML_ARM_PROJECT_NAME"]) == ("x", "seen")
    assert not [key for key in seen if key.startswith(("PYTEST_", "AML_"))]


def test_inputs_and_outputs(jobs, workspace) -> None:
    made = jobs.run(
        "echo data > ${{outputs.made}}/file.txt; echo ${{inputs.word}}",
        inputs={"word": {"jobInputType": "literal", "value": "hello"}},
        outputs={"made": {"jobOutputType": "uri_folder"}},
    )
    assert jobs.log(made) == "hello\n"
    uri = f"azureml://datastores/workspaceblobstore/paths/azureml/{made}/made/"
    used = jobs.run(
        "cat ${{inputs.folder}}/file.txt ${{inputs.file}}",
        inputs={
            "folder": {"jobInputType": "uri_folder", "uri": uri},
            "file": {"jobInputType": "uri_file", "uri": f"{uri}file.txt"},
        },
    )
    assert jobs.log(used) == "data\ndata\n"


def test_a_missing_input_fails_the_job(jobs) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/nothing/here"
    name = jobs.run("true", inputs={"x": {"jobInputType": "uri_folder", "uri": uri}})
    assert jobs.status(name) == "Failed"
    assert "nothing at" in jobs.details(name)["error"]["error"]["message"]


def test_a_data_asset_is_an_input(jobs) -> None:
    made = jobs.run(
        "echo asset > ${{outputs.made}}/file.txt", outputs={"made": {"jobOutputType": "uri_folder"}}
    )
    uri = f"azureml://datastores/workspaceblobstore/paths/azureml/{made}/made/"
    for name, form, path in (("folder", "uri_folder", ""), ("file", "uri_file", "file.txt")):
        asset = {"dataType": form, "dataUri": uri + path}
        jobs.put(f"data/{name}-asset/versions/1", {"properties": asset})
    used = jobs.run(
        "cat ${{inputs.folder}}/file.txt ${{inputs.file}}; echo ${{inputs.where}}",
        inputs={
            "folder": {"jobInputType": "uri_folder", "uri": "azureml:folder-asset:1"},
            "file": {"jobInputType": "uri_file", "uri": "azureml:file-asset@latest"},
            "where": {
                "jobInputType": "uri_folder", "uri": "azureml:folder-asset:1", "mode": "Direct",
            },
        },
    )  # fmt: skip
    assert jobs.log(used) == f"asset\nasset\n{uri}\n"


def test_a_named_output_is_registered_when_the_job_completes(jobs) -> None:
    outputs = {
        "table": {"jobOutputType": "uri_file", "assetName": "made-table"},
        "folder": {"jobOutputType": "uri_folder", "assetName": "made-folder", "assetVersion": "7"},
        "model": {"jobOutputType": "custom_model", "assetName": "made-model"},
    }
    writes = (
        "echo 1 > ${{outputs.table}}; echo 2 > ${{outputs.folder}}/f; echo 3 > ${{outputs.model}}/m"
    )
    name = jobs.run(writes, outputs=outputs)
    assert jobs.status(name) == "Completed", jobs.details(name)
    reads = {
        "table": {"jobInputType": "uri_file", "uri": "azureml:made-table:1"},
        "folder": {"jobInputType": "uri_folder", "uri": "azureml:made-folder@latest"},
        "model": {"jobInputType": "custom_model", "uri": "azureml:made-model:1"},
    }
    read = jobs.run("cat ${{inputs.table}} ${{inputs.folder}}/f ${{inputs.model}}/m", inputs=reads)
    assert jobs.log(read) == "1\n2\n3\n"
    shown = jobs.cloud.arm("GET", f"{jobs.workspace}/data/made-folder/versions/7").json()
    assert shown["properties"]["dataType"] == "uri_folder"
    assert shown["properties"]["dataUri"].startswith("azureml://subscriptions/")
    again = jobs.run(writes, outputs={**outputs, "folder": {"jobOutputType": "uri_folder"}})
    assert jobs.status(again) == "Completed"
    table = jobs.cloud.arm("GET", f"{jobs.workspace}/data/made-table").json()
    assert table["properties"]["latestVersion"] == "2"


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("exit 1", "exit code 1"),
        ("true", "The command wrote no output 'table', so nothing was registered."),
    ],
)
def test_a_failed_job_registers_nothing(jobs, command, reason) -> None:
    name = jobs.run(
        command, outputs={"table": {"jobOutputType": "uri_file", "assetName": "never-made"}}
    )
    assert jobs.status(name) == "Failed"
    assert reason in jobs.details(name)["error"]["error"]["message"]
    gone = jobs.cloud.arm("GET", f"{jobs.workspace}/data/never-made/versions/1")
    assert gone.status_code == 404


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({}, "go\n"),
        ({"opt": None}, "go\n"),
        ({"opt": {"jobInputType": "literal", "value": "3"}}, "go --opt 3\n"),
    ],
)
def test_an_optional_part_is_left_out_without_a_value(jobs, inputs, said) -> None:
    name = jobs.run("echo go $[[ --opt ${{inputs.opt}} ]]", inputs=inputs)
    assert jobs.log(name) == said


def test_two_nodes_run_the_command_in_parallel(jobs) -> None:
    name = jobs.run("echo rank $NODE_RANK of $WORLD_SIZE", resources={"instanceCount": 2})
    logs = [jobs.log(name, f"user_logs/std_log_process_{rank}.txt") for rank in range(2)]
    assert logs == ["rank 0 of 2\n", "rank 1 of 2\n"]


def test_nodes_come_and_go(jobs) -> None:
    brief = jobs.cluster("brief", idle="PT0S")

    def counts():
        inner = jobs.cloud.arm("GET", brief).json()["properties"]["properties"]
        return inner["currentNodeCount"], inner["nodeStateCounts"]["runningNodeCount"]

    name = jobs.submit("sleep 60", computeId="brief")
    jobs.until(name, {"Running"})
    assert counts()[1] >= 1
    listed = jobs.cloud.arm("POST", f"{brief}/listNodes").json()["nodes"]
    assert name in [n["runId"] for n in listed if n["nodeState"] == "running"]
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    jobs.until(name, {"Canceled"})
    waited(counts, lambda found: found == (0, 0))
    nodes = [e["data"]["state"] for e in jobs.events(name) if e["kind"] == "node"]
    assert nodes[-2:] == ["leaving", "removed"]


def test_what_a_job_logs_with_mlflow_is_its_run(jobs) -> None:
    script = "import mlflow; mlflow.log_metric('m', 2); mlflow.log_text('x', 'note.txt')"
    name = jobs.run(f'python -W ignore -c "{script}"', experimentName="tracked")
    assert jobs.status(name) == "Completed", jobs.log(name)
    base = f"/mlflow/v2.0{jobs.workspace}/api/2.0/mlflow"
    run = jobs.cloud.http.get(f"{base}/runs/get", params={"run_id": name}).json()["run"]
    files = jobs.cloud.http.get(f"{base}/artifacts/list", params={"run_id": name}).json()["files"]
    assert run["info"]["status"] == "FINISHED"
    assert [(m["key"], m["value"]) for m in run["data"]["metrics"]] == [("m", 2.0)]
    assert {"note.txt", "user_logs"} <= {entry["path"] for entry in files}
    assert jobs.details(name)["experimentName"] == "tracked"


def test_deleting_a_compute_fails_its_jobs(jobs) -> None:
    doomed = jobs.cluster("doomed", scaleSettings={"maxNodeCount": 1})
    running, waiting = (jobs.submit("sleep 30", computeId="doomed") for _ in range(2))
    jobs.until(running, {"Running"})
    assert jobs.cloud.arm("DELETE", doomed, underlyingResourceAction="Delete").status_code < 300
    for name in (running, waiting):
        assert jobs.until(name, ENDED) == "Failed"
        assert "compute was deleted" in jobs.details(name)["error"]["error"]["message"]


def test_a_low_priority_node_is_evicted_on_demand(jobs) -> None:
    cheap = jobs.cluster("cheap", vmPriority="LowPriority")
    name = jobs.submit("sleep 30", computeId="cheap")
    jobs.until(name, {"Running"})
    for compute, evicted in ((cheap, ["node-0"]), (f"{jobs.workspace}/computes/cpu", [])):
        answered = jobs.cloud.http.post("/aml/evict", json={"compute": compute})
        assert answered.json() == {"evicted": evicted}
    waited(lambda: jobs.states(name), lambda states: states.count("Running") == 2)
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(name, ENDED) == "Canceled"


def test_the_agent_supervises_a_script(jobs, tmp_path) -> None:
    written = tmp_path / "pid"
    written.touch()
    script = (
        "import os, pathlib, time\n"
        f"pathlib.Path({str(written)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(60)"
    )
    code = jobs.code("supervised", {"train.py": script, ARCHIVE_NAME: agent_archive()})
    name = jobs.submit(f"python {ARCHIVE_NAME} run -- python train.py", codeId=code)
    child = int(waited(written.read_text))
    jobs.cloud.arm("POST", f"{jobs.workspace}/jobs/{name}/cancel")
    assert jobs.until(name, ENDED) == "Canceled"
    waited(lambda: not alive(child))
    events = jobs.log(name, "logs/azureml/aml_events.jsonl").splitlines()
    assert json.loads(events[-1])["data"]["state"] == "Canceled"


def test_a_compute_instance_runs_jobs_too(jobs) -> None:
    inner = {"vmSize": "STANDARD_DS3_V2"}
    properties = {"computeType": "ComputeInstance", "properties": inner}
    jobs.put("computes/notebook-box", {"location": "westeurope", "properties": properties})
    name = jobs.run("echo here", computeId="notebook-box")
    assert (jobs.status(name), jobs.log(name)) == ("Completed", "here\n")


def test_the_service_starts_several_processes_on_each_node(jobs) -> None:
    name = jobs.run(
        "echo rank $RANK local $LOCAL_RANK node $NODE_RANK of $AZUREML_NODE_COUNT; pwd >wd$RANK",
        resources={"instanceCount": 2},
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
    )
    assert jobs.status(name) == "Completed", jobs.details(name)
    logs = [jobs.log(name, f"user_logs/std_log_process_{rank}.txt") for rank in range(4)]
    assert logs == [f"rank {n} local {n % 2} node {n // 2} of 2\n" for n in range(4)]


def test_parameter_servers_end_with_the_workers_of_a_job(jobs) -> None:
    name = jobs.run(
        'case "$TF_CONFIG" in *\'"type": "ps"\'*) sleep 100;; *) echo worker;; esac',
        distribution={
            "distributionType": "TensorFlow",
            "workerCount": 1,
            "parameterServerCount": 1,
        },
    )
    assert jobs.status(name) == "Completed"
    assert jobs.log(name, "user_logs/std_log_process_0.txt") == "worker\n"


def test_the_rank_that_fails_is_the_failure_of_its_job(jobs) -> None:
    name = jobs.run(
        "echo I am $RANK; if [ $RANK = 1 ]; then exit 9; fi; sleep 100",
        distribution={"distributionType": "PyTorch", "processCountPerInstance": 2},
    )
    assert jobs.status(name) == "Failed"
    assert jobs.details(name)["error"]["error"]["message"] == (
        "The command failed in rank 1 with exit code 9. Its last lines:\nI am 1"
    )


@pytest.mark.needs_mpi
def test_mpirun_starts_the_ranks_of_a_job_on_all_its_nodes(jobs) -> None:
    require_mpirun()
    name = jobs.run(
        "echo $OMPI_COMM_WORLD_RANK $OMPI_COMM_WORLD_LOCAL_RANK $OMPI_COMM_WORLD_LOCAL_SIZE"
        " $AZUREML_CR_NODE_RANK $AZ_BATCH_MASTER_NODE $(basename $(dirname $PWD))",
        resources={"instanceCount": 2},
        distribution={"distributionType": "Mpi", "processCountPerInstance": 2},
    )
    assert jobs.status(name) == "Completed", jobs.details(name)
    lines = [jobs.log(name, f"user_logs/std_log_process_{rank}.txt").split() for rank in range(4)]
    assert [line[:5] for line in lines] == [
        [str(n), str(n % 2), "2", str(n // 2), "127.0.0.1:6105"] for n in range(4)
    ]
    assert lines[0][5] == lines[1][5] != lines[2][5]
    failing = "echo I am $OMPI_COMM_WORLD_RANK; [ $OMPI_COMM_WORLD_RANK = 0 ] || exit 7; sleep 100"
    failed = jobs.run(
        failing, distribution={"distributionType": "Mpi", "processCountPerInstance": 2}
    )
    message = jobs.details(failed)["error"]["error"]["message"]
    assert message.startswith("The command failed in rank 1 with exit code 7.")
    assert message.endswith("I am 1")
