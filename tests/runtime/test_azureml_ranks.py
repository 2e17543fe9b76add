"""Several processes of a run on a cluster: started, watched and read back over a real cloud."""

from dataclasses import replace

import pytest

from runtime.model.environments import EnvironmentSpec
from runtime.model.launching import Distribution, RetryPolicy
from runtime.model.states import RunState
from runtime.targets.azureml import AzureMLTarget
from runtime.testing.targets import a_run
from tests.runtime.test_azureml_target import clients, workspace

__all__ = ["clients", "workspace"]
REPORTS = """\
import os
from azureml.core import Run
rank = int(os.environ["RANK"])
Run.get_context().log("rank", rank)
open(f"outputs/{rank}", "w").close()
print("rank", rank, "node", os.environ["NODE_RANK"], os.environ["AZ_BATCHAI_TASK_INDEX"])
"""
FAILS = """\
import os, sys, time
rank = os.environ["RANK"]
print("I am", rank, flush=True)
if rank == "1":
    sys.exit(9)
time.sleep(100)
"""
AGAIN = (
    "import os, sys; print(os.environ['AML_ATTEMPT']); sys.exit(os.environ['AML_ATTEMPT'] < '2')"
)
PYTHON = EnvironmentSpec("user_managed", interpreter="python")


@pytest.fixture
def target(clients, workspace):
    made = AzureMLTarget(
        "cpu", clients(), workspace_id=workspace, compute_id=f"{workspace}/computes/cpu"
    )
    yield made
    made.close()


def launched(target, folder, script, **fields):
    run = a_run(folder, script, environment=PYTHON)
    return target.launch(replace(run, spec=replace(run.spec, target="cpu", **fields)))


def logs(target, handle):
    return {chunk.name: chunk.text for chunk in target.logs(handle, {})}


def test_each_process_of_a_run_has_an_agent_and_rank_0_reports(target, tmp_path, finished):
    how = Distribution("pytorch", processes=4)
    handle = launched(target, tmp_path, REPORTS, distribution=how, node_count=2)
    status = finished(target, handle, 90)
    assert status.state is RunState.COMPLETED, status.error
    found = logs(target, handle)
    assert {name for name in found if "user_logs" in name} == {
        f"user_logs/std_log_process_{rank}.txt" for rank in range(4)
    }
    assert found["user_logs/std_log_process_3.txt"] == "rank 3 node 1 3\n"
    assert not [name for name in found if "aml_events" in name]
    metrics = [e.data["value"] for e in status.events if e.kind == "metric"]
    assert 0 in metrics
    files = target.collect(handle, tmp_path / "got", print)
    assert {file.name for file in files} >= {"0", "1", "2", "3"}


def test_the_rank_that_fails_is_the_failure_of_the_run(target, tmp_path, finished):
    how = Distribution("pytorch", processes=2)
    handle = launched(target, tmp_path, FAILS, distribution=how)
    status = finished(target, handle, 90)
    assert (status.state, status.exit_code) == (RunState.FAILED, 9)
    assert "in rank 1 with exit code 9" in status.error
    assert status.error.endswith("I am 1")


def test_a_script_on_a_node_starts_again(target, tmp_path, finished):
    handle = launched(target, tmp_path, AGAIN, retry=RetryPolicy(2))
    status = finished(target, handle, 90)
    assert status.state is RunState.COMPLETED
    assert logs(target, handle)["user_logs/std_log.txt"] == "1\n2\n"
