"""`aml` as a process on a terminal: colour, width, help, completion."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from runtime.cli.root import COMMANDS
from runtime.history.store import History
from tests import processes

AML = [sys.executable, "-c", "from runtime.cli.root import main; main()"]
ESCAPE = "\x1b["
VARIABLES = ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "AML_STACK")


def environment(**variables):
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return {**kept, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "xterm", **variables}


def on_terminal(arguments, *, columns=80, program=AML, **variables):
    """Return what a command prints on a terminal of so many columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = processes.start(
        [*program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env=environment(**variables),
    )
    os.close(theirs)
    output = b""
    while chunk := _read(ours):
        output += chunk
    os.close(ours)
    process.wait()
    return output.decode().replace("\r\n", "\n")


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux: the other end was closed
        return b""


def piped(*arguments, **variables):
    return subprocess.run(
        [*AML, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(**variables),
    )


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "NO_COLOR", "TERM=dumb"],
)
def test_a_terminal_gets_colour_unless_it_is_unwanted(variables, coloured):
    said = on_terminal(["nonsense"], **variables)
    assert "There is no command 'nonsense'." in said
    assert (ESCAPE in said) is coloured


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, False), ({"FORCE_COLOR": "1"}, True)], ids=["none", "forced"]
)
def test_a_pipe_gets_colour_only_if_it_is_forced(variables, coloured):
    assert (ESCAPE in piped("nonsense", **variables).stderr) is coloured


PROGRESS = """\
from infra.commands.live_view import Progress
from infra.engine.model.events import Finished, Op, Started, Step
step = Step(Op.CREATE, "urn:pulumi:dev::shop::t::cpu", "azure-native:storage:StorageAccount")
with Progress() as progress:
    progress(Started(step))
    progress(Finished(step, 1.0, ""))
"""
COLOURED, REDRAWN = "\x1b[32m", "\x1b[?25l"  # green; the cursor is hidden


@pytest.mark.parametrize(
    ("variables", "coloured", "redrawn"),
    [
        ({}, True, True),
        ({"NO_COLOR": "1"}, False, True),
        ({"TERM": "dumb"}, False, False),
    ],
    ids=["terminal", "NO_COLOR", "TERM=dumb"],
)
def test_progress_obeys_the_same_variables(variables, coloured, redrawn):
    said = on_terminal(["-c", PROGRESS], program=[sys.executable], **variables)
    assert "cpu created (1.0 s)" in said
    assert (COLOURED in said, REDRAWN in said) == (coloured, redrawn)


QUIET = """\
from infra.commands.live_view import Progress
from infra.engine.model.events import Finished, Message, Op, Started, Step
step = Step(Op.REFRESH, "urn:pulumi:dev::shop::t::cpu", "azure-native:storage:StorageAccount")
with Progress(quiet=True) as progress:
    progress(Started(step))
    progress(Message("info", "A note."))
    progress(Finished(step, 1.0, "The account cannot be read."))
    progress(Message("error", "The program failed."))
"""


def test_progress_that_is_not_wanted_still_shows_errors():
    said = on_terminal(["-c", QUIET], program=[sys.executable])
    assert said == (
        "  !! storage:StorageAccount cpu: reading failed\n"
        "The account cannot be read.\n"
        "error: The program failed.\n"
    )


WAITED_FOR = """\
import time
from infra.commands.live_view import Progress
from infra.engine.model.events import Finished, Op, Started, Step

def step(name, *after, op=Op.CREATE):
    return Step(op, f"urn:pulumi:dev::shop::t::{name}", "a:b:Thing", after=after)

first, hub = step("first"), step("hub")
steps = [first, hub, step("cpu", hub.urn), step("gpu", hub.urn, first.urn)]
with Progress() as progress:
    progress.expect(steps)
    for each in (first, hub):
        progress(Started(each))
    progress(Finished(first, 1.0))
    time.sleep(0.5)
    progress(Finished(hub, 1.0))
    gone = [step(each.urn.rpartition("::")[2], *each.after, op=Op.DELETE) for each in steps]
    progress.expect(gone)
    progress(Started(gone[3]))
    time.sleep(0.5)
"""


def test_progress_shows_what_is_waited_for_and_how_much_is_left():
    said = on_terminal(["-c", WAITED_FOR], program=[sys.executable])
    assert re.search(r"creating b:Thing hub \(\d s, 2 wait for it\)", said)
    assert "1 done, 2 to go" in said
    assert re.search(r"deleting b:Thing gpu \(\d s, 2 wait for it\)", said)
    assert "0 done, 3 to go" in said


def test_forced_colour_does_not_redraw_a_pipe():
    done = subprocess.run(
        [sys.executable, "-c", PROGRESS],
        capture_output=True,
        text=True,
        check=True,
        env=environment(FORCE_COLOR="1"),
    )
    assert COLOURED in done.stderr
    assert REDRAWN not in done.stderr


@pytest.fixture
def runs(desk, record, monkeypatch):
    """Return the ids of runs in a history, oldest first."""
    monkeypatch.setenv("AML_HOME", str(desk.root / "home"))
    history = History(desk.root / "home/history.sqlite")
    ids = [f"an-experiment_179568422{number}_c8a63a0{number}" for number in range(3)]
    for number, run_id in enumerate(ids):
        history.add(record(run_id, target="cpu", created=float(number), state="Completed"))
    history.close()
    return ids


def test_a_table_holds_at_60_columns_and_is_whole_in_a_pipe(runs):
    narrow = on_terminal(["runs"], columns=60)
    lines = [line for line in narrow.splitlines() if not line.startswith("note:")]
    assert max(map(len, lines)) <= 60
    assert f"RUN       {runs[2]}" in lines
    head, first, *_ = piped("runs").stdout.splitlines()
    assert (head.split()[0], first.split()[0]) == ("RUN", runs[2])
    assert len(first) > 60


@pytest.mark.parametrize("arguments", [[], ["stack"], ["run"], ["config"], ["compute"], ["cloud"]])
def test_a_group_alone_prints_its_help(arguments):
    alone, asked = piped(*arguments), piped(*arguments, "--help")
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, asked.stdout, "")


def completed(line, shell="bash"):
    words = line.split(" ")
    done = piped(_AML_COMPLETE=f"{shell}_complete", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))
    assert done.stderr == ""
    return [each.partition(",")[2] for each in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_to_load(shell):
    done = piped(_AML_COMPLETE=f"{shell}_source")
    assert done.returncode == 0
    assert "_AML_COMPLETE" in done.stdout


def test_commands_subcommands_and_options_are_completed():
    assert completed("aml ") == list(COMMANDS)
    assert completed("aml ru") == ["runs", "run", "runconfiguration"]
    assert completed("aml stack re") == ["repair"]
    assert completed("aml up --replace") == ["--replace", "--replace-workspace"]


def test_completion_of_commands_imports_none_of_them():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *AML[1:]],
        capture_output=True,
        text=True,
        check=False,
        env=environment(_AML_COMPLETE="zsh_complete", COMP_WORDS="aml ", COMP_CWORD="1"),
    )
    assert "Deploy a stack." in done.stdout
    assert "infra.commands" not in done.stderr
