"""What a target cannot honour is refused before anything is stored, with the line that asks."""

from pathlib import Path

import pytest

from infra.contract.errors import DefinitionError, UsageError
from runtime.history.store import History
from runtime.model.data import DataInput, DataLocation
from runtime.model.environments import (
    EnvironmentSpec,
    ImageSpec,
    MavenPackage,
    Registry,
    SparkPackages,
)
from runtime.model.launching import Distribution, DockerOptions, RetryPolicy
from runtime.model.runs import RunSpec
from runtime.model.services import BatchOptions, SparkOptions
from runtime.submit.abilities import (
    INABILITIES,
    check_abilities,
    require_lasting,
    spread,
)
from runtime.submit.choosing import takers
from runtime.submit.features import FEATURES, process_count
from runtime.submit.submitting import Submitter

PRIVATE = EnvironmentSpec(
    "user_managed", image=ImageSpec("x.azurecr.io/a", registry=Registry("x.azurecr.io"))
)
IMAGE = EnvironmentSpec("user_managed", image=ImageSpec("an/image"))
DATA = DataInput("d", DataLocation("url", "https://example.org/x"))
PACKAGED = EnvironmentSpec("pip", requirements="six")
SPARK = EnvironmentSpec(
    "user_managed", spark=SparkPackages(packages=(MavenPackage("a", "b", "1"),))
)
MPI = Distribution("mpi", processes_per_node=2)

CASES = [
    ({}, "local aml_compute compute_instance", ""),
    ({"node_count": 4}, "aml_compute", "4 nodes"),
    ({"distribution": MPI}, "local aml_compute compute_instance", ""),
    ({"distribution": Distribution("mpi")}, "local aml_compute compute_instance", ""),
    ({"distribution": Distribution("pytorch")}, "local aml_compute compute_instance", ""),
    ({"distribution": Distribution("pytorch"), "node_count": 2}, "aml_compute", "2 nodes"),
    (
        {"distribution": Distribution("pytorch", processes=4)},
        "local aml_compute compute_instance",
        "",
    ),
    ({"distribution": MPI, "retry": RetryPolicy(2)}, "local", "retries"),
    ({"retry": RetryPolicy(2)}, "local aml_compute compute_instance", ""),
    ({"retry": RetryPolicy(2, events=("lost",))}, "local", "retries when lost"),
    ({"idle_timeout_s": 60}, "local aml_compute compute_instance", ""),
    ({"framework": "PySpark"}, "local", "PySpark"),
    ({"framework": "PySpark", "distribution": MPI}, "", "several drivers of Spark"),
    ({"framework": "R"}, "", "R"),
    (
        {"framework": "R", "script": "", "command": "Rscript a.R"},
        "local aml_compute compute_instance",
        "",
    ),
    ({"docker": DockerOptions(use=True)}, "aml_compute compute_instance", "docker"),
    ({"docker": DockerOptions(use=False)}, "local aml_compute compute_instance", ""),
    ({"inputs": (DATA,)}, "local aml_compute compute_instance", ""),
    ({"environment": IMAGE}, "local aml_compute compute_instance", ""),
    ({"environment": PRIVATE}, "local aml_compute compute_instance", ""),
    ({"environment": SPARK}, "local aml_compute compute_instance", ""),
    ({"environment": SPARK, "framework": "PySpark"}, "local", "PySpark"),
    ({"priority": 3}, "local", "priority 3"),
    ({"prepares": False}, "local", "may not prepare"),
]


def spec(**fields):
    return RunSpec(**{"script": "a.py", "source_directory": Path(), "target": "it", **fields})


@pytest.mark.parametrize("kind", ["local", "aml_compute", "compute_instance"])
@pytest.mark.parametrize(("fields", "kinds", "named"), CASES)
def test_each_kind_of_target_refuses_what_it_cannot_do(fields, kinds, named, kind):
    if kind in kinds.split():
        check_abilities(spec(**fields), kind)
    else:
        with pytest.raises(UsageError, match=named):
            check_abilities(spec(**fields), kind)


def test_a_kind_that_is_not_in_the_table_refuses_nothing():
    assert check_abilities(spec(node_count=4, framework="PySpark"), "from a package") == ()


