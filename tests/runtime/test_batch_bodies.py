"""What is sent to Azure Batch, and how a node finds its place among others. Without a service."""

import pytest

from infra.contract.errors import UsageError
from runtime.agent.node_run import hosts, node_rank
from runtime.model.services import BatchOptions, batch_command
from runtime.targets.batch_bodies import (
    Image,
    Laid,
    is_own,
    made_by,
    own_pool,
    parse_image,
    pool_body,
    ports,
    resource_id,
    task_body,
)
from runtime.targets.batch_place import goes_on

LAID = Laid("https://c?sig", "https://c?w", "trees/t", "https://c/a?sig", "https://c/n?sig")


def test_ids_are_the_runs_own_where_batch_takes_them():
    assert resource_id("exp_1_abc") == "exp_1_abc"
    long, dotted = resource_id("x" * 90), resource_id("exp.1")
    assert (len(long), long[:50]) == (64, "x" * 50)
    assert dotted.startswith("exp-1-")
    assert dotted != resource_id("exp-1")


def test_images_are_named_as_azureml_core_does_or_shorter():
    assert parse_image("") == Image("canonical", "ubuntu-24_04-lts", "server")
    assert parse_image("urn:a:b:c:1") == parse_image("a:b:c:1") == Image("a", "b", "c", "1")
    assert parse_image("A:B:C").is_offered({"publisher": "a", "offer": "b", "sku": "c"})
    for wrong in ("ubuntu", "a:b", "a::c", "urn:MicrosoftWindowsServer:WindowsServer:2022"):
        with pytest.raises(UsageError):
            parse_image(wrong)


def test_a_made_pool_has_the_nodes_of_the_run_and_says_who_made_it():
    image = parse_image("")
    pool = pool_body(BatchOptions(low_priority=True), 3, image, "agent", "r")
    assert (pool["targetLowPriorityNodes"], pool["enableInterNodeCommunication"]) == (3, True)
    assert made_by(pool) == "r"
    more = pool_body(BatchOptions(nodes=5), 1, image, "agent", "r")
    assert (more["targetDedicatedNodes"], more["enableInterNodeCommunication"]) == (5, False)


def test_files_are_of_the_task_or_of_all_its_nodes():
    one = task_body(LAID, run_folder="f", node_count=1, max_duration_s=60, as_admin=False)
    two = task_body(LAID, run_folder="f", node_count=2, max_duration_s=0, as_admin=True)
    assert one["constraints"] == {"maxTaskRetryCount": 0, "maxWallClockTime": "PT1H1M"}
    assert [file.get("filePath") for file in one["resourceFiles"]][:2] == [
        "aml_agent.pyz",
        "node.json",
    ]
    assert "resourceFiles" not in two
    several = two["multiInstanceSettings"]
    assert several["commonResourceFiles"] == one["resourceFiles"]
    assert " coordinate " in several["coordinationCommandLine"]
    assert " node " in two["commandLine"]
    assert two["userIdentity"]["autoUser"]["elevationLevel"] == "admin"
    assert ports("a") != ports("b")


def test_the_first_of_several_nodes_is_the_one_of_the_tasks_command():
    real = {"AZ_BATCH_HOST_LIST": "10.0.0.4,127.0.0.1", "AZ_BATCH_MASTER_NODE": "10.0.0.4:6000"}
    assert hosts(real) == ("10.0.0.4", "127.0.0.1")
    other = {**real, "AZ_BATCH_IS_CURRENT_NODE_MASTER": "false"}
    assert node_rank(other, hosts(other)) == 1
    assert node_rank(real, hosts(real)) == 0
    turned = {**real, "AZ_BATCH_MASTER_NODE": "127.0.0.1:6000"}
    assert hosts(turned) == ("127.0.0.1", "10.0.0.4")
    named = {
        **other,
        "AZ_BATCH_NODE_LIST": "a;b;c",
        "AZ_BATCH_NODE_ID": "c",
    }
    assert node_rank(named, ("1", "2", "3")) == 2


def test_positive_exit_codes_are_failures_unless_they_are_not():
    assert batch_command("a b", positive_is_failure=True) == "a b"
    assert batch_command("a b", positive_is_failure=False) == "bash -c 'a b' || [ $? -lt 128 ]"


def test_a_pool_that_is_deleted_with_its_job_is_told_from_one_that_stays():
    run = "experiment_1795876061_c140ce67"
    body = pool_body(BatchOptions(), 1, parse_image(""), "batch.node.ubuntu 24.04", run)
    prefix = own_pool(run, body)["autoPoolSpecification"]["autoPoolIdPrefix"]
    assert is_own({**body, "id": f"{prefix}_75717012-f8de-47cd-9b55-619a40923ad5"})
    assert not is_own({**body, "id": "kept"})
    assert not is_own({"id": f"{prefix}_75717012-f8de-47cd-9b55-619a40923ad5"})


@pytest.mark.parametrize(("last", "cut_off"), [(None, True), (1, False), (2, True)])
def test_an_attempt_is_cut_off_by_the_loss_of_its_node_unless_it_was_the_last(last, cut_off):
    end = None if last is None else {"attempt": last}
    assert goes_on(end, 1) is cut_off
