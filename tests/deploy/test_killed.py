"""A real `aml up`, killed or interrupted while it deploys: the next one puts it right."""

import os
import re
import signal
import time
from contextlib import closing

import pytest

from infra.arm.client import local_client

pytestmark = pytest.mark.slow
PATIENCE_S = 90.0
LASTS_S = 60.0
GLANCE_S = 0.001
"""Between two looks at a journal: shorter than any operation, and without taking the processor."""
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
        time.sleep(GLANCE_S)


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
    project.good("up", "--no-fingerprint", "--expect-no-changes")


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
    assert "Run `aml up -s local` again; it continues where this one stopped." in err
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


@pytest.mark.parametrize("lines", [6, 16, 22])
def test_a_cloud_that_dies_while_it_is_deployed_to_leaves_the_rest_to_the_next_up(alone, lines):
    alone.edit("    - {kind", f"{MORE}    - {{kind")
    process = alone.start("up", "--yes")
    reached(alone, lines, process)
    os.kill(alone.cloud().pid, signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, err
    assert "The local cloud does not answer" in err
    assert_converges(alone)
    assert len(alone.in_cloud()) == 9


def killed(project, lines, *arguments):
    """Start a command and kill it once its journal has so many lines; say whether it was."""
    process = project.start(*arguments)
    reached(project, lines, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE_S)
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("lines", [1, 3, 4, 5, 9])
def test_a_destroy_that_is_killed_is_gone_on_with_by_up(deployed, lines):
    assert killed(deployed, lines, "destroy", "--yes")
    assert_converges(deployed)
    assert len(deployed.in_cloud()) == 8


@pytest.mark.parametrize("lines", [3, 9, 12, 15])
def test_an_agreed_replacement_that_is_killed_is_gone_on_with_by_up(deployed, lines):
    deployed.edit("location: westeurope", "location: northeurope")
    assert killed(deployed, lines, "up", "--yes", "--replace-workspace", deployed.name)
    after = deployed.aml("up", "--yes")
    # Refused only while there is still a workspace to lose.
    if after.code == 2:
        assert f"replaces workspace '{deployed.name}'" in after.err
        assert any(each.endswith(f"/workspaces/{deployed.name}") for each in deployed.in_cloud())
        deployed.good("up", "--yes", "--replace-workspace", deployed.name)
    assert_converges(deployed)


@pytest.mark.parametrize("lines", [1, 4])
def test_a_refresh_that_is_killed_is_gone_on_with_by_up(deployed, lines):
    killed(deployed, lines, "refresh", "--yes")
    assert_converges(deployed)


@pytest.mark.parametrize("lines", [2, 5])
def test_an_import_that_is_killed_is_gone_on_with_by_up(deployed, lines):
    name = f"/{deployed.name}-rg/providers/Microsoft.MachineLearningServices/workspaces"
    process = deployed.start("import", "-g", f"{deployed.name}-rg", "-w", deployed.name,
                             "-s", "taken", "--yes")  # fmt: skip
    journal = deployed.state_file("taken").with_name("taken.json.journal")
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and (
        not journal.exists() or journal.read_bytes().count(b"\n") < lines
    ):
        assert time.monotonic() < deadline
        time.sleep(GLANCE_S)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    deployed.good("up", "-s", "taken", "--yes")
    assert [each for each in deployed.in_state("taken") if name.lower() in each]
    deployed.good("up", "--no-fingerprint", "-s", "taken", "--expect-no-changes")
    deployed.good("up", "--no-fingerprint", "--expect-no-changes")


def test_a_removal_that_is_killed_is_gone_on_with(deployed):
    deployed.good("destroy", "--yes")
    file = deployed.stack_file()
    text = file.read_text(encoding="utf-8")
    deadline = time.monotonic() + PATIENCE_S
    process = deployed.start("stack", "rm", "local", "--yes")
    while deployed.state_file().exists() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(GLANCE_S)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    file.write_text(text, encoding="utf-8")  # a removal that was quicker than the signal took it
    assert_converges(deployed)


@pytest.mark.parametrize("place", ["workspaces/alone", "workspaces/alone/computes/cpu"])
def test_a_cloud_that_died_in_mid_operation_holds_up_no_later_up(alone, place):
    cloud = alone.cloud()
    kind = place.replace("/alone", "").replace("/cpu", "")
    slow = {f"Microsoft.MachineLearningServices/{kind}": LASTS_S}
    with closing(local_client(alone.home)) as client:
        client.send("POST", "/aml/fault-injection", body={"operation_s": slow})
    process = alone.start("up", "--yes")
    log, deadline = alone.home / "cloud" / "daemon.log", time.monotonic() + PATIENCE_S
    while not re.search(rf"PUT \S+/{place} 20", log.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline
        time.sleep(GLANCE_S)
    os.kill(cloud.pid, signal.SIGKILL)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    started = time.monotonic()
    assert_converges(alone)
    assert time.monotonic() - started < LASTS_S / 2
