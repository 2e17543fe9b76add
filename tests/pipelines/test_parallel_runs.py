"""The driver of parallel steps: retries, time limits, thresholds, rows and their order."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.contract.errors import UsageError
from runtime.model.parallel import ParallelTask, parallel_command, split_size

DRIVER = Path(__file__).parents[2] / "runtime" / "agent" / "azureml_site"
TASK = {
    "entry_script": "score.py",
    "inputs": ["data"],
    "output": "out",
    "mini_batch_size": {"count": 1},
    "error_threshold": -1,
    "output_action": "append_row",
    "append_row_file_name": "rows.txt",
    "process_count_per_node": 2,
    "run_invocation_timeout_s": 30,
    "run_max_try": 2,
}
SCRIPT = """
import os, time, pathlib
def init():
    print("loaded", os.getpid())
def run(mini_batch):
    (path,) = mini_batch
    tries = pathlib.Path(path + ".tries")
    tries.write_text(tries.read_text() + "x" if tries.exists() else "x")
    text = pathlib.Path(path).read_text()
    if text == "hangs" or (text == "once" and tries.read_text() == "x"):
        time.sleep(60)
    if text == "dies":
        os._exit(9)
    if text == "slow":
        time.sleep(0.3)
    if text == "wrong":
        raise ValueError("wrong")
    return [text]
"""


@pytest.fixture
def parallel(tmp_path):
    """Return what runs the driver over files with these texts; it returns the code and the rows."""
    (tmp_path / "data").mkdir()
    (tmp_path / "score.py").write_text(SCRIPT)

    def call(*texts, **changes):
        for number, text in enumerate(texts):
            (tmp_path / "data" / f"{number}.txt").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "aml_parallel_run", json.dumps({**TASK, **changes})],
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(DRIVER),
                "AZUREML_DATAREFERENCE_data": str(tmp_path / "data"),
                "AZUREML_DATAREFERENCE_out": str(tmp_path / "out"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        rows = tmp_path / "out" / "rows.txt"
        return done, rows.read_text().split() if rows.exists() else None

    return call


def test_rows_are_in_the_order_of_the_mini_batches(parallel):
    done, rows = parallel("slow", "b", "c", "d")
    assert (done.returncode, rows) == (0, ["slow", "b", "c", "d"])


def test_a_mini_batch_that_hangs_or_kills_its_process_is_tried_again(parallel):
    done, rows = parallel("once", "b", "dies", run_invocation_timeout_s=2)
    assert (done.returncode, rows) == (0, ["once", "b"])
    assert "It took longer than 2 s." in done.stderr
    assert "The worker ended with exit code 9." in done.stderr
    assert "Mini-batch 2 failed (2 of 2 tries)" in done.stderr


def test_items_that_fail_are_counted(parallel):
    assert parallel("a", "wrong", error_threshold=1)[0].returncode == 0
    done, _ = parallel("a", "wrong", error_threshold=0)
    assert done.returncode == 1
    assert "1 items were not processed, and error_threshold is 0." in done.stderr


def test_mini_batches_that_fail_are_counted(parallel):
    done, _ = parallel("a", "wrong", allowed_failed_percent=40.0)
    assert "1 of 2 mini-batches failed, and 40.0 % may." in done.stderr


def test_a_script_that_cannot_be_loaded_fails_the_step_with_its_traceback(parallel):
    done, _ = parallel("a", entry_script="missing.py")
    assert done.returncode == 1
    assert "there is no script missing.py" in done.stderr


def test_a_script_may_write_its_output_itself(parallel):
    assert parallel("a", output_action="summary_only")[1] is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [("10", {"count": 10}), (5, {"count": 5}), ("1MB", {"bytes": 1 << 20}), (None, {})],
)
def test_a_mini_batch_has_a_count_or_a_size(given, expected):
    assert split_size(given) == expected


def test_a_size_that_is_none_is_refused():
    with pytest.raises(UsageError, match="mini_batch_size is 'many'"):
        split_size("many")


def test_rows_need_an_output():
    with pytest.raises(UsageError, match="the step has no output"):
        parallel_command(ParallelTask("s.py", ("data",), None))
