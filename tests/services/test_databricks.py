"""Databricks workspaces, driven by databricks-sdk as it is."""

import base64
import io
import textwrap
import zipfile

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from databricks.sdk.errors import DatabricksError, NotFound, Unauthenticated
from databricks.sdk.service import compute, jobs, workspace
from databricks.sdk.service.catalog import VolumeType

from tests.localcloud.harness import waited

CLUSTER = compute.ClusterSpec(
    spark_version="17.3.x-scala2.13", node_type_id="Standard_DS3_v2", num_workers=1
)
ME = "/Users/local-user@aml.local"


def connected(cloud, url, token):
    # Waiters and retries wait seconds between polls unless their clock is another one.
    config = Config(host=f"https://{url}", token=token, auth_type="pat")
    return WorkspaceClient(config=config)


@pytest.fixture(scope="module")
def url(deployed):
    found = deployed("Microsoft.Databricks/workspaces", "bricks", sku={"name": "premium"})
    return found["properties"]["workspaceUrl"]


@pytest.fixture(scope="module")
def client(cloud, url):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("REQUESTS_CA_BUNDLE", str(cloud.ca))
        first = connected(cloud, url, cloud.token)
        token = first.tokens.create(comment="tests").token_value
        assert token.startswith("dapi")
        yield connected(cloud, url, token)


def ended(client, run_id):
    """Return a run once it has ended; the SDK's own waiter sleeps for seconds."""
    return waited(lambda: client.jobs.get_run(run_id), lambda run: run.end_time, seconds=400)


def submitted(client, *tasks, **more):
    return client.jobs.submit(run_name="r", tasks=list(tasks), **more).response.run_id


def script(client, name, text):
    """Put a script into DBFS; return its path."""
    path = f"dbfs:/scripts/{name}.py"
    client.dbfs.put(path, contents=base64.b64encode(text.encode()).decode(), overwrite=True)
    return path


def on_cluster(path, *parameters, key="main", **more):
    return jobs.SubmitTask(
        task_key=key,
        spark_python_task=jobs.SparkPythonTask(python_file=path, parameters=list(parameters)),
        **{"new_cluster": CLUSTER, **more},
    )


def test_files_of_dbfs_volumes_and_the_workspace_are_kept(client):
    assert client.current_user.me().user_name == "local-user@aml.local"
    client.dbfs.upload("/data/big.bin", io.BytesIO(b"x" * 3_000_000))
    assert client.dbfs.get_status("/data/big.bin").file_size == 3_000_000
    with client.dbfs.download("/data/big.bin") as source:
        assert len(source.read()) == 3_000_000
    client.dbfs.mkdirs("/data/empty")
    assert [each.path for each in client.dbfs.list("/data")] == ["/data/big.bin", "/data/empty"]
    client.dbfs.delete("/data", recursive=True)
    with pytest.raises(NotFound):
        client.dbfs.get_status("/data")

    client.volumes.create("main", "default", "kept", VolumeType.MANAGED)
    client.files.upload("/Volumes/main/default/kept/a/b.txt", io.BytesIO(b"hello"))
    assert client.files.download("/Volumes/main/default/kept/a/b.txt").contents.read() == b"hello"
    assert client.files.get_metadata("/Volumes/main/default/kept/a/b.txt").content_length == 5
    listed = client.files.list_directory_contents("/Volumes/main/default/kept")
    assert [(each.name, each.is_directory) for each in listed] == [("a", True)]
    with pytest.raises(NotFound):
        client.files.upload("/Volumes/main/default/none/b.txt", io.BytesIO(b""))

    client.workspace.mkdirs(f"{ME}/project")
    client.workspace.upload(
        f"{ME}/project/data.txt", io.BytesIO(b"1"), format=workspace.ImportFormat.RAW
    )
    source = b"# Databricks notebook source\nprint(1)\n"
    client.workspace.upload(
        f"{ME}/project/nb.py", io.BytesIO(source), format=workspace.ImportFormat.AUTO
    )
    found = {
        each.path.rpartition("/")[2]: each.object_type.value
        for each in client.workspace.list(f"{ME}/project")
    }
    assert found == {"data.txt": "FILE", "nb": "NOTEBOOK"}
    assert client.workspace.download(f"{ME}/project/nb").read() == source


