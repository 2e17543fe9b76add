"""Snapshots from processes of their own: what is opened, and several submissions at once."""

import json
import os
import subprocess
import sys
import time

import pytest

from tests import processes

OPENED = """
import json, sys
from pathlib import Path
from runtime.snapshots.store import SnapshotStore

source, store = map(Path, sys.argv[1:])
opened = []
sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == "open" else None)
taken = SnapshotStore(store, {"AML_SNAPSHOT_NO_FILE_LIMIT": "1"}).take(source)
inside = [name for name in opened if name.startswith(f"{source}/")]
print(json.dumps([len(inside), taken.read_files, taken.stored_files, taken.snapshot.id]))
"""
SUBMITS = """
import sys
from pathlib import Path
from runtime.history.store import History
from runtime.model.runs import RunSpec
from runtime.submit.submitting import Submitter
from runtime.targets.local import LocalTarget

source, home = map(Path, sys.argv[1:])
history = History(home / "history.sqlite")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(3):
    submitter = Submitter(home, history, environ={})
    print(submitter.submit(RunSpec("train.py", source), LocalTarget(home)).run.run_id)
"""


def taken(source, store):
    """Return files opened, read and stored, and the snapshot's id."""
    done = subprocess.run(
        [sys.executable, "-c", OPENED, str(source), str(store)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_of_ten_thousand_unchanged_files_none_is_read(tmp_path):
    source, store = tmp_path / "src", tmp_path / "store"
    for number in range(10_000):
        file = source / f"{number % 50}/{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    time.sleep(0.06)  # the files' change times must be older than a tick of the clock
    first = taken(source, store)
    assert first[1:3] == [10_000, 10_000]
    assert taken(source, store) == [0, 0, 0, first[-1]]
    (source / "0/0.py").write_text("changed")
    assert taken(source, store)[:3] == [2, 1, 1]  # once to hash it, once to store it


def test_submissions_at_once_do_not_collide(tmp_path):
    source, home = tmp_path / "src", tmp_path / "home"
    source.mkdir()
    (source / "train.py").write_text("print(open('data').read()[:5])")
    (source / "data").write_bytes(os.urandom(2_000_000).hex().encode())
    started = [
        processes.start(
            [sys.executable, "-c", SUBMITS, str(source), str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in started:
        assert process.stdout.readline() == "ready\n"
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    ids = [line for process in started for line in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(set(ids)) == 9
    assert len(list((home / "snapshots/trees").iterdir())) == 1
    for run_id in ids:
        assert wait_for_log(home / "runs" / run_id / "work/user_logs/std_log.txt")


def wait_for_log(file):
    """Return the first line of a run's log, waited for."""
    for _ in range(600):
        if file.exists() and file.read_text():
            return file.read_text().splitlines()[0]
        time.sleep(0.05)
    pytest.fail(f"nothing was written to {file}")
