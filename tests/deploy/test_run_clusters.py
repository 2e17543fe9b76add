"""Runs on clusters of their own through the command line: made, deleted, kept, never orphaned."""

import signal

import pytest

from runtime.targets.run_cluster_records import RunClusterRecords
from tests.localcloud.harness import waited

CONFIGURATION = """\
script: train.py
target: amlcompute
amlCompute: {{vmSize: STANDARD_D2_V2{more}}}
environment: {{python: {{userManagedDependencies: true, interpreterPath: python}}}}
"""


@pytest.fixture
def project(deployed):
    folder = deployed.root / ".azureml"
    folder.mkdir()
    (deployed.root / "train.py").write_text("print('trained')")

    def configure(more="", script=None):
        (folder / "one.runconfig").write_text(CONFIGURATION.format(more=more))
        if script:
            (deployed.root / "train.py").write_text(script)
        return deployed

    return configure


def computes(project):
    """Return the names of the workspace's computes."""
    return sorted(each.rpartition("/")[2] for each in project.in_cloud() if "/computes/" in each)


def test_a_cluster_is_made_for_a_run_and_deleted_after_it(project):
    shop = project()
    said = shop.good("submit", "-c", "one", "--json")
    run = said.data
    assert run["state"] == "Completed"
    assert "scale up" in said.err
    waited(lambda: computes(shop) == ["cpu"])
    assert RunClusterRecords(shop.home).all() == []
    assert [each["target"] for each in shop.good("runs", "--json").data] == ["amlcompute"]


def test_a_cluster_that_is_retained_stays_and_is_not_made_twice(project):
    shop = project(", retainCluster: true, name: kept, vmPriority: lowpriority")
    shop.good("submit", "-c", "one")
    assert computes(shop) == ["cpu", "kept"]
    again = shop.aml("submit", "-c", "one")
    assert again.code != 0
    assert "has a compute 'kept' already" in again.err
    assert len(shop.good("runs", "--json").data) == 1
    assert computes(shop) == ["cpu", "kept"]


def test_a_size_that_there_is_not_leaves_nothing(project):
    shop = project()
    file = shop.root / ".azureml/one.runconfig"
    file.write_text(file.read_text().replace("STANDARD_D2_V2", "STANDARD_NO_SUCH"))
    said = shop.aml("submit", "-c", "one")
    assert "STANDARD_NO_SUCH" in said.err
    assert computes(shop) == ["cpu"]
    assert RunClusterRecords(shop.home).all() == []


def test_the_cluster_of_a_killed_submitter_is_deleted_by_the_next_command(project):
    shop = project(script="import time; print('up', flush=True); time.sleep(3)")
    with shop.start("submit", "-c", "one") as process:
        waited(lambda: len(computes(shop)) == 2, seconds=60)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    [record] = RunClusterRecords(shop.home).all()

    def ended():
        shop.good("runs", "--json")
        return RunClusterRecords(shop.home).all() == []

    waited(ended, seconds=60)
    waited(lambda: computes(shop) == ["cpu"])
    [run] = shop.good("runs", "--json").data
    assert (run["run_id"], run["state"] in {"Completed", "Failed"}) == (record.run_id, True)
