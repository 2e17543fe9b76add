"""Runs in containers keep the contract of targets, against a real engine."""

import time

import pytest

from runtime.model.states import RunState
from runtime.testing.targets import MirroringContract, RestartingContract, poll
from tests.containers.conftest import log_of, until

pytestmark = [pytest.mark.needs_docker, pytest.mark.slow]


class TestDockerTarget(RestartingContract, MirroringContract):
    patience_s = 120.0

    @pytest.fixture
    def make_target(self, make_target):
        return make_target

    @pytest.fixture
    def make_run(self, make_run):
        return make_run


STOPS = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path("outputs/stopped.txt").write_text(repr(time.time()))
    sys.exit(3)
signal.signal(signal.SIGTERM, stop)
print("started", flush=True)
time.sleep(600)
"""


def test_a_cancel_reaches_the_script_within_two_seconds(make_target, make_run):
    target = make_target()
    handle = target.launch(make_run(STOPS))
    until(lambda: poll(target, handle) and "started" in log_of(target, handle))
    began = time.time()
    target.cancel(handle)
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.CANCELED
    stopped = target.folder(handle.reference).work / "outputs" / "stopped.txt"
    assert float(stopped.read_text()) - began < 2
