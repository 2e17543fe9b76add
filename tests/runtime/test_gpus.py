"""GPUs as nvidia-smi reports them, and samples of them as metrics."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from runtime.agent.gpus import Gpu, gpus, parsed, samples
from runtime.model.launching import DockerOptions, RunCluster
from runtime.model.runs import RunSpec
from runtime.model.services import BatchOptions, DatabricksOptions
from runtime.submit.gpus import check_gpus
from runtime.targets.docker_target import container_settings
from runtime.targets.local import LocalTarget
from runtime.testing.targets import a_run

LISTED = """\
0, NVIDIA H100 80GB HBM3, 37, 1024, 81559, 120.50
1, NVIDIA A100-SXM4-40GB MIG 1g.5gb, [N/A], 5, 4864, [Not Supported]
"""
PROGRAM = f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n"


@pytest.fixture
def with_gpus(tmp_path):
    """A PATH with a program that prints what nvidia-smi printed on a machine with GPUs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "nvidia-smi").write_text(PROGRAM)
    (folder / "nvidia-smi").chmod(0o755)
    return f"{folder}:/usr/bin:/bin"


def test_what_a_device_does_not_report_is_unknown():
    first, second = parsed(LISTED)
    assert first == Gpu(0, "NVIDIA H100 80GB HBM3", 37.0, 1024.0, 81559.0, 120.5)
    assert (second.utilization_percent, second.power_w) == (None, None)
    assert dict(samples(second)) == {
        "system/gpu_1_memory_usage_megabytes": 5.0,
        "system/gpu_1_memory_usage_percentage": pytest.approx(0.103, abs=1e-3),
    }


def test_a_machine_without_a_driver_has_no_gpus():
    assert gpus("no-such-program") == []
    assert list(parsed("NVIDIA-SMI has failed\n")) == []


def test_samples_of_gpus_are_system_metrics(agent, with_gpus):
    agent.run("import time; time.sleep(1)", PATH=with_gpus)
    found = {e["data"]["key"]: e["data"]["value"] for e in agent.events if e["kind"] == "metric"}
    assert found["system/gpu_0_utilization_percentage"] == 37.0
    assert all(key.startswith("system/gpu_") for key in found)


def test_a_run_that_asks_for_gpus_does_not_start_without(agent, with_gpus):
    code, output = agent.run("print('ran')", "--gpus=1")
    assert code == 127
    assert "asks for 1 GPU, and its machine has none" in output
    assert agent.last_state["state"] == "Failed"
    assert agent.run("print('ran')", "--gpus=3", PATH=with_gpus)[0] == 127
    assert "its machine has 2" in agent.last_state["error"]
    assert agent.run("print('ran')", "--gpus=2", PATH=with_gpus) == (0, "ran\n")


def refusal(kind="aml_compute", **fields):
    """Return why a run is not submitted that asks for two GPUs."""
    sizes = {"cpu": "STANDARD_DS3_V2", "gpu": "Standard_NC4as_T4_v3", "new": "Standard_X1"}
    try:
        spec = RunSpec("a.py", Path(), gpus=2, **fields)
        check_gpus(spec, kind, lambda name: sizes.get(name, ""))
    except UsageError as error:
        return error.detail
    return ""


def test_a_vm_size_with_too_few_gpus_is_refused_before_the_run():
    assert "a Standard_DS3_v2 (target 'cpu') has none" in refusal(target="cpu")
    assert "a Standard_NC4as_T4_v3 (target 'gpu') has 1" in refusal(target="gpu")
    made = RunCluster("Standard_NC4as_T4_v3")
    assert "has 1" in refusal(target="amlcompute", cluster=made)
    assert "a Standard_D4ds_v5 (target 'b') has none" in refusal("databricks", target="b")
    two = BatchOptions(vm_size="standard_nc4as_t4_v3")
    assert "a Standard_NC4as_T4_v3 (target 'b') has 1" in refusal("batch", target="b", batch=two)
    assert refusal("batch", target="b", batch=BatchOptions("pool")) == ""
    assert refusal("databricks", target="b", databricks=DatabricksOptions(cluster_id="c")) == ""
    assert refusal(target="new") == refusal(target="a-machine") == ""


def test_this_machine_is_asked_before_the_run(tmp_path, with_gpus, monkeypatch):
    target, spec = LocalTarget(tmp_path), RunSpec("a.py", Path(), gpus=3)
    monkeypatch.setenv("PATH", with_gpus)
    with pytest.raises(UsageError, match="asks for 3 GPUs, and this machine has 2"):
        target.plan(spec)
    assert target.plan(replace(spec, gpus=2)) == ""


def test_a_container_is_given_the_number_of_gpus(tmp_path):
    def container(**fields):
        run = a_run(tmp_path, "pass")
        return container_settings(replace(run, spec=replace(run.spec, **fields)))["gpus"]

    assert container(gpus=2) == "2"
    assert (
        container(gpus=2, docker=DockerOptions(arguments=("--gpus", "device=0,1"))) == "device=0,1"
    )
    assert (container(docker=DockerOptions(gpu=True)), container()) == ("all", "")
