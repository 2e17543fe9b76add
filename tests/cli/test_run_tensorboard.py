"""`aml run tensorboard`, with the real TensorBoard, on live and on past runs."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from runtime.environments.uv_builder import uv_binary
from runtime.submit.tensorboard import command
from tests import processes
from tests.localcloud.harness import alive, waited

WRITES = """\
import os, struct, sys, time

def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)

def record(data):
    length = struct.pack("<Q", len(data))
    return length + crc32c(length) + data + crc32c(data)

def scalar(step, tag, value):
    entry = b"\\x0a" + bytes([len(tag)]) + tag + b"\\x15" + struct.pack("<f", value)
    summary = b"\\x0a" + bytes([len(entry)]) + entry
    event = b"\\x09" + struct.pack("<d", time.time()) + b"\\x10" + bytes([step])
    return event + b"\\x2a" + bytes([len(summary)]) + summary

version = b"\\x09" + struct.pack("<d", time.time()) + b"\\x1a\\x0dbrain.Event:2"
with open("logs/events.out.tfevents.1.host", "ab", buffering=0) as sink:
    sink.write(record(version))
    for step in range(int(sys.argv[1])):
        sink.write(record(scalar(step, b"loss", 1.0 / (step + 1))))
print("written", flush=True)
if len(sys.argv) > 2:
    time.sleep(600)
"""
ENDS = {signal.SIGINT: 0, signal.SIGTERM: 143, signal.SIGKILL: -signal.SIGKILL}


@pytest.fixture(scope="module")
def installed():
    """Have uv install TensorBoard; without packages the tests are skipped, but with ``CI``."""
    done = subprocess.run(
        [*command({"PATH": ""}), "--version"], capture_output=True, text=True, check=False
    )
    if done.returncode and not os.environ.get("CI"):
        pytest.skip(f"TensorBoard cannot be installed: {done.stderr[-300:]}")
    assert done.returncode == 0, done.stderr


def asked(url):
    return httpx.get(url, timeout=20, trust_env=False).json()


@contextmanager
def serving(desk, *arguments):
    """Run the command in a process of its own; yield it and TensorBoard's address."""
    process = processes.start(
        [sys.executable, "-c", "from runtime.cli.root import main; main()", "run", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=desk.root,
        env={**os.environ, "TMPDIR": str(desk.root / "tmp")},
    )
    try:
        address = process.stdout.readline().strip()
        assert re.match(r"http://127\.0\.0\.1:\d+/", address), process.communicate(timeout=30)
        yield process, address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def children(pid):
    """Return the processes below a process."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found += [int(stat.parent.name), *children(int(stat.parent.name))]
    return found


@pytest.fixture
def waiting(desk):
    """Return a run that has written five values and goes on."""
    desk.write(WRITES)
    said = desk.aml("submit", "--source-directory", "src", "--detach", "train.py", "5", "wait")
    run_id = said.out.strip()
    waited(lambda: "written" in desk.aml("run", "logs", run_id).out)
    yield run_id
    desk.aml("run", "cancel", run_id)


@pytest.mark.needs_clients
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_live_run_is_shown_and_nothing_is_left(installed, desk, waiting, how):
    (desk.root / "tmp").mkdir()
    with serving(desk, "tensorboard", waiting, "--no-browser") as (process, address):
        tags = waited(lambda: asked(f"{address}data/plugin/scalars/tags"))
        assert list(tags["."]) == ["loss"]
        values = asked(f"{address}data/plugin/scalars/scalars?run=.&tag=loss")
        assert [round(value, 2) for _, _, value in values] == [1.0, 0.5, 0.33, 0.25, 0.2]
        below = children(process.pid)
        assert below
        process.send_signal(how)
        said = process.communicate(timeout=30)[1]
        assert process.returncode == ENDS[how], said
        waited(lambda: not any(alive(pid) for pid in below))
    assert how == signal.SIGKILL or not list((desk.root / "tmp").glob("aml-tensorboard*"))
    assert desk.aml("run", "show", waiting, "--json").data["state"] == "Running"


@pytest.mark.needs_clients
def test_the_collected_logs_of_a_past_run_are_shown(installed, desk):
    desk.write(WRITES)
    said = desk.aml("submit", "--source-directory", "src", "train.py", "3")
    assert said.code == 0
    run_id = desk.aml("runs", "--json").data[0]["run_id"]
    (desk.root / "tmp").mkdir()
    for path in (desk.root / "home/runs").iterdir():
        path.rename(desk.root / "gone")
    with serving(desk, "monitor-tensorboard", "-r", run_id) as (_, address):
        waited(lambda: asked(f"{address}data/plugin/scalars/tags"))
        assert len(asked(f"{address}data/plugin/scalars/scalars?run=.&tag=loss")) == 3


SWEEP = """\
type: sweep
trial: {code: src, command: "python train.py ${{search_space.values}}"}
compute: local
sampling_algorithm: grid
search_space: {values: {type: choice, values: [2, 3]}}
objective: {primary_metric: loss, goal: minimize}
limits: {max_total_trials: 2}
"""


@pytest.mark.needs_clients
def test_the_runs_of_a_sweep_and_others_are_shown_beside_each_other(installed, desk, waiting):
    (desk.root / "tmp").mkdir()
    (desk.root / "sweep.yml").write_text(SWEEP)
    said = desk.aml("submit", "--json", "sweep.yml")
    assert said.out, said.err
    swept = said.data["run_id"]
    trials = desk.aml("run", "show", swept, "--json").data["children"]
    with serving(desk, "tensorboard", swept, waiting, "--no-browser") as (_, address):
        wanted = {waiting, *(each for each in trials if not each.endswith("preparation"))}
        assert len(wanted) == 3
        waited(lambda: set(asked(f"{address}data/runs")) == wanted)


def test_a_port_that_is_taken_is_refused(desk):
    desk.submit("print(1)")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = desk.aml("run", "tensorboard", "last", "--port", str(port), "--no-browser")
    assert said.code == 2
    assert f"Port {port} of this machine is taken." in said.err


def test_what_tensorboard_says_is_passed_on_if_it_does_not_start(desk, monkeypatch):
    desk.submit("print(1)")
    broken = desk.root / "bin" / "tensorboard"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho no module named pkg_resources\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{broken.parent}:{os.environ['PATH']}")
    said = desk.aml("run", "tensorboard", "last", "--no-browser")
    assert said.code == 2
    assert "no module named pkg_resources" in said.err


def test_a_run_of_another_experiment_is_refused(desk):
    desk.submit("print(1)", "-e", "one")
    said = desk.aml("run", "monitor-tensorboard", "-r", "last", "-e", "two")
    assert said.code == 2
    assert "not one of experiment 'two'" in said.err


def test_the_one_on_the_path_is_used(tmp_path):
    (tmp_path / "tensorboard").write_text("")
    (tmp_path / "tensorboard").chmod(0o755)
    assert command({"PATH": str(tmp_path)}) == [str(tmp_path / "tensorboard")]
    assert command({"PATH": ""})[:3] == [str(uv_binary()), "tool", "run"]
