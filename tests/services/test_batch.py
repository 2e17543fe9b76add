"""The Batch service, driven by azure-batch and azure-storage-blob as they are."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AccessToken, AzureNamedKeyCredential
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.blob import BlobServiceClient, ContainerSasPermissions, generate_container_sas

from tests.localcloud.harness import waited
from tests.services.conftest import GROUP

STORAGE = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/batchfiles"
ACCOUNT = f"{GROUP}/providers/Microsoft.Batch/batchAccounts/local1"
MACHINE = models.VirtualMachineConfiguration(
    image_reference=models.BatchVmImageReference(
        publisher="canonical", offer="ubuntu-24_04-lts", sku="server"
    ),
    node_agent_sku_id="batch.node.ubuntu 24.04",
)
POOL = models.BatchPoolInfo(pool_id="two")


@pytest.fixture(scope="module")
def storage(cloud, deployed):
    deployed(
        "Microsoft.Storage/storageAccounts",
        "batchfiles",
        kind="StorageV2",
        sku={"name": "Standard_LRS"},
    )
    key = cloud.arm("POST", f"{STORAGE}/listKeys").json()["keys"][0]["value"]
    credential = {"account_name": "batchfiles", "account_key": key}
    return BlobServiceClient(
        f"{cloud.url}/batchfiles", credential=credential, connection_verify=str(cloud.ca)
    )


@pytest.fixture(scope="module")
def account(cloud, storage, deployed):
    properties = {"autoStorage": {"storageAccountId": STORAGE}}
    found = deployed("Microsoft.Batch/batchAccounts", "local1", properties=properties)
    keys = cloud.arm("POST", f"{ACCOUNT}/listKeys").json()
    return f"https://{found['properties']['accountEndpoint']}", keys


@pytest.fixture(scope="module")
def batch(cloud, account):
    endpoint, keys = account
    credential = AzureNamedKeyCredential("local1", keys["primary"])
    with BatchClient(endpoint, credential, connection_verify=str(cloud.ca)) as client:
        client.create_pool(
            models.BatchPoolCreateOptions(
                id="two",
                vm_size="standard_d2_v3",
                virtual_machine_configuration=MACHINE,
                target_dedicated_nodes=2,
                enable_inter_node_communication=True,
            )
        )
        yield client


@pytest.fixture
def job(batch, name):
    batch.create_job(models.BatchJobCreateOptions(id=name, pool_info=POOL))
    return name


def task(command, **options):
    return models.BatchTaskCreateOptions(id="t", command_line=f"/bin/sh -c '{command}'", **options)


def ended(batch, job, name="t"):
    """Return a task's execution facts once it is completed."""
    found = waited(lambda: batch.get_task(job, name), lambda task: task.state == "completed")
    return found.execution_info


def text(batch, job, file, name="t", **options):
    return b"".join(batch.download_task_file(job, name, file, **options)).decode()


def gone(batch, pool):
    return pool not in {each.id for each in batch.list_pools()}  # `pool_exists` fails on a 404


