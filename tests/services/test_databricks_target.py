"""Runs on Databricks keep the contract: the carrier drives the workspace with databricks-sdk."""

import base64
import io
import json
import os
import signal
import ssl
import zipfile
from dataclasses import replace

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ImportFormat

from infra.contract.errors import UsageError
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.environments import EnvironmentSpec
from runtime.model.services import DatabricksLibraries, DatabricksOptions
from runtime.model.states import RunState
from runtime.snapshots.store import SnapshotStore
from runtime.targets.databricks import DatabricksTarget
from runtime.testing.targets import WAITS, MirroringContract, TargetContract, a_run, poll
from tests.localcloud.harness import waited

PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def bricks(cloud, deployed, tmp_path_factory):
    """A workspace and the file of a token for it."""
    made = deployed("Microsoft.Databricks/workspaces", "target", sku={"name": "premium"})
    url = f"https://{made['properties']['workspaceUrl']}"
    answer = cloud.http.post(f"{url}/api/2.0/token/create", json={"comment": "tests"})
    file = tmp_path_factory.mktemp("keys") / "bricks.token"
    file.write_text(answer.json()["token_value"])
    return made["id"], file


@pytest.fixture
def home(cloud, tmp_path):
    """A project's folder, with the cloud of the session."""
    made = tmp_path / "project" / ".aml"
    made.mkdir(parents=True)
    (made / "cloud").symlink_to(cloud.home / "cloud")
    return made


@pytest.fixture
def make_target(bricks, home):
    resource_id, token = bricks
    return lambda: DatabricksTarget(
        "bricks",
        home,
        resource_id,
        {"access_token": f"file:{token}"},
        cloud="local",
        manifest=home / "manifest.json",
        stack="dev",
    )


class TestDatabricksTarget(TargetContract, MirroringContract):
    patience_s = PATIENCE_S

    @pytest.fixture
    def make_target(self, make_target):
        return make_target


@pytest.fixture
def target(make_target):
    return make_target()


