"""Which processes there are, and what each of them sees: the table of Azure ML's launchers."""

import json

import pytest

from runtime.agent.ranks import (
    Launch,
    Process,
    expanded,
    missing_variables,
    placed,
    ports_needed,
    process_variables,
    started_as,
)

TWO = ("a", "b")


def variables(launch, rank):
    return process_variables(launch, placed(launch)[rank])


def test_ranks_are_block_wise():
    found = placed(Launch("pytorch", processes_per_node=2, hosts=TWO))
    assert [(each.rank, each.node, each.local_rank) for each in found] == [
        (0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 1, 1),
    ]  # fmt: skip
    assert {(each.size, each.local_size) for each in found} == {(4, 2)}


def test_a_process_of_pytorch_knows_its_rank_and_where_rank_0_is():
    launch = Launch("pytorch", processes_per_node=2, backend="nccl", hosts=TWO, port=6106)
    assert variables(launch, 3) == {
        "MASTER_ADDR": "a",
        "MASTER_PORT": "6106",
        "WORLD_SIZE": "4",
        "NODE_RANK": "1",
        "RANK": "3",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "2",
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": "tcp://a:6106",
        "AZ_BATCHAI_TASK_INDEX": "3",
        "AZ_BATCHAI_PYTORCH_BACKEND": "nccl",
        "AZUREML_NODE_COUNT": "2",
        "AZUREML_CR_NODE_RANK": "1",
        "AZ_BATCH_HOST_LIST": "a,b",
    }


def test_the_port_is_that_of_azure_ml():
    assert variables(Launch("pytorch"), 0)["MASTER_PORT"] == "6105"


@pytest.mark.parametrize(
    ("hosts", "name", "value"),
    [
        (("a",), "AZ_BATCHAI_MPI_MASTER_NODE", "a"),
        (TWO, "AZ_BATCH_MASTER_NODE", "a:6105"),
    ],
)
def test_a_rank_of_mpi_knows_the_first_node(hosts, name, value):
    found = variables(Launch("mpi", hosts=hosts), 0)
    assert found[name] == value
    assert len([each for each in found if "MASTER" in each]) == 1


def test_a_process_of_tensorflow_knows_the_cluster_and_its_task():
    launch = Launch("tensorflow", workers=2, parameter_servers=1, hosts=TWO, port=2222)
    found = variables(launch, 1)
    assert json.loads(found["TF_CONFIG"]) == {
        "cluster": {"worker": ["a:2222", "b:2222"], "ps": ["a:2223"]},
        "task": {"type": "worker", "index": 1},
        "environment": "cloud",
    }
    assert found["AZ_BATCHAI_WORKER_HOSTS"] == "a:2222,b:2222"
    assert found["AZ_BATCHAI_PS_HOSTS"] == "a:2223"
    server = variables(launch, 2)
    assert json.loads(server["TF_CONFIG"])["task"] == {"type": "ps", "index": 0}
    assert (server["AZ_BATCHAI_TASK_INDEX"], server["AZUREML_CR_NODE_RANK"]) == ("0", "0")


def test_without_parameter_servers_the_cluster_has_none():
    found = variables(Launch("tensorflow", workers=3), 0)
    assert list(json.loads(found["TF_CONFIG"])["cluster"]) == ["worker"]


@pytest.mark.parametrize(
    ("launch", "count"),
    [
        (Launch("pytorch", processes_per_node=4), 1),
        (Launch("tensorflow", workers=3, parameter_servers=2), 5),
        (Launch("tensorflow", workers=3, parameter_servers=2, hosts=TWO), 3),
    ],
)
def test_each_process_of_tensorflow_needs_a_port(launch, count):
    assert ports_needed(launch) == count


def test_names_of_batch_ai_in_arguments_are_replaced():
    known = {"AZ_BATCHAI_TASK_INDEX": "3", "AZ_BATCH_HOST_LIST": "a,b", "RANK": "3"}
    given = ["--rank", "$AZ_BATCHAI_TASK_INDEX", "x=${AZ_BATCH_HOST_LIST}", "$RANK", "$AZ_BATCHAI"]
    assert expanded(given, known) == ["--rank", "3", "x=a,b", "$RANK", "$AZ_BATCHAI"]


def tf_config(job, index):
    cluster = {"ps": ["a:2"], "worker": ["a:1", "b:1"]}
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({}, None, id="nobody"),
        pytest.param({"RANK": "x", "WORLD_SIZE": "2"}, None, id="no number"),
        pytest.param({"TF_CONFIG": "{"}, None, id="no document"),
        pytest.param(
            {
                "OMPI_COMM_WORLD_RANK": "5", "OMPI_COMM_WORLD_SIZE": "6",
                "OMPI_COMM_WORLD_LOCAL_RANK": "1", "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
                "OMPI_COMM_WORLD_NODE_RANK": "1",
            },
            Process(5, 2, 1, 2, 6),
            id="open mpi",
        ),
        pytest.param(
            {"PMI_RANK": "1", "PMI_SIZE": "2", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"},
            Process(1, 0, 1, 2, 2),
            id="mpich",
        ),
        pytest.param(
            {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "NODE_RANK": "1",
             "AZUREML_NODE_COUNT": "2"},
            Process(3, 1, 1, 2, 4),
            id="pytorch",
        ),
        pytest.param(
            {"TF_CONFIG": tf_config("worker", 1)}, Process(1, 1, 0, 1, 3, "worker", 1), id="worker"
        ),
        pytest.param({"TF_CONFIG": tf_config("ps", 0)}, Process(2, 0, 1, 2, 3, "ps", 0), id="ps"),
    ],
)  # fmt: skip
def test_a_launcher_says_which_process_this_is(environ, expected):
    assert started_as(environ) == expected


def test_what_launchers_of_today_do_not_set_is_added():
    environ = {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "a", "MASTER_PORT": "6105"}
    assert missing_variables(environ, started_as(environ)) == {
        "AZUREML_CR_NODE_RANK": "0",
        "AZ_BATCHAI_PYTORCH_INIT_METHOD": "tcp://a:6105",
        "AZ_BATCHAI_TASK_INDEX": "1",
        "AZ_BATCHAI_PYTORCH_BACKEND": "gloo",
    }
    assert missing_variables({"AZUREML_CR_NODE_RANK": "7"}, Process(0, 0, 0, 1, 1)) == {}
