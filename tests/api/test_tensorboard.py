"""`Tensorboard(run).start()`, with the real TensorBoard if uv can install it."""

import os
import subprocess

import httpx
import pytest

from aml_platform import Tensorboard, UserErrorException
from runtime.submit.tensorboard import command


@pytest.fixture
def run(experiment):
    with experiment.start_logging(snapshot_directory=None) as run:
        pass
    return run


@pytest.fixture(scope="module")
def installed():
    done = subprocess.run(
        [*command(os.environ), "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"TensorBoard cannot be installed: {done.stderr[-300:]}")


def test_it_answers_until_it_is_stopped(run, installed):
    board = Tensorboard([run], port=16006)
    address = board.start()
    assert httpx.get(address, timeout=60).status_code == 200
    board.stop()
    board.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, timeout=5)


def test_it_is_shown_for_runs(run, experiment, installed):
    with pytest.raises(UserErrorException, match="for no run"):
        Tensorboard([])
    with experiment.start_logging(snapshot_directory=None) as other:
        pass
    board = Tensorboard([run, other], port=16007)
    assert httpx.get(board.start(), timeout=60).status_code == 200
    board.stop()