def test_a_script_runs_with_parameters_and_libraries(client, tmp_path):
    wheel = tmp_path / "greet-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("greet.py", "def main():\n    import sys\n    print('hi', sys.argv[1:])\n")
        archive.writestr(
            "greet-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: greet\nVersion: 1.0\n"
        )
        archive.writestr(
            "greet-1.0.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        archive.writestr(
            "greet-1.0.dist-info/entry_points.txt", "[console_scripts]\nrun = greet:main\n"
        )
        archive.writestr("greet-1.0.dist-info/RECORD", "")
    packed = io.BytesIO(wheel.read_bytes())
    client.dbfs.upload("dbfs:/wheels/greet-1.0-py3-none-any.whl", packed, overwrite=True)
    libraries = [
        compute.Library(whl="dbfs:/wheels/greet-1.0-py3-none-any.whl"),
        compute.Library(pypi=compute.PythonPyPiLibrary(package="six==1.17.0")),
    ]
    code = """
        import os, sys, greet, six
        print(six.__version__, sys.argv[1:], os.environ["COLOR"])
        greet.main()
        open("left.txt", "w").write("1")
        sys.stderr.write("warned\\n")
    """
    cluster = compute.ClusterSpec.from_dict(
        {**CLUSTER.as_dict(), "spark_env_vars": {"COLOR": "red"}}
    )
    path = script(client, "first", textwrap.dedent(code))
    task = on_cluster(path, "--x", "1", libraries=libraries, new_cluster=cluster)
    wheel_task = jobs.SubmitTask(
        task_key="wheel",
        new_cluster=CLUSTER,
        libraries=libraries[:1],
        depends_on=[jobs.TaskDependency(task_key="main")],
        python_wheel_task=jobs.PythonWheelTask(
            package_name="greet", entry_point="run", named_parameters={"a": "b"}
        ),
    )
    run_id = submitted(client, wheel_task, task, idempotency_token="once")
    assert submitted(client, wheel_task, task, idempotency_token="once") == run_id
    run = ended(client, run_id)
    assert (run.state.life_cycle_state.value, run.state.result_state.value) == (
        "TERMINATED",
        "SUCCESS",
    ), run.state
    assert run.status.termination_details.code.value == "SUCCESS"
    output = {t.task_key: client.jobs.get_run_output(t.run_id).logs for t in run.tasks}
    assert output == {
        "main": "1.17.0 ['--x', '1'] red\nhi ['--x', '1']\nwarned\n",
        "wheel": "hi ['--a=b']\n",
    }
    assert client.clusters.get(run.tasks[0].cluster_instance.cluster_id).state.value == "TERMINATED"


def test_a_failing_script_says_where_and_stops_what_follows(client):
    path = script(client, "bad", "def f():\n    raise ValueError('no')\nf()\n")
    after = on_cluster(path, key="after", depends_on=[jobs.TaskDependency(task_key="main")])
    run = ended(client, submitted(client, on_cluster(path), after))
    assert run.state.result_state.value == "FAILED"
    assert run.status.termination_details.code.value == "RUN_EXECUTION_ERROR"
    results = [task.state.result_state.value for task in run.tasks]
    assert results == ["FAILED", "UPSTREAM_FAILED"]
    output = client.jobs.get_run_output(run.tasks[0].run_id)
    assert output.error == "ValueError: no"
    assert "in f" in output.error_trace


