"""A real `aml up`, killed or interrupted while it deploys: the next one puts it right."""

import os
import signal
import time

import pytest

pytestmark = pytest.mark.slow
PATIENCE_S = 30.0
MORE = "    - {kind: aml_compute, name: more, vm_size: STANDARD_DS3_V2, max_nodes: 1}\n"


def journal_lines(project):
    try:
        data = project.state_file().with_name("local.json.journal").read_bytes()
    except FileNotFoundError:
        return 0
    return data.count(b"\n")


def reached(project, lines, process):
    """Wait until the journal has so many lines, or the process has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while journal_lines(project) < lines and process.poll() is None:
        assert time.monotonic() < deadline


def up_until(project, lines, *signals):
    """Start `aml up --yes`, send it the signals once its journal has so many lines; return it."""
    process = project.start("up", "--yes")
    reached(project, lines, process)
    for number in signals:
        process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE_S)
    return process.returncode, err


def assert_converges(project):
    """Assert that the next `aml up` ends well, with nothing twice and nothing forgotten."""
    project.good("up", "--yes")
    assert project.in_cloud() == project.in_state()
    project.good("up", "--expect-no-changes")


@pytest.mark.parametrize("lines", [1, 4, 9, 14, 18, 22])
def test_a_first_up_that_is_killed_is_put_right(project, lines):
    code, _ = up_until(project, lines, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert journal_lines(project) >= lines
    assert_converges(project)
    assert len(project.in_cloud()) == 8


@pytest.mark.parametrize("lines", [1, 3, 6, 9, 12, 16])
def test_a_second_up_that_is_killed_is_put_right(deployed, lines):
    deployed.edit("{team: ml}", "{team: data, owner: ann}")
    deployed.edit("STANDARD_DS3_V2", "STANDARD_DS2_V2")
    deployed.edit("    - {kind", f"{MORE}    - {{kind")
    code, _ = up_until(deployed, lines, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert_converges(deployed)
    assert len(deployed.in_cloud()) == 9


def test_two_kills_in_a_row_lose_nothing(project):
    for lines in (6, 10):
        up_until(project, lines, signal.SIGKILL)
    assert_converges(project)


def test_an_interrupt_finishes_what_is_in_flight(project):
    code, err = up_until(project, 6, signal.SIGINT)
    assert code == 130
    assert "Finishing the operations in progress; press Ctrl-C again to stop immediately." in err
    assert "Run `aml up` again; it continues where this one stopped." in err
    assert journal_lines(project) == 0
    assert project.in_cloud() == project.in_state()
    assert_converges(project)


def test_two_interrupts_stop_at_once_and_the_next_up_repairs(alone):
    daemon = alone.cloud().pid
    process = alone.start("up", "--yes")
    reached(alone, 6, process)
    os.kill(daemon, signal.SIGSTOP)  # so that something stays in flight
    try:
        process.send_signal(signal.SIGINT)
        said = iter(process.stderr.readline, "")
        assert any("press Ctrl-C again to stop immediately" in line for line in said)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        os.kill(daemon, signal.SIGCONT)
    assert process.returncode == 130
    assert (
        "Stopping now. Unfinished operations stay pending; the next `aml up` repairs them." in err
    )
    assert_converges(alone)
