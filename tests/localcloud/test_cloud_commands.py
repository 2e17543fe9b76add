"""`aml cloud …` as a person and as a program use it."""

import json
import socket
import subprocess
import sys
from dataclasses import dataclass

import pytest

from localcloud import control
from localcloud.console import LocalCloudConsole
from runtime.cli.root import run

HEAVY = {"starlette", "uvicorn", "cryptography", "sqlite3"}


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def aml(tmp_path, monkeypatch, capfd):
    """Return a function that runs `aml cloud …` in this process, with a home of its own."""
    monkeypatch.setenv("AML_HOME", str(tmp_path / "home"))

    def call(*arguments):
        code = run(["cloud", *arguments])
        return Done(code, *capfd.readouterr())

    yield call
    control.stop(tmp_path / "home")


def test_start_status_reset_logs_and_stop(aml):
    assert json.loads(aml("status", "--json").stdout) == {"running": False}
    started = json.loads(aml("start", "--json").stdout)
    assert started["running"] is True
    assert json.loads(aml("status", "--json").stdout) == started
    assert json.loads(aml("start", "--json").stdout) == started
    assert json.loads(aml("reset", "--yes", "--json").stdout)["id"] != started["id"]
    assert any("listens" in line for line in json.loads(aml("logs", "--json").stdout))
    assert json.loads(aml("stop", "--json").stdout) == {"running": False, "stopped": True}
    assert json.loads(aml("stop", "--json").stdout) == {"running": False, "stopped": False}


def test_inside_is_on_until_a_reset(aml):
    assert json.loads(aml("inside", "on", "--json").stdout) == {"inside": True}
    assert json.loads(aml("status", "--json").stdout)["inside"] is True
    assert "inside all virtual networks" in aml("inside").stdout
    aml("reset", "--yes")
    assert "outside of the virtual networks" in aml("inside").stdout


@pytest.mark.parametrize(("calls", "code"), [(2, 0), (50, 1)])
def test_throttled_calls_are_repeated_when_the_answer_says(aml, tmp_path, calls, code):
    aml("start")
    LocalCloudConsole(tmp_path / "home").throttle(calls, 0)
    done = aml("vm", "list")
    assert done.returncode == code
    assert ("Fault injection does that. Switch it off" in done.stderr) is bool(code)


def test_status_has_an_exit_code(aml):
    done = aml("status")
    assert (done.returncode, done.stdout) == (3, "The local cloud is not running.\n")


def test_a_reset_needs_confirmation_or_yes(aml):
    done = aml("reset")
    assert done.returncode == 2
    assert "aml cloud reset --yes" in done.stderr


def test_a_port_in_use_is_reported_once(aml):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        tries = [aml("start", "--port", port) for _ in range(2)]
    for done in tries:
        assert done.returncode == 3
        assert done.stderr.count(f"cannot listen on port {port} of 127.0.0.1") == 1
        assert "aml cloud start --port PORT" in done.stderr


def test_another_port_needs_a_stop_first(aml, cloud, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(cloud.home))
    done = aml("start", "--port", "65000")
    assert done.returncode == 2
    assert "aml cloud stop" in done.stderr


def test_logs_of_a_cloud_that_never_ran_are_empty(aml):
    assert aml("logs").stdout == ""


def test_the_commands_import_none_of_the_daemons_packages():
    program = (
        "import sys, localcloud.commands; "
        f"found = {HEAVY!r} & set(sys.modules); sys.exit(', '.join(found) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