def test_a_run_is_canceled_and_one_that_is_too_long_ended(client):
    path = script(client, "long", "import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    run_id = submitted(client, on_cluster(path))
    task = client.jobs.get_run(run_id).tasks[0]
    waited(lambda: client.jobs.get_run_output(task.run_id).logs, lambda logs: logs == "begun\n")
    assert run_id in {run.run_id for run in client.jobs.list_runs(active_only=True)}
    client.jobs.cancel_run(run_id)
    assert ended(client, run_id).state.result_state.value == "CANCELED"
    late = ended(client, submitted(client, on_cluster(path, timeout_seconds=1)))
    assert late.state.result_state.value == "TIMEDOUT"


def test_a_run_ends_with_its_cluster(client):
    path = script(client, "lost", "import time\nprint('begun', flush=True)\ntime.sleep(60)\n")
    run_id = submitted(client, on_cluster(path))
    task = client.jobs.get_run(run_id).tasks[0]
    waited(lambda: client.jobs.get_run_output(task.run_id).logs, lambda logs: logs == "begun\n")
    cluster = client.jobs.get_run(run_id).tasks[0].cluster_instance.cluster_id
    client.clusters.delete(cluster)
    lost = ended(client, run_id)
    assert (lost.state.life_cycle_state.value, lost.state.result_state.value) == (
        "INTERNAL_ERROR",
        "FAILED",
    )
    assert lost.status.termination_details.code.value == "CLUSTER_ERROR"
    assert "terminated" in lost.state.state_message


def test_a_notebook_takes_parameters_and_returns_a_value(client):
    client.workspace.mkdirs(f"{ME}/nb")
    source = """\
        # Databricks notebook source
        # MAGIC %md
        # MAGIC Nothing to run.

        # COMMAND ----------
        # MAGIC %run ./shared

        # COMMAND ----------
        dbutils.widgets.text("color", "red")
        dbutils.fs.put("dbfs:/out/color.txt", twice(dbutils.widgets.get("color")), True)
        dbutils.notebook.exit(dbutils.fs.head("/out/color.txt"))
    """
    for name, text in (("main", source), ("shared", "def twice(x):\n    return x + x\n")):
        client.workspace.import_(
            f"{ME}/nb/{name}",
            content=base64.b64encode(textwrap.dedent(text).encode()).decode(),
            format=workspace.ImportFormat.SOURCE,
            language=workspace.Language.PYTHON,
        )
    cluster = client.clusters.create(
        spark_version="17.3.x-scala2.13", num_workers=1
    ).response.cluster_id
    client.clusters.delete(cluster)
    task = jobs.SubmitTask(
        task_key="nb",
        existing_cluster_id=cluster,
        notebook_task=jobs.NotebookTask(
            notebook_path=f"{ME}/nb/main", base_parameters={"color": "blue"}
        ),
    )
    run = ended(client, submitted(client, task))
    assert client.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result == "blueblue"
    assert client.clusters.get(cluster).state.value == "RUNNING"


def test_the_driver_log_is_delivered_where_the_cluster_says(client):
    log = {"cluster_log_conf": {"dbfs": {"destination": "dbfs:/logs"}}}
    cluster = compute.ClusterSpec.from_dict({**CLUSTER.as_dict(), **log})
    path = script(client, "logs", "print('told')\n")
    run = ended(client, submitted(client, on_cluster(path, new_cluster=cluster)))
    where = f"/logs/{run.tasks[0].cluster_instance.cluster_id}/driver/stdout"
    assert client.dbfs.open(where, read=True).read() == b"told\n"


def test_what_is_not_there_is_refused_by_name(client, cloud, url, caplog):
    path = script(client, "any", "")
    for change, named in (
        ({"libraries": [compute.Library(egg="dbfs:/a.egg")]}, "egg"),
        ({"existing_cluster_id": "none", "new_cluster": None}, "Cluster none does not exist"),
        ({"spark_python_task": None, "sql_task": jobs.SqlTask(warehouse_id="w")}, "sql_task"),
    ):
        with pytest.raises(DatabricksError, match=named):
            submitted(client, jobs.SubmitTask(**{**vars(on_cluster(path)), **change}))
    with pytest.raises(DatabricksError, match="runs/submit"):
        client.jobs.create(name="j")
    run = ended(client, submitted(client, on_cluster("dbfs:/none.py")))
    assert run.state.life_cycle_state.value == "INTERNAL_ERROR"
    assert "dbfs:/none.py" in run.state.state_message
    with pytest.raises(Unauthenticated):
        connected(cloud, url, "dapi0").current_user.me()


@pytest.mark.needs_java
@pytest.mark.slow
@pytest.mark.timeout(500)  # the first time, PyPI's Spark is built
def test_spark_runs_in_notebooks_of_a_cluster(client, java):
    text = (
        "result = spark.range(10).selectExpr('sum(id)').first()[0]\ndbutils.notebook.exit(result)\n"
    )
    client.workspace.upload(
        "/Shared/spark",
        io.BytesIO(text.encode()),
        language=workspace.Language.PYTHON,
        format=workspace.ImportFormat.SOURCE,
    )
    task = jobs.SubmitTask(
        task_key="spark",
        new_cluster=CLUSTER,
        notebook_task=jobs.NotebookTask(notebook_path="/Shared/spark"),
    )
    run = ended(client, submitted(client, task))
    assert client.jobs.get_run_output(run.tasks[0].run_id).notebook_output.result == "45", run.state
