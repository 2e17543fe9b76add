"""Runs on HDInsight keep the contract: over ssh to the head node of the local cloud's cluster."""

from dataclasses import replace

import pytest

from runtime.model.services import SparkOptions
from runtime.targets.hdinsight import HdinsightTarget
from runtime.targets.ssh_machine import Machine
from runtime.testing.targets import TargetContract, a_run
from tests.services.test_hdinsight import definition

pytestmark = [pytest.mark.needs_java, pytest.mark.slow, pytest.mark.timeout(500)]


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
def make_target(head, cluster, java, tmp_path):
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
