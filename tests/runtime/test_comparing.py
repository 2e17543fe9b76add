"""What this machine knows of two runs: snapshots, locks, and what environments were declared as."""

import json

import pytest

from infra.contract.errors import UsageError
from runtime.environments.lock_store import LockStore
from runtime.environments.resolved import resolved_lock
from runtime.history.store import History
from runtime.model.environments import LOCK_PROPERTY
from runtime.snapshots.store import SnapshotStore
from runtime.submit.comparing import compared, file_diff, run_before
from runtime.submit.differences import Value


@pytest.fixture
def add(tmp_path, record):
    """Make the record of a run with a script, a lock and a declared environment."""

    def make(name, text, version, created):
        source, home = tmp_path / "src", tmp_path / "home"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(text)
        snapshot = SnapshotStore(home / "snapshots", {}).take(source).snapshot
        body = f"six=={version} --hash=sha256:{'0' * 64}"
        lock = resolved_lock(body, environment="e", python="3.11.1", platform="linux")
        digest = LockStore(home / "locks").keep(lock)
        (home / "specs").mkdir(exist_ok=True)
        image = {"name": None, "dockerfile": "FROM a\n"}
        environment = {"requirements": f"six=={version}\n", "conda": None, "image": image}
        document = json.dumps({"environment": environment})
        (home / "specs" / f"{name}.json").write_text(document)
        properties = {"ContentSnapshotId": snapshot.id, LOCK_PROPERTY: digest}
        return record(name, properties=properties, created=created)

    return make


def test_two_runs_of_this_machine(tmp_path, add):
    home = tmp_path / "home"
    later, earlier = add("b", "print(2)\n", "1.17", 2.0), add("a", "print(1)\n", "1.16", 1.0)
    found = compared(home, later, earlier)
    assert (found.before, found.after) == ("a", "b")
    assert found.packages == {"six": Value("1.16", "1.17")}
    assert [line for line in found.declared if line[0] in "+-"][2:] == ["-six==1.16", "+six==1.17"]
    (change,) = found.files
    assert file_diff(home, change)[-2:] == ["-print(1)", "+print(2)"]


def test_runs_of_another_machine(tmp_path, record):
    properties = {"ContentSnapshotId": "0" * 40, LOCK_PROPERTY: "0" * 64}
    found = compared(tmp_path, record(properties=properties), record("exp_2", created=2.0))
    assert (found.files, found.packages, found.declared) == (None, {}, ())


def test_the_run_before_is_of_the_same_experiment(tmp_path, record):
    history = History(tmp_path / "history.sqlite")
    for number, experiment in enumerate(("one", "two", "one", "two")):
        history.add(record(str(number), experiment=experiment, created=float(number)))
    assert run_before(history, history.record("3")).run_id == "1"
    with pytest.raises(UsageError, match="first of experiment 'two'"):
        run_before(history, history.record("1"))