@pytest.mark.parametrize(
    ("origins", "at"),
    [
        ({"docker.use": "x:9", "docker": "x:7"}, "x:9"),
        ({"docker": "x:7"}, "x:7"),
        ({"node_count": "x:2"}, None),
    ],
)
def test_a_refusal_has_the_line_that_asks(origins, at):
    with pytest.raises(UsageError) as error:
        check_abilities(spec(docker=DockerOptions(use=True), origins=origins), "local")
    assert error.value.at == at


LIVY = SparkOptions("livy")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"framework": "PySpark"}, ""),
        ({"framework": "PySpark", "hdinsight": LIVY}, ""),
        ({"framework": "PySpark", "environment": SPARK}, ""),
        ({"node_count": 2}, "YARN places the executors"),
        ({"docker": DockerOptions(use=True)}, "has no docker"),
        ({"priority": 3}, "queues of YARN"),
        ({"queue_timeout_s": 60}, "YARN keeps an application"),
        ({"retry": RetryPolicy(2, events=("lost",))}, "two would run"),
        ({"hdinsight": LIVY, "distribution": MPI}, "a batch has one driver"),
        ({"hdinsight": LIVY, "environment": PACKAGED}, "which only ssh reaches"),
        ({"environment": PACKAGED}, ""),
        (
            {"hdinsight": LIVY, "framework": "PySpark", "retry": RetryPolicy(1)},
            "retries through Livy",
        ),
        (
            {"framework": "PySpark", "spark": {"spark.yarn.maxAppAttempts": "2"}},
            "2 attempts of YARN",
        ),
    ],
)
def test_a_cluster_of_hdinsight_refuses_what_it_cannot_do(fields, said):
    if not said:
        assert check_abilities(spec(**fields), "hdinsight") == ()
        return
    with pytest.raises(UsageError, match=said):
        check_abilities(spec(**fields), "hdinsight")


def test_livy_means_nothing_elsewhere():
    (note,) = check_abilities(spec(hdinsight=LIVY), "local")
    assert "only clusters of HDInsight have it" in note


def test_everything_that_is_refused_is_listed():
    asked = spec(node_count=4, framework="R", origins={"node_count": "f:3"})
    with pytest.raises(UsageError, match="2 settings") as error:
        check_abilities(asked, "local")
    assert "f:3: 4 nodes: it is one machine. Ask for one node" in error.value.detail
    assert "R: it runs scripts with Python" in error.value.detail


def test_what_changes_nothing_is_a_note():
    notes = check_abilities(spec(priority=3), "local")
    assert notes == ("Target 'it' ignores priority 3: it has no queue.",)


def test_the_table_names_features_that_there_are():
    assert {row.feature for row in INABILITIES} <= {feature.name for feature in FEATURES}


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 1),
        ({"node_count": 3, "distribution": MPI}, 6),
        ({"node_count": 3, "distribution": Distribution("pytorch")}, 3),
        ({"distribution": Distribution("tensorflow", workers=2, parameter_servers=1)}, 3),
    ],
)
def test_processes_are_counted_over_all_nodes(fields, count):
    assert process_count(spec(**fields)) == count


@pytest.mark.parametrize(
    ("target", "asked", "nodes"), [("a,b", 1, 2), ("a, b,c", 3, 3), ("a", 2, 2), ("local", 1, 1)]
)
def test_a_run_has_a_node_on_each_machine_that_its_target_names(target, asked, nodes):
    assert spread(spec(target=target, node_count=asked)).node_count == nodes


def test_another_number_of_nodes_than_machines_is_refused():
    asked = spec(target="a,b", node_count=4, origins={"node_count": "f:2"})
    with pytest.raises(UsageError, match="4 nodes, and its target names 2") as error:
        spread(asked)
    assert error.value.at == "f:2"


def test_one_machine_names_the_way_to_have_several():
    with pytest.raises(UsageError) as error:
        check_abilities(spec(node_count=2), "virtual_machine")
    assert "--target box1,box2" in error.value.remedy


@pytest.mark.parametrize("name", ["containerinstance", "ContainerInstance"])
def test_targets_made_for_one_run_are_refused(name):
    with pytest.raises(UsageError, match="no longer offers") as error:
        require_lasting(name, {"target": "f:4"})
    assert error.value.at == "f:4"


@pytest.fixture
def source(tmp_path):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("")
    return tmp_path / "src"


