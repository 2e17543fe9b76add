"""What every implementation of ``localcloud.calls.cloud.Nodes`` promises the control plane."""

import time

import pytest

from localcloud.calls.cloud import Nodes
from localcloud.calls.no_nodes import NoNodes
from localcloud.nodes.scheduler import LocalNodes, NodeSettings
from tests.localcloud.harness import CLUSTER, IMAGE

PROPERTIES = {
    "allocationState", "allocationStateTransitionTime", "currentNodeCount", "targetNodeCount",
    "nodeStateCounts", "errors",
}  # fmt: skip
JOB = {
    "jobType": "Command",
    "computeId": "cpu",
    "environmentId": "azureml:env:1",
    "command": "sleep 30",
}


class NodesContract:
    """Inherit this, and override ``make``."""

    def make(self, cloud) -> Nodes:
        raise NotImplementedError

    @pytest.fixture
    def nodes(self, chain, cluster):
        """Nodes of the chain's cloud, started after the cluster was created."""
        chain.cloud.nodes = self.make(chain.cloud)
        chain.cloud.nodes.start()
        yield chain.cloud.nodes
        chain.cloud.nodes.stop()

    @pytest.fixture
    def cluster(self, chain, chain_workspace) -> str:
        compute = f"{chain_workspace}/computes/cpu"
        assert chain.arm("PUT", compute, CLUSTER).status_code == 201
        return compute

    @pytest.fixture
    def job(self, chain, chain_workspace, nodes) -> str:
        """A job on the cluster that does not end by itself."""
        environment = {"properties": {"image": IMAGE}}
        chain.arm("PUT", f"{chain_workspace}/environments/env/versions/1", environment)
        job = f"{chain_workspace}/jobs/j"
        assert chain.arm("PUT", job, {"properties": JOB}).status_code == 201
        return job

    def test_an_allocation_has_all_properties_and_its_counts_add_up(self, nodes, cluster):
        allocation = nodes.allocation(cluster)
        assert allocation.keys() == PROPERTIES
        assert allocation["allocationState"] in {"Steady", "Resizing"}
        assert sum(allocation["nodeStateCounts"].values()) == allocation["currentNodeCount"]

    def test_every_node_state_has_a_count(self, nodes, cluster):
        states = ("idle", "leaving", "preempted", "preparing", "running", "unusable")
        counts = nodes.allocation(cluster)["nodeStateCounts"]
        assert sorted(counts) == [f"{state}NodeCount" for state in states]

    def test_nodes_are_listed_as_many_as_are_counted(self, nodes, cluster):
        assert len(nodes.nodes(cluster)) == nodes.allocation(cluster)["currentNodeCount"]

    def test_ids_are_compared_ignoring_case(self, nodes, cluster):
        assert nodes.allocation(cluster.upper()) == nodes.allocation(cluster)

    def test_a_compute_that_does_not_exist_has_no_nodes(self, nodes, cluster):
        unknown = f"{cluster}-other"
        assert nodes.allocation(unknown)["currentNodeCount"] == 0
        assert list(nodes.nodes(unknown)) == []
        assert list(nodes.preempt(unknown)) == []

    def test_dedicated_nodes_are_not_preempted(self, nodes, cluster):
        assert list(nodes.preempt(cluster)) == []

    def test_removing_a_compute_twice_does_nothing_more(self, nodes, cluster):
        nodes.compute_removed(cluster)
        nodes.compute_removed(cluster)
        assert list(nodes.nodes(cluster)) == []

    def test_a_job_that_does_not_exist_is_neither_queued_nor_canceled(self, nodes, cluster):
        nodes.job_stored(f"{cluster}/no-such-job")
        nodes.cancel(f"{cluster}/no-such-job")
        assert list(nodes.nodes(cluster)) == []

    def test_a_submitted_job_has_not_ended(self, chain, chain_workspace, job):
        assert not chain.cloud.store.runs.get(chain_workspace, "j").state.final

    def test_a_reset_leaves_no_node(self, nodes, cluster, job):
        nodes.reset()
        assert list(nodes.nodes(cluster)) == []
        assert nodes.allocation(cluster)["currentNodeCount"] == 0

    def test_a_compute_created_again_starts_without_nodes(self, nodes, cluster, job):
        nodes.cancel(job)
        nodes.compute_stored(cluster, created=True)
        assert list(nodes.nodes(cluster)) == []

    def test_stopping_twice_is_harmless(self, nodes, cluster):
        nodes.stop()
        nodes.stop()
        assert list(nodes.nodes(cluster)) == []


class TestNoNodes(NodesContract):
    def make(self, cloud) -> Nodes:
        return NoNodes()


class TestLocalNodes(NodesContract):
    def make(self, cloud) -> Nodes:
        # No node boots by itself: the clock of the tests stands still.
        return LocalNodes(cloud, ca=cloud.folder, settings=NodeSettings(grace_s=1.0))

    def test_a_removed_compute_has_no_nodes(self, nodes, cluster, job):
        deadline = time.monotonic() + 20
        while not nodes.nodes(cluster):
            assert time.monotonic() < deadline, "no node was allocated for the job"
            time.sleep(0.02)
        nodes.compute_removed(cluster)
        assert list(nodes.nodes(cluster)) == []
