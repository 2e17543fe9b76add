"""GPUs as nvidia-smi reports them, and samples of them as metrics."""

import pytest

from runtime.agent.gpus import Gpu, gpus, parsed, samples

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