@pytest.fixture(scope="module")
def client(cloud, bricks):
    """The workspace's own client."""
    found = cloud.arm("GET", bricks[0]).json()["properties"]["workspaceUrl"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REQUESTS_CA_BUNDLE", str(cloud.ca))
        config = Config(host=f"https://{found}", token=bricks[1].read_text(), auth_type="pat")
        yield WorkspaceClient(config=config)


def run_of(home, handle):
    return json.loads((home / "runs" / handle.reference / "databricks.json").read_text())["run_id"]


def with_options(run, script=None, command="", **options):
    spec = replace(run.spec, databricks=DatabricksOptions(**options))
    if script is not None:
        spec = replace(spec, script=script, command=command)
    return replace(run, spec=spec)


def finished(target, handle, seconds=PATIENCE_S):
    return waited(lambda: poll(target, handle), lambda status: status.state.final, seconds=seconds)


def output(target, handle):
    chunks = target.logs(handle, {})
    return "".join(each.text for each in chunks if each.name == "user_logs/std_log.txt")


def properties(target, handle):
    events = poll(target, handle).events
    return {e.data["key"]: e.data["value"] for e in events if e.kind == "property"}


def test_a_run_whose_cluster_is_lost_has_failed_for_that_reason(
    target, client, home, tmp_path, cloud
):
    handle = target.launch(a_run(tmp_path, WAITS))
    waited(lambda: output(target, handle), seconds=PATIENCE_S)
    run = client.jobs.get_run(run_of(home, handle))
    client.clusters.delete(run.tasks[0].cluster_instance.cluster_id)
    status = finished(target, handle)
    assert status.state is RunState.FAILED
    assert "CLUSTER_ERROR" in status.error
    assert "cluster was terminated" in status.error
    assert run.run_page_url in status.error
    assert properties(target, handle)["databricks.run_page_url"] == run.run_page_url
    # A browser has no token, and is shown no output.
    page = httpx.get(run.run_page_url, verify=ssl.create_default_context(cafile=str(cloud.ca)))
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    for told in (f"<h1>{run.run_name}</h1>", "FAILED", "cluster was terminated"):
        assert told in page.text
    assert cloud.http.get(f"{run.run_page_url}0").status_code == 404


def test_a_wrong_token_is_named_without_the_settings_of_the_client(bricks, home, tmp_path):
    token = tmp_path / "wrong.token"
    token.write_text("wrong")
    target = DatabricksTarget(
        "bricks",
        home,
        bricks[0],
        {"access_token": f"file:{token}"},
        cloud="local",
        manifest=home / "manifest.json",
        stack="dev",
    )
    error = finished(target, target.launch(a_run(tmp_path, "print('never')"))).error
    assert "rejects the token: Credential was not sent" in error
    assert f"file:{token}" in error
    assert "auth_type" not in error


def test_a_workspace_that_is_not_there_is_named_with_what_to_correct(bricks, home, tmp_path):
    id_ = f"{bricks[0]}-elsewhere"
    target = DatabricksTarget(
        "bricks",
        home,
        id_,
        {"access_token": f"file:{bricks[1]}"},
        cloud="local",
        manifest=home / "manifest.json",
        stack="dev",
    )
    error = finished(target, target.launch(a_run(tmp_path, "print('never')"))).error
    assert f"There is no Databricks workspace {id_}." in error
    assert "Correct `resource_id` in the stack file" in error


def test_a_run_that_databricks_cancels_is_canceled(target, client, home, tmp_path):
    handle = target.launch(a_run(tmp_path, WAITS))
    waited(lambda: output(target, handle), seconds=PATIENCE_S)
    client.jobs.cancel_run(run_of(home, handle))
    assert finished(target, handle).state is RunState.CANCELED


def test_a_killed_carrier_is_followed_by_another_and_nothing_is_left(
    target, client, home, tmp_path
):
    text = "import time\nfor n in range(150):\n    print(n, flush=True)\n    time.sleep(0.05)\n"
    handle = target.launch(a_run(tmp_path, text))
    waited(lambda: len(output(target, handle)) > 20, seconds=PATIENCE_S)
    os.kill(int((home / "runs" / handle.reference / "pid").read_text()), signal.SIGKILL)
    assert finished(target, handle).state is RunState.COMPLETED
    assert output(target, handle).split() == [str(number) for number in range(150)]
    left = client.workspace.list(f"/Users/{client.current_user.me().user_name}/.aml")
    assert [each.path for each in left if each.path.endswith(handle.reference)] == []


def test_a_run_has_libraries_data_and_a_volume(target, client, tmp_path):
    client.volumes.create("main", "default", "runs", VolumeType.MANAGED)
    data = tmp_path / "numbers.txt"
    data.write_text("1 2 3")
    script = """
import os, pathlib, six
print(six.__version__, os.environ["WISH"])
print(pathlib.Path(os.environ["AZUREML_DATAREFERENCE_numbers"]).read_text())
kept = pathlib.Path(os.environ["AZUREML_DATAREFERENCE_kept"])
(kept / "sum.txt").write_text("6")
"""
    run = a_run(
        tmp_path,
        script,
        environment=EnvironmentSpec("pip", requirements="six==1.17.0"),
        variables={"WISH": "granted"},
        inputs=(DataInput("numbers", DataLocation("local", str(data)), "download"),),
        outputs=(DataOutput("kept", DataLocation("local", str(tmp_path / "kept")), "upload"),),
    )
    handle = target.launch(with_options(run, volume="/Volumes/main/default/runs"))
    status = finished(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    assert output(target, handle) == "1.17.0 granted\n1 2 3\n"
    assert (tmp_path / "kept" / "sum.txt").read_text() == "6"
    assert list(client.files.list_directory_contents("/Volumes/main/default/runs/.aml")) == []


def test_a_notebook_runs_with_its_widgets_and_its_output_and_result_come_back(target, tmp_path):
    source = (
        "# Databricks notebook source\nprint('color', dbutils.widgets.get('color'))\n"
        "dbutils.notebook.exit(dbutils.widgets.get('color') * 2)\n"
    )
    cells = {"cells": [{"cell_type": "code", "source": source.splitlines(keepends=True)[1:]}]}
    run = a_run(tmp_path, "", files={"lab.ipynb": json.dumps(cells)})
    options = {"parameters": {"color": "blue"}, "log_path": "dbfs:/logs", "num_workers": 1}
    handle = target.launch(with_options(run, "lab.ipynb", **options))
    status = finished(target, handle)
    assert status.state is RunState.COMPLETED, status.error
    assert output(target, handle) == "color blue\n"
    assert properties(target, handle)["databricks.result"] == "blueblue"


def test_where_the_output_of_a_notebook_is_without_its_log_is_said(target, tmp_path):
    cells = {"cells": [{"cell_type": "code", "source": ["print('red')\n"]}]}
    run = a_run(tmp_path, "", files={"lab.ipynb": json.dumps(cells)})
    handle = target.launch(with_options(run, "lab.ipynb"))
    assert finished(target, handle).state is RunState.COMPLETED
    messages = [e.data["text"] for e in poll(target, handle).events if e.kind == "message"]
    assert any("with `log_path`" in text for text in messages)


def submitted_task(target, client, handle):
    """Return the one task of a run, as Databricks has it."""
    return client.jobs.get_run(int(properties(target, handle)["databricks.run_id"])).tasks[0]


def test_runs_go_to_the_compute_that_they_name(target, client, tmp_path):
    existing = client.clusters.create(spark_version="17.3.x-scala2.13", num_workers=1)
    cluster_id = existing.response.cluster_id
    script = "import six\nprint(six.__version__)\n"
    environment = EnvironmentSpec("pip", requirements="six==1.17.0")
    wanted = (
        {"cluster_id": cluster_id},
        {"serverless": True},
        {"min_workers": 1, "max_workers": 4, "spot": True},
    )
    launched = []
    for number, options in enumerate(wanted):
        run = a_run(tmp_path / str(number), script, environment=environment)
        launched.append(target.launch(with_options(run, **options)))
    for handle in launched:
        status = finished(target, handle)
        assert (status.state, output(target, handle)) == (RunState.COMPLETED, "1.17.0\n"), (
            status.error
        )
    on_it, serverless, growing = (submitted_task(target, client, each) for each in launched)
    assert (on_it.existing_cluster_id, on_it.new_cluster) == (cluster_id, None)
    assert client.clusters.get(cluster_id).state.value == "RUNNING"
    assert (serverless.environment_key, serverless.new_cluster) == ("run", None)
    cluster = growing.new_cluster.as_dict()
    assert cluster["autoscale"] == {"min_workers": 1, "max_workers": 4}
    assert cluster["azure_attributes"] == {
        "availability": "SPOT_WITH_FALLBACK_AZURE",
        "first_on_demand": 1,
    }


def test_files_of_the_workspace_run_in_place_of_a_script(target, client, tmp_path):
    client.workspace.upload(
        "/Shared/task.py", io.BytesIO(b"import sys\nprint(sys.argv[1:])\n"), format=ImportFormat.RAW
    )
    source = (
        b"# Databricks notebook source\ndbutils.notebook.exit(dbutils.widgets.get('a') + '!')\n"
    )
    client.workspace.upload("/Shared/lab.py", io.BytesIO(source), format=ImportFormat.AUTO)
    file = {"python_file": "/Workspace/Shared/task.py", "arguments": ("--x", "1")}
    notebook = {"notebook": "/Shared/lab", "parameters": {"a": "b"}}
    launched = []
    for number, options in enumerate((file, notebook)):
        run = a_run(tmp_path / str(number), "", command=":")
        launched.append(target.launch(with_options(run, "", ":", **options)))
    for handle in launched:
        status = finished(target, handle)
        assert status.state is RunState.COMPLETED, status.error
    assert output(target, launched[0]) == "['--x', '1']\n"
    assert properties(target, launched[1])["databricks.result"] == "b!"


_METADATA = "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n"


def test_a_wheel_runs_its_entry_point_and_fails_with_its_error(target, tmp_path):
    name = "greet-1.0-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("greet.py", "import sys\ndef main():\n    sys.exit(str(sys.argv[1:]))\n")
        archive.writestr("greet-1.0.dist-info/METADATA", _METADATA)
        wheel = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("greet-1.0.dist-info/WHEEL", wheel)
        archive.writestr("greet-1.0.dist-info/RECORD", "")
    run = a_run(tmp_path, "", "--x", "1")
    folder = run.spec.source_directory
    (tmp_path / name).rename(folder / name)
    taken = SnapshotStore(tmp_path / "snapshots").take(folder).snapshot
    run = replace(run, snapshot=taken, command=(name, "--x", "1"))
    handle = target.launch(with_options(run, name, entry_point="main"))
    status = finished(target, handle)
    assert (status.state, status.exit_code) == (RunState.FAILED, 1)
    assert "SystemExit: ['--x', '1']" in status.error
    handle = target.launch(with_options(replace(run, run_id="no_entry"), name, entry_point="no"))
    reason, _, last = finished(target, handle).error.partition(" Its last lines:\n")
    said = "Package greet has neither an entry point nor a function no"
    assert (reason.count(said), last.count(said)) == (1, 1)


def test_options_that_contradict_each_other_are_refused_at_once(target, tmp_path):
    run = a_run(tmp_path, "print('never')")
    options = {"cluster_id": "0-1", "num_workers": 2, "min_workers": 3, "volume": "dbfs:/x"}
    with pytest.raises(UsageError) as refused:
        target.launch(with_options(run, **options))
    assert len(refused.value.detail.splitlines()) == 3
    assert "cluster_id excludes the shape of a new cluster" in refused.value.detail


@pytest.mark.needs_java
@pytest.mark.slow
@pytest.mark.timeout(500)  # the first time, PyPI's Spark is built
def test_a_pyspark_script_runs_in_the_process_that_has_the_session(target, java, tmp_path):
    script = """
import os, sys
from azureml.core import Run
from pyspark.sql import SparkSession
Run.get_context().log("loss", 0.5)
spark = SparkSession.builder.getOrCreate()
print("sum", spark.range(int(sys.argv[1])).selectExpr("sum(id)").first()[0], flush=True)
print(spark.conf.get("spark.sql.shuffle.partitions"), os.path.basename(sys.argv[0]))
sys.exit("enough")
"""
    run = a_run(tmp_path, script, "10")
    spark = {"spark.sql.shuffle.partitions": "3"}
    run = replace(run, spec=replace(run.spec, framework="PySpark", spark=spark))
    handle = target.launch(run)
    status = finished(target, handle, 400)
    assert (status.state, status.exit_code) == (RunState.FAILED, 1)
    assert output(target, handle).splitlines()[:2] == ["sum 45", "3 train.py"], status.error
    assert "enough" in status.error
    metrics = [each.data for each in status.events if each.kind == "metric"]
    assert [(each["key"], each["value"]) for each in metrics] == [("loss", 0.5)]


TOLD = base64.b64decode("""
yv66vgAAAD0APQoAAgADBwAEDAAFAAYBABBqYXZhL2xhbmcvT2JqZWN0AQAGPGluaXQ+AQADKClWCQAIAAkHAAoMAAsADAEA
EGphdmEvbGFuZy9TeXN0ZW0BAANvdXQBABVMamF2YS9pby9QcmludFN0cmVhbTsHAA4BABdqYXZhL2xhbmcvU3RyaW5nQnVp
bGRlcgoADQADCAARAQAMc3BhcmsubWFzdGVyCgAIABMMABQAFQEAC2dldFByb3BlcnR5AQAmKExqYXZhL2xhbmcvU3RyaW5n
OylMamF2YS9sYW5nL1N0cmluZzsKAA0AFwwAGAAZAQAGYXBwZW5kAQAtKExqYXZhL2xhbmcvU3RyaW5nOylMamF2YS9sYW5n
L1N0cmluZ0J1aWxkZXI7CAAbAQABIAgAHQEAASwKAB8AIAcAIQwAIgAjAQAQamF2YS9sYW5nL1N0cmluZwEABGpvaW4BAEUo
TGphdmEvbGFuZy9DaGFyU2VxdWVuY2U7W0xqYXZhL2xhbmcvQ2hhclNlcXVlbmNlOylMamF2YS9sYW5nL1N0cmluZzsKAA0A
JQwAJgAnAQAIdG9TdHJpbmcBABQoKUxqYXZhL2xhbmcvU3RyaW5nOwoAKQAqBwArDAAsAC0BABNqYXZhL2lvL1ByaW50U3Ry
ZWFtAQAHcHJpbnRsbgEAFShMamF2YS9sYW5nL1N0cmluZzspVgcALwEAH2phdmEvbGFuZy9JbGxlZ2FsU3RhdGVFeGNlcHRp
b24KAA0AMQwAGAAyAQAcKEkpTGphdmEvbGFuZy9TdHJpbmdCdWlsZGVyOwgANAEACiBhcmd1bWVudHMKAC4ANgwABQAtBwA4
AQAEVG9sZAEABENvZGUBAARtYWluAQAWKFtMamF2YS9sYW5nL1N0cmluZzspVgEADVN0YWNrTWFwVGFibGUAIQA3AAIAAAAA
AAIAAQAFAAYAAQA5AAAAEQABAAEAAAAFKrcAAbEAAAAAAAkAOgA7AAEAOQAAAGAABAABAAAASbIAB7sADVm3AA8SELgAErYA
FhIatgAWEhwquAAetgAWtgAktgAoKr4EpAAfuwAuWbsADVm3AA8qvrYAMBIztgAWtgAktwA1v7EAAAABADwAAAAFAAH7AEgA
AA==
""")
"""The class of this program, for there is no compiler where there is only a runtime of Java:

    public class Told {
        public static void main(String[] args) {
            System.out.println(System.getProperty("spark.master") + " " + String.join(",", args));
            if (args.length > 1) throw new IllegalStateException(args.length + " arguments");
        }
    }
"""


@pytest.mark.needs_java
@pytest.mark.slow
@pytest.mark.timeout(500)  # the first time, PyPI's Spark is built
def test_a_jar_runs_its_main_class_and_fails_with_its_error(target, java, tmp_path):
    run = a_run(tmp_path, "")
    folder = run.spec.source_directory
    with zipfile.ZipFile(folder / "told.jar", "w") as archive:
        archive.writestr("Told.class", TOLD)
    taken = SnapshotStore(tmp_path / "snapshots").take(folder).snapshot
    told = {"main_class": "Told", "libraries": DatabricksLibraries(jars=("told.jar",))}
    fine = replace(run, snapshot=taken, command=("told.jar", "a"))
    broken = a_run(tmp_path / "broken", "", command=":")
    broken = replace(broken, snapshot=taken)
    launched = (
        target.launch(with_options(fine, "told.jar", main_class="Told")),
        target.launch(with_options(broken, "", ":", arguments=("a", "b"), **told)),
    )
    ends = [finished(target, each, 400) for each in launched]
    assert [each.state for each in ends] == [RunState.COMPLETED, RunState.FAILED], ends[0].error
    assert "local[*] a" in output(target, launched[0]).splitlines()
    assert "local[*] a,b" in output(target, launched[1]).splitlines()
    assert "IllegalStateException: 2 arguments" in ends[1].error
