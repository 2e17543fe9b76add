"""A cluster that is made for one run: its name, what is refused, what is written down."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from infra.catalogue.names import RULES
from infra.contract.errors import UsageError
from runtime.model.launching import RunCluster
from runtime.model.runs import PreparedRun, RunSpec, SourceSnapshot
from runtime.submit.abilities import check_abilities, require_shared_cluster
from runtime.targets.run_cluster import cluster_body, cluster_name
from runtime.targets.run_cluster_records import RunClusterRecord, RunClusterRecords
from tests import processes

CLUSTER = RunCluster("STANDARD_DS3_V2")
SPEC = RunSpec("train.py", Path(), target="amlcompute", cluster=CLUSTER)
PLACES = {"target": "f:2", "cluster": "f:3"}


@pytest.mark.parametrize(
    ("run_id", "name"),
    [
        ("exp_1764170000_0a1b2c3d", "exp-1764170000-0a1b2c3d"),
        ("a_rather_long_experiment_1764170000_0a1b2c3d", "a-rather-lon-1764170000-0a1b2c3d"),
        ("2nd_1764170000_0a1b2c3d", "run-2nd-1764170000-0a1b2c3d"),
        ("local", "run-local"),
        ("x", "run-x"),
    ],
)
def test_a_cluster_is_named_after_its_run(run_id, name):
    assert cluster_name(run_id) == name
    assert RULES["aml_compute"].problem(name) is None


def test_the_runs_of_a_long_experiment_have_clusters_of_their_own():
    experiment = "x" * 60
    assert cluster_name(f"{experiment}_1764170000_0a1b2c3d") != cluster_name(
        f"{experiment}_1764170000_0a1b2c3e"
    )


@pytest.mark.parametrize(
    ("cluster", "nodes", "inner"),
    [
        (CLUSTER, 3, ("Dedicated", 3)),
        (replace(CLUSTER, low_priority=True, max_nodes=5), 3, ("LowPriority", 5)),
    ],
)
def test_a_cluster_has_no_nodes_while_idle_and_those_of_the_run_at_most(cluster, nodes, inner):
    snapshot = SourceSnapshot("s", (), Path())
    run = PreparedRun("r_1_a", replace(SPEC, node_count=nodes), snapshot, ("train.py",))
    properties = cluster_body(cluster, run, "westeurope")["properties"]["properties"]
    scale = properties["scaleSettings"]
    assert (properties["vmPriority"], scale["maxNodeCount"]) == inner
    assert scale["minNodeCount"] == 0


def test_a_run_of_several_nodes_on_its_own_cluster_is_fine():
    assert check_abilities(replace(SPEC, node_count=4), "aml_compute") == ()


@pytest.mark.parametrize(
    ("changes", "says", "at"),
    [
        ({"cluster": None}, "needs a VM size", "f:2"),
        ({"cluster": replace(CLUSTER, name="a_b")}, "is not an AmlCompute name", "f:3"),
        ({"cluster": replace(CLUSTER, max_nodes=1), "node_count": 2}, "may have 1", "f:3"),
    ],
)
def test_a_cluster_that_cannot_be_made_is_refused_with_its_line(changes, says, at):
    with pytest.raises(UsageError, match=says) as refused:
        check_abilities(replace(SPEC, origins=PLACES, **changes), "aml_compute")
    assert refused.value.at == at


@pytest.mark.parametrize("target", ["amlcompute", "AmlCompute"])
def test_a_sweep_is_refused(target):
    with pytest.raises(UsageError, match=r"A sweep cannot run .* deleted after it"):
        require_shared_cluster(replace(SPEC, target=target), "a sweep")
    require_shared_cluster(replace(SPEC, target="cpu"), "a sweep")


def test_a_cluster_is_written_down_until_it_is_gone(tmp_path):
    records = RunClusterRecords(tmp_path)
    assert records.all() == []
    records.add("run_1", "/subscriptions/s/computes/c", "local")
    [record] = records.all()
    assert (record.compute, record.stack, record.pid) == (
        "/subscriptions/s/computes/c", "local", os.getpid(),
    )  # fmt: skip
    assert record.submitting
    (tmp_path / "run-clusters/broken.json").write_text("{")
    assert records.get("broken") is None
    records.remove("run_1")
    records.remove("run_1")
    assert records.all() == []


def test_a_submitter_that_is_gone_makes_no_cluster_any_more():
    done = processes.start([sys.executable, "-c", ""])
    done.wait()
    assert not RunClusterRecord("r", "c", "local", done.pid, "1").submitting
