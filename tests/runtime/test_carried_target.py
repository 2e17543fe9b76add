"""Runs that a process carries elsewhere keep the contract, whoever is killed."""

import os
import signal
import time

import pytest

from runtime.model.states import RunState
from runtime.targets.carried import CarriedTarget
from runtime.targets.carrier import given_up
from runtime.targets.run_folder import RunFolder
from runtime.testing.here import HERE
from runtime.testing.targets import (
    MirroringContract,
    RestartingContract,
    a_run,
    poll,
)

COUNTS = """
import time
for number in range(400):
    print(number, flush=True)
    time.sleep(0.01)
open("outputs/model.txt", "w").write("weights")
"""


@pytest.fixture
def make_target(tmp_path):
    return lambda: CarriedTarget(
        "here",
        tmp_path / "home",
        {"kind": HERE, "root": str(tmp_path / "place")},
        manifest=tmp_path / "manifest.json",
        stack="dev",
    )


@pytest.fixture
def target(make_target):
    return make_target()


class TestCarriedTarget(RestartingContract, MirroringContract):
    @pytest.fixture
    def make_target(self, make_target):
        return make_target


def folder_of(tmp_path, handle):
    return RunFolder(tmp_path / "home" / "runs" / handle.reference)


def until(holds, patience_s=30):
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lines_of(target, handle):
    chunks = target.logs(handle, {})
    return "".join(c.text for c in chunks if c.name == "user_logs/std_log.txt").split()


def kill_carrier(folder):
    os.kill(int(folder.process_file.read_text()), signal.SIGKILL)


def test_a_killed_carrier_is_followed_by_another_and_no_line_is_lost(target, tmp_path):
    handle = target.launch(a_run(tmp_path, COUNTS))
    folder = folder_of(tmp_path, handle)
    for more in (20, 150, 300):
        until(lambda more=more: poll(target, handle) and len(lines_of(target, handle)) > more)
        kill_carrier(folder)
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.COMPLETED
    assert lines_of(target, handle) == [str(number) for number in range(400)]
    assert (folder.work / "outputs" / "model.txt").read_text() == "weights"
    assert not (tmp_path / "place" / handle.reference).exists()


def test_a_run_whose_carrier_died_before_it_was_started_has_failed(target, tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "cut").touch()
    handle = target.launch(a_run(tmp_path, COUNTS))
    folder = folder_of(tmp_path, handle)
    until(lambda: folder.process_file.exists() and folder.process_file.read_text())
    kill_carrier(folder)
    (tmp_path / "place" / "cut").unlink()
    until(lambda: poll(target, handle).state.final)
    status = poll(target, handle)
    assert status.state is RunState.FAILED
    assert "never started" in status.error


def test_a_run_whose_place_did_not_answer_when_it_was_to_start_says_so(target, tmp_path):
    cut = tmp_path / "place" / "cut"
    cut.parent.mkdir()
    cut.touch()
    handle = target.launch(a_run(tmp_path, COUNTS))
    until((folder_of(tmp_path, handle).path / "silent-since").exists)
    cut.unlink()
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.FAILED
    assert "The line is cut." in poll(target, handle).error
    assert not (tmp_path / "place" / handle.reference).exists()


def test_a_cut_line_loses_nothing(target, tmp_path):
    handle = target.launch(a_run(tmp_path, COUNTS))
    cut = tmp_path / "place" / "cut"
    until(lambda: len(lines_of(target, handle)) > 50)
    cut.touch()
    until(lambda: poll(target, handle).state is RunState.NOT_RESPONDING)
    cut.unlink()
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.COMPLETED
    assert lines_of(target, handle) == [str(number) for number in range(400)]


def test_canceling_after_the_carrier_died_takes_effect(target, tmp_path):
    handle = target.launch(a_run(tmp_path, COUNTS.replace("400", "40000")))
    until(lambda: len(lines_of(target, handle)) > 5)
    kill_carrier(folder_of(tmp_path, handle))
    target.cancel(handle)
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.CANCELED


def test_what_ends_without_a_word_has_failed_with_the_reason(target, tmp_path):
    script = "import os, signal\nprint('x', flush=True)\nos.kill(os.getppid(), signal.SIGKILL)\n"
    handle = target.launch(a_run(tmp_path, script))
    until(lambda: poll(target, handle).state.final)
    assert poll(target, handle).state is RunState.FAILED
    assert "processes are gone" in poll(target, handle).error


@pytest.mark.parametrize(
    ("silent_s", "canceled", "says"),
    [
        (3600, False, ""),
        (86_500, False, "for a day"),
        (200, True, ""),
        (400, True, "may go on there"),
    ],
)
def test_a_run_whose_place_is_gone_is_given_up_in_the_end(silent_s, canceled, says):
    why = given_up(silent_s, canceled=canceled)
    assert says in why
    assert bool(says) == bool(why)