def signed(storage, container, permissions):
    token = generate_container_sas(
        "batchfiles",
        container,
        account_key=storage.credential.account_key,
        permission=ContainerSasPermissions.from_string(permissions),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{storage.url}{container}?{token}"


def test_a_task_gets_files_runs_and_sends_files(batch, storage, job):
    for container, blob in (("code", "src/main.sh"), ("inputs", "a/data.txt")):
        storage.create_container(container).upload_blob(blob, b"cat data/a/*; exit $CODE")
    storage.create_container("results")
    code = signed(storage, "code", "r").replace("/code?", "/code/src/main.sh?")
    given = task(
        "sh main.sh >got.txt; cat got.txt $AZ_BATCH_TASK_DIR/wd/main.sh; echo bad >&2; exit 3",
        environment_settings=[models.EnvironmentSetting(name="CODE", value="0")],
        resource_files=[
            models.ResourceFile(http_url=code, file_path="main.sh"),
            models.ResourceFile(
                auto_storage_container_name="inputs", blob_prefix="a/", file_path="data"
            ),
        ],
        output_files=[
            models.OutputFile(
                file_pattern=pattern,
                destination=models.OutputFileDestination(
                    container=models.OutputFileBlobContainerDestination(
                        container_url=signed(storage, "results", "w"), path="out"
                    )
                ),
                upload_options=models.OutputFileUploadConfiguration(upload_condition=condition),
            )
            for pattern, condition in (("../std*.txt", "taskcompletion"), ("*.sh", "tasksuccess"))
        ],
    )
    batch.create_task(job, given)
    info = ended(batch, job)
    assert (info.exit_code, info.result, info.failure_info.code) == (
        3, "failure", "FailureExitCode",
    )  # fmt: skip
    both = "cat data/a/*; exit $CODE" * 2
    assert (text(batch, job, "stdout.txt"), text(batch, job, "stderr.txt")) == (both, "bad\n")
    assert text(batch, job, "wd/got.txt", ocp_range="bytes=0-2") == "cat"
    facts = batch.get_task_file_properties(job, "t", "stdout.txt")
    assert (facts.content_length, facts.is_directory) == (len(both), False)
    names = {file.name for file in batch.list_task_files(job, "t", recursive=True)}
    assert {"stdout.txt", "wd", "wd/data/a/data.txt", "wd/main.sh"} <= names
    sent = storage.get_container_client("results").list_blob_names()
    assert list(sent) == ["out/stderr.txt", "out/stdout.txt"]


def test_a_failing_task_is_retried_and_a_long_one_ended(batch, job):
    retried = models.BatchTaskConstraints(max_task_retry_count=2)
    counted = "echo x >>$AZ_BATCH_NODE_SHARED_DIR/$AZ_BATCH_JOB_ID; exit 1"
    short = models.BatchTaskConstraints(max_wall_clock_time=timedelta(seconds=1))
    result = batch.create_tasks(
        job,
        [
            task(counted, constraints=retried),
            models.BatchTaskCreateOptions(id="long", command_line="sleep 60", constraints=short),
            models.BatchTaskCreateOptions(id="none", command_line="no-such-program"),
        ],
    )
    assert {each.status for each in result.result_values} == {"success"}
    assert ended(batch, job).retry_count == 2
    assert ended(batch, job, "none").failure_info.code == "CommandProgramNotFound"
    assert "maxWallClockTime" in ended(batch, job, "long").failure_info.message
    counts = batch.get_job_task_counts(job).task_counts
    assert (counts.completed, counts.failed) == (3, 3)
    batch.reactivate_task(job, "none")
    assert ended(batch, job, "none").result == "failure"


def test_several_nodes_coordinate_and_one_runs_the_command(batch, job):
    line = '/bin/sh -c "echo $AZ_BATCH_NODE_ID >>../../where"'
    batch.create_task(
        job,
        models.BatchTaskCreateOptions(
            id="t",
            command_line='/bin/sh -c "cat ../../where; echo $AZ_BATCH_NODE_LIST"',
            multi_instance_settings=models.MultiInstanceSettings(
                number_of_instances=2, coordination_command_line=line
            ),
        ),
    )
    assert ended(batch, job).exit_code == 0
    first, both = text(batch, job, "stdout.txt").split()
    assert (both.split(";")[0], len(both.split(";"))) == (first, 2)
    assert [subtask.state for subtask in batch.list_subtasks(job, "t")] == ["completed"]


def test_a_running_task_and_a_job_are_terminated(batch, job):
    batch.create_task(job, task("echo begun; exec sleep 60"))
    batch.create_task(job, models.BatchTaskCreateOptions(id="other", command_line="sleep 60"))
    waited(lambda: batch.get_task(job, "t").state, lambda state: state == "running")
    waited(lambda: text(batch, job, "stdout.txt"), lambda shown: shown == "begun\n")
    assert "running" in {node.state for node in batch.list_nodes("two")}
    batch.terminate_task(job, "t")
    assert ended(batch, job).failure_info.code == "TaskEnded"
    batch.begin_terminate_job(job, options={"terminateReason": "enough"}, polling_interval=0.05)
    assert ended(batch, job, "other").result == "failure"
    found = waited(lambda: batch.get_job(job), lambda each: each.state == "completed")
    assert found.execution_info.termination_reason == "enough"
    batch.delete_task(job, "t")
    batch.begin_delete_job(job, polling_interval=0.05)
    with pytest.raises(ResourceNotFoundError) as refused:
        batch.get_job(job)
    assert refused.value.error.code == "JobNotFound"


def test_a_job_with_a_pool_of_its_own_ends_with_it(batch, name):
    own = models.BatchAutoPoolSpecification(
        pool_lifetime_option="job",
        auto_pool_id_prefix="own",
        pool=models.BatchPoolSpecification(
            vm_size="standard_d2_v3",
            virtual_machine_configuration=MACHINE,
            target_dedicated_nodes=1,
            task_slots_per_node=2,
        ),
    )
    batch.create_job(
        models.BatchJobCreateOptions(
            id=name,
            uses_task_dependencies=True,
            pool_info=models.BatchPoolInfo(auto_pool_specification=own),
        )
    )
    pool = batch.get_job(name).execution_info.pool_id
    assert pool.startswith("own_")
    assert batch.get_pool(pool).current_dedicated_nodes == 1
    after = models.BatchTaskDependencies(task_ids=["t"])
    batch.create_task(
        name, models.BatchTaskCreateOptions(id="after", command_line="true", depends_on=after)
    )
    batch.create_task(name, task("sleep 0.3"))
    first, last = ended(batch, name), ended(batch, name, "after")
    assert last.start_time >= first.end_time
    batch.update_job(
        name,
        models.BatchJobUpdateOptions(
            all_tasks_complete_mode=models.BatchAllTasksCompleteMode.TERMINATE_JOB
        ),
    )
    waited(lambda: batch.get_job(name).state, lambda state: state == "completed")
    assert waited(lambda: gone(batch, pool))


def test_a_task_whose_node_leaves_starts_again(batch, name):
    batch.create_pool(
        models.BatchPoolCreateOptions(
            id=name,
            vm_size="standard_d2_v3",
            virtual_machine_configuration=MACHINE,
            target_low_priority_nodes=1,
        )
    )
    batch.create_job(
        models.BatchJobCreateOptions(id=name, pool_info=models.BatchPoolInfo(pool_id=name))
    )
    batch.create_task(name, task("test -e $AZ_BATCH_NODE_ROOT_DIR/../again || exec sleep 60"))
    waited(lambda: batch.get_task(name, "t").state, lambda state: state == "running")
    batch.begin_resize_pool(
        name, models.BatchPoolResizeOptions(target_low_priority_nodes=0), polling_interval=0.05
    )
    waited(lambda: batch.get_pool(name).current_low_priority_nodes == 0)
    assert batch.get_task(name, "t").execution_info.requeue_count == 1
    batch.begin_delete_pool(name, polling_interval=0.05)
    assert waited(lambda: gone(batch, name))


def test_what_nodes_cannot_do_is_refused_by_name(batch, job):
    with pytest.raises(HttpResponseError) as refused:
        batch.create_task(
            job, task("true", container_settings=models.BatchTaskContainerSettings(image_name="x"))
        )
    assert "task.containerSettings" in refused.value.error.message
    with pytest.raises(HttpResponseError) as refused:
        list(batch.list_applications())
    assert refused.value.error.code == "NotSupported"
    with pytest.raises(ResourceExistsError):
        batch.create_job(models.BatchJobCreateOptions(id=job, pool_info=POOL))
    listed = list(batch.list_jobs(filter=f"id eq '{job}'", select=["id"]))
    assert [each.as_dict() for each in listed] == [{"id": job}]


class Token:
    def __init__(self, token):
        self._token = token

    def get_token(self, *scopes, **options):
        return AccessToken(self._token, int(time.time()) + 3600)


def test_keys_and_tokens_of_this_cloud_are_accepted_and_no_others(cloud, account, batch):
    endpoint, _ = account
    with BatchClient(endpoint, Token(cloud.token), connection_verify=str(cloud.ca)) as client:
        assert client.get_pool("two").id == "two"
    wrong = AzureNamedKeyCredential("local1", "d3Jvbmc=")
    with (
        BatchClient(endpoint, wrong, connection_verify=str(cloud.ca)) as client,
        pytest.raises(ClientAuthenticationError),
    ):
        client.get_pool("two")
