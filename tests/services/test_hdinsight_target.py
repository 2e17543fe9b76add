"""Runs on HDInsight keep the contract: over ssh to the head node of the local cloud's cluster."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.model.environments import EnvironmentSpec, ImageSpec
from runtime.model.launching import DockerOptions
from runtime.model.services import SparkOptions
from runtime.model.states import RunState
from runtime.targets.docker_target import DockerTarget
from runtime.targets.hdinsight import HdinsightTarget
from runtime.targets.ssh_machine import Machine
from runtime.testing.targets import TargetContract, a_run, poll
from tests.containers.docker_images import base_image
from tests.runtime.hosts import until
from tests.services.test_hdinsight import definition

pytestmark = [pytest.mark.needs_java, pytest.mark.slow]


@pytest.fixture(scope="session")
def cluster(cloud, deployed):
    """The cluster as ARM reads it."""
    deployed(
        "Microsoft.Storage/storageAccounts", "runfiles", kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )  # fmt: skip
    return deployed("Microsoft.HDInsight/clusters", "runs1", properties=definition("runfiles"))


@pytest.fixture(scope="session")
def head(cluster, tmp_path_factory):
    """The head node, as a manifest describes it."""
    password = tmp_path_factory.mktemp("login") / "password"
    password.write_text("Head-node-1")
    ssh = next(e for e in cluster["properties"]["connectivityEndpoints"] if e["name"] == "SSH")
    login = {"password": f"file:{password}"}
    return Machine("hdi", ssh["location"], ssh["port"], "sshuser", ssh["hostKey"], login)


@pytest.fixture
def make_target(head, cluster, spark_ready, tmp_path):
    return lambda: HdinsightTarget(
        "hdi",
        tmp_path / "home",
        head,
        cloud="local",
        resource=cluster["id"],
        manifest=tmp_path / "manifest.json",
        stack="dev",
    )


@pytest.fixture
def project_of(cloud, tmp_path):
    """The folder of a project whose local cloud is the session's."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "cloud").symlink_to(cloud.home / "cloud")
    return home


def as_spark(run, **changes):
    """Return a run whose script is submitted to Spark."""
    return replace(run, spec=replace(run.spec, framework="PySpark", **changes))


class TestOverSsh(TargetContract):
    """Scripts are drivers in cluster mode: in a container of YARN, with the files sent there."""

    patience_s = 300.0

    @pytest.fixture
    def make_target(self, make_target):
        return make_target

    @pytest.fixture
    def make_run(self, tmp_path):
        return lambda *given, **changes: as_spark(a_run(tmp_path, *given, **changes))


class TestThroughLivy(TargetContract):
    """The agent is the driver of a batch, and shares the cluster's storage with its carrier."""

    patience_s = 300.0

    @pytest.fixture
    def make_target(self, make_target, project_of):
        return make_target

    @pytest.fixture
    def make_run(self, tmp_path):
        livy = SparkOptions("livy")
        return lambda *given, **changes: as_spark(
            a_run(tmp_path, *given, **changes), hdinsight=livy
        )


COUNTS = """\
import os
import sys

from azureml.core import Run
from pyspark.sql import SparkSession

import doubling

run = Run.get_context()
spark = SparkSession.builder.getOrCreate()
numbers = spark.sparkContext.parallelize(range(int(sys.argv[1])), 2)
total = numbers.map(doubling.double).sum()
run.log("total", total)
run.tag("where", "cluster")
print("total", total, spark.conf.get("spark.wish"), os.environ["WISH"], flush=True)
with open("outputs/total.txt", "w") as file:
    file.write(str(total))
"""
FILES = {"doubling.py": "def double(number):\n    return 2 * number\n"}
LOST = """\
import os
import signal
import sys
import time

print("began", flush=True)
time.sleep(2)
driver = os.getppid()
for _ in range(int(sys.argv[1])):  # the agent may be between
    with open(f"/proc/{driver}/stat") as file:
        driver = int(file.read().rpartition(")")[2].split()[1])
os.kill(driver, signal.SIGKILL)
"""


def ended(target, run, tmp_path):
    """Return the status of a run that has ended, its output, and what was collected of it."""
    handle = target.launch(run)
    until(lambda: poll(target, handle).state.final, 300)
    collected = tmp_path / "collected"
    target.collect(handle, collected, lambda _: None)
    text = (collected / "user_logs" / "std_log.txt").read_text()
    return poll(target, handle), text, collected


def data_of(status, kind):
    return {e.data["key"]: str(e.data["value"]) for e in status.events if e.kind == kind}