@pytest.mark.parametrize("method", ["plan", "submit"])
def test_nothing_is_stored_for_a_run_that_is_refused(tmp_path, source, method):
    history = History(tmp_path / "home" / "history.sqlite")
    submitter = Submitter(tmp_path / "home", history, environ={})
    asked = RunSpec("a.py", source, node_count=4)
    with pytest.raises(UsageError, match="4 nodes"):
        getattr(submitter, method)(asked, *([None] if method == "submit" else []))
    assert list(history.runs()) == []
    assert not (tmp_path / "home" / "snapshots").exists()


def test_a_cluster_has_no_more_nodes_than_it_was_deployed_with(tmp_path, source):
    history = History(tmp_path / "home" / "history.sqlite")
    asked = RunSpec("a.py", source, "cpu", node_count=4, origins={"node_count": "f:2"})
    submitter = Submitter(tmp_path / "home", history, environ={}, most_nodes={"cpu": 2}.get)
    with pytest.raises(UsageError, match="4 nodes: it has at most 2") as error:
        submitter.plan(asked)
    assert error.value.at == "f:2"


def test_an_environment_that_may_not_be_prepared_must_be_there(tmp_path, source):
    submitter = Submitter(tmp_path / "home", History(tmp_path / "h.sqlite"), environ={})
    environment = EnvironmentSpec("pip", requirements="", python="3.11")
    asked = RunSpec(
        "a.py", source, environment=environment, prepares=False, origins={"prepares": "f:5"}
    )
    with pytest.raises(DefinitionError, match="not been prepared") as error:
        submitter.plan(asked)
    assert error.value.at == "f:5"


def test_what_no_queue_and_no_eviction_can_end_is_a_note():
    policy = RetryPolicy(1, events=("evicted",))
    assert check_abilities(spec(queue_timeout_s=5, retry=policy), "local") == (
        "Target 'it' ignores retries when evicted: nobody evicts its runs.",
        "Target 'it' ignores a queue timeout of 5 s: it has no queue.",
    )


def test_what_a_node_of_azure_batch_cannot_do_is_refused_by_name():
    nodes = {"node_count": 2}
    cases = [
        ({**nodes, "distribution": Distribution("mpi")}, "MPI on 2 nodes"),
        ({**nodes, "retry": RetryPolicy(2)}, "retries"),
        ({"framework": "PySpark"}, "PySpark"),
        ({"docker": DockerOptions(use=True)}, "docker"),
        ({"prepares": False}, "may not prepare"),
    ]
    for fields, named in cases:
        with pytest.raises(UsageError) as refused:
            check_abilities(spec(**fields), "batch")
        assert named in refused.value.detail
    lost = RetryPolicy(2, events=("lost", "evicted"))
    taken = {**nodes, "distribution": Distribution("pytorch"), "retry": lost, "priority": 3}
    assert (
        check_abilities(spec(**taken, queue_timeout_s=60, batch=BatchOptions("p")), "batch") == ()
    )
    (note,) = check_abilities(spec(batch=BatchOptions("p")), "local")
    assert "ignores options of Azure Batch" in note


def test_the_nearest_target_that_takes_a_run_is_named(tmp_path):
    kinds = {"it": "virtual_machine", "nodes": "batch", "cpu": "aml_compute", "local": "local"}
    assert takers(spec(node_count=2), kinds) == ["nodes", "cpu"]
    assert takers(spec(priority=1), kinds) == ["nodes", "it", "local"]
    spark = {**kinds, "bricks": "databricks", "hdi": "hdinsight"}
    assert takers(spec(framework="PySpark"), spark) == ["bricks", "hdi", "it", "local"]
    history = History(tmp_path / "history.sqlite")
    submitter = Submitter(
        tmp_path, history, kind_of=kinds.__getitem__, kinds=lambda: kinds, report=print
    )
    (tmp_path / "a.py").touch()
    with pytest.raises(UsageError) as refused:
        submitter.plan(spec(node_count=2, source_directory=tmp_path))
    assert "Target 'nodes' takes it as it is: `--target nodes`." in refused.value.remedy


@pytest.mark.parametrize("kind", ["local", "docker", "aml_compute"])
def test_a_run_without_a_history_is_recorded_and_says_so(kind):
    (note,) = check_abilities(spec(collects=False), kind)
    assert note.startswith("Target 'it' ignores `outputCollection: false`: every run is recorded")
