import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from infra.contract.errors import LockedError
from infra.engine.state import locks

TAKE = """
import sys, time
from pathlib import Path
from infra.engine.state import locks
locks.take(Path(sys.argv[1]))
print("taken", flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "locks"


@pytest.fixture
def holder(folder):
    """Another process that has the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", TAKE, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "taken\n"
        yield process
        process.kill()


def document(**keys):
    mine = {"pid": os.getpid(), "username": "u", "hostname": socket.gethostname()}
    return {**mine, "timestamp": "2999-01-01T00:00:00.123456789Z", **keys}


def write(folder, text, name="other"):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def dead_pid():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_lock_reads_as_pulumis(folder):
    lock, dead = locks.take(folder, now_ns=1_795_240_444_469_848_919)
    written = json.loads(lock.file.read_text(encoding="utf-8"))
    assert list(written)[:4] == ["pid", "username", "hostname", "timestamp"]
    assert (written["pid"], written["hostname"]) == (os.getpid(), socket.gethostname())
    assert written["timestamp"] == "2026-11-21T05:54:04.469848919Z"
    assert dead == []


def test_released_it_can_be_taken_again(folder):
    lock, _ = locks.take(folder)
    locks.release(lock)
    locks.release(lock)
    assert locks.take(folder)[1] == []


def test_a_living_holder_is_named(folder, holder):
    with pytest.raises(LockedError) as caught:
        locks.take(folder)
    assert f"(process {holder.pid})" in caught.value.detail
    assert socket.gethostname() in caught.value.detail
    assert "aml cancel" in caught.value.remedy
    assert len(locks.held(folder)) == 1


def test_the_lock_of_a_killed_process_is_replaced(folder, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    _, dead = locks.take(folder)
    assert [lock.pid for lock in dead] == [holder.pid]
    assert len(locks.held(folder)) == 1


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only /proc tells a zombie from a process")
def test_the_lock_of_a_zombie_is_replaced(folder, holder):
    holder.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while not locks.abandoned(locks.held(folder)[0]) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(holder.pid, 0)  # still there: nobody has waited for it
    assert locks.take(folder)[1] != []


def test_a_reused_process_id_is_recognised_by_its_start_time(folder):
    lock, _ = locks.take(folder)
    written = json.loads(lock.file.read_text(encoding="utf-8"))
    lock.file.write_text(json.dumps({**written, "started": written["started"] - 1}))
    assert locks.abandoned(locks.held(folder)[0])


@pytest.mark.parametrize(
    ("keys", "abandoned"),
    [
        pytest.param({}, False, id="alive"),
        pytest.param({"pid": None}, False, id="no process"),
        pytest.param({"hostname": "elsewhere", "pid": "dead"}, False, id="another host"),
        pytest.param({"boot": "an earlier one", "pid": "dead"}, False, id="another boot"),
        pytest.param({"timestamp": "1999-01-01T00:00:00Z", "pid": "dead"}, False, id="long ago"),
        pytest.param({"timestamp": "yesterday", "pid": "dead"}, False, id="no time"),
        pytest.param({"pid": "dead"}, True, id="gone"),
    ],
)
def test_which_locks_of_the_cli_are_abandoned(folder, keys, abandoned):
    keys = {**keys, **({"pid": dead_pid()} if keys.get("pid") == "dead" else {})}
    write(folder, json.dumps(document(**keys)))
    assert locks.abandoned(locks.held(folder)[0]) is abandoned


def test_a_process_younger_than_the_clis_lock_is_another(folder):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        before = time.time() - 60
        since = locks.timestamp(int(before * 1e9))
        write(folder, json.dumps(document(pid=process.pid, timestamp=since)))
        found = locks.abandoned(locks.held(folder)[0])
        process.communicate(b"\n")
    assert found


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "x"}'])
def test_an_unreadable_lock_counts_as_held(folder, text):
    write(folder, text)
    with pytest.raises(LockedError, match="somebody whose lock cannot be read"):
        locks.take(folder)


def test_every_holder_is_named(folder):
    write(folder, json.dumps(document(username="one")), "1")
    write(folder, json.dumps(document(username="two")), "2")
    with pytest.raises(LockedError, match=r"one@.*two@"):
        locks.take(folder)


def test_cancel_removes_them_all(folder):
    write(folder, json.dumps(document(username="one")), "1")
    write(folder, "{", "2")
    assert len(locks.cancel(folder)) == 2
    assert locks.take(folder)[1] == []


def test_of_writers_at_the_same_moment_at_most_one_wins(folder):
    barrier = Barrier(4)

    def attempt(_):
        barrier.wait()
        try:
            return locks.take(folder)[0]
        except LockedError:
            return None

    for _ in range(30):
        with ThreadPoolExecutor(4) as pool:
            taken = [lock for lock in pool.map(attempt, range(4)) if lock]
        assert len(taken) <= 1
        assert [lock.file for lock in locks.held(folder)] == [lock.file for lock in taken]
        locks.cancel(folder)


def test_a_stale_lock_is_replaced_by_one_of_two(folder):
    pid = dead_pid()
    barrier = Barrier(2)

    def attempt(_):
        barrier.wait()
        try:
            return locks.take(folder)[0]
        except LockedError:
            return None

    for _ in range(20):
        write(folder, json.dumps(document(pid=pid)))
        with ThreadPoolExecutor(2) as pool:
            taken = [lock for lock in pool.map(attempt, range(2)) if lock]
        assert len(taken) <= 1
        locks.cancel(folder)


def test_without_proc_a_signal_finds_out(folder):
    assert locks._alive(os.getpid()) == ("", 0)
    assert locks._alive(dead_pid()) is None


@pytest.mark.parametrize("data", [b"garbage", b"", b"[]", b"{}"])
def test_a_lock_that_cannot_be_read_is_somebody_s(data):
    assert str(locks.parsed(Path("lock.json"), data)) == "somebody whose lock cannot be read"