@pytest.mark.parametrize("mode", ["cluster", "client", "livy"])
def test_one_script_uses_spark_and_reports_in_each_mode(make_target, project_of, tmp_path, mode):
    settings = {"spark.wish": "granted", "spark.submit.deployMode": mode}
    given = {"spark": settings}
    if mode == "livy":
        given = {"spark": {"spark.wish": "granted"}, "hdinsight": SparkOptions("livy")}
    run = a_run(tmp_path, COUNTS, "10", files=FILES, variables={"WISH": "yes"})
    status, text, collected = ended(make_target(), as_spark(run, **given), tmp_path)
    assert status.state is RunState.COMPLETED, status.error
    assert text == "total 90 granted yes\n"
    assert (collected / "outputs" / "total.txt").read_text() == "90"
    assert (data_of(status, "metric"), data_of(status, "tag")["where"]) == (
        {"total": "90"},
        "cluster",
    )
    application = data_of(status, "property")["aml.spark.application"]
    assert application.startswith("application_")
    pattern = "batch-*.out" if mode == "livy" else f"{application}.out"
    (log,) = (collected / "logs" / "spark").glob(pattern)
    assert mode == "client" or "total 90" in log.read_text()


@pytest.mark.needs_docker
def test_the_same_script_runs_in_docker(tmp_path, spark_python):
    image = base_image("openjdk-17-jre-headless")
    home = Path(str(shutil.which("java"))).resolve().parents[1]
    (spark,) = spark_python.parent.parent.glob("lib/python3*/site-packages/pyspark")
    run = a_run(
        tmp_path,
        COUNTS,
        "10",
        files=FILES,
        variables={"WISH": "yes", "PYTHONPATH": "/opt/spark", "JAVA_HOME": str(home)},
        environment=EnvironmentSpec("user_managed", image=ImageSpec(name=image)),
    )
    settings = {"spark.wish": "granted", "spark.submit.deployMode": "cluster"}
    mounted = DockerOptions(arguments=("-v", f"{spark.parent}:/opt/spark:ro"))
    target = DockerTarget(tmp_path / "home", manifest=tmp_path / "manifest.json", stack="dev")
    status, text, collected = ended(target, as_spark(run, spark=settings, docker=mounted), tmp_path)
    target.close()
    assert status.state is RunState.COMPLETED, status.error
    assert text == "total 90 granted yes\n"
    assert (collected / "outputs" / "total.txt").read_text() == "90"
    assert data_of(status, "metric") == {"total": "90"}


@pytest.mark.parametrize("livy", [False, True], ids=["ssh", "livy"])
def test_a_lost_driver_fails_the_run_and_says_so(make_target, project_of, tmp_path, livy):
    options, between = (SparkOptions("livy"), "1") if livy else (None, "0")
    run = as_spark(a_run(tmp_path, LOST, between), hdinsight=options)
    status, text, _ = ended(make_target(), run, tmp_path)
    assert status.state is RunState.FAILED
    assert "began" in text
    assert "driver was lost" in f"{text}{status.error}"


def test_a_new_password_of_the_gateway_is_asked_for_while_a_run_is_followed(
    make_target, project_of, tmp_path, cloud, cluster
):
    script = (
        "import os, time\n"
        "print('began', flush=True)\n"
        "while not os.path.exists('go-on'):\n"
        "    time.sleep(0.1)\n"
    ).replace("go-on", str(tmp_path / "go-on"))
    target = make_target()
    run = as_spark(a_run(tmp_path, script), hdinsight=SparkOptions("livy"))
    handle = target.launch(run)
    until(lambda: poll(target, handle).state is RunState.RUNNING, 300)
    login = {
        "restAuthCredential.isEnabled": True,
        "restAuthCredential.username": "admin",
        "restAuthCredential.password": "Gateway-changed-1",
    }
    assert cloud.arm("POST", f"{cluster['id']}/updateGatewaySettings", login).is_success
    until(lambda: poll(target, handle).state is RunState.NOT_RESPONDING, 60)
    (tmp_path / "go-on").touch()
    until(lambda: poll(target, handle).state.final, 300)
    assert poll(target, handle).state is RunState.COMPLETED, poll(target, handle).error


def test_the_environment_is_built_on_the_head_node_and_sent_along(make_target, tmp_path):
    script = (
        "import six, sys\nfrom pyspark.sql import SparkSession\n"
        "sc = SparkSession.builder.getOrCreate().sparkContext\n"
        "def version(_):\n    import six\n    return six.__version__\n"
        "print(sys.prefix.rpartition('/')[2], sc.parallelize([1]).map(version).collect())\n"
    )
    environment = EnvironmentSpec("pip", requirements="six==1.17.0\n")
    run = as_spark(a_run(tmp_path, script, environment=environment))
    status, text, _ = ended(make_target(), run, tmp_path)
    assert status.state is RunState.COMPLETED, status.error
    assert text == "aml_environment ['1.17.0']\n"
