"""Pruning deletes what was asked for and nothing that a run needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.contract.errors import UnknownNameError
from runtime.history.store import History
from runtime.model.runs import RunEvent
from runtime.model.states import RunState
from runtime.snapshots.garbage import garbage
from runtime.snapshots.store import SnapshotStore
from runtime.submit.pruning import Held, Wanted, chosen, held_by, plan, prune, size_of
from tests import processes

DAY = 86400.0


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def history(home):
    return History(home / "history.sqlite")


@pytest.fixture
def store(home):
    return SnapshotStore(home / "snapshots", {})


@pytest.fixture
def add(home, history, store, record, tmp_path):
    """Add a run with a snapshot, a folder and outputs; return its id."""

    def make(name, *, text="same", state=RunState.COMPLETED, created=0.0):
        source = tmp_path / "src"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(text)
        properties = {"ContentSnapshotId": store.take(source).snapshot.id}
        made = record(name, properties=properties, state=state, created=created)
        history.add(made)
        for folder in ("runs", "outputs"):
            (home / folder / name).mkdir(parents=True)
            (home / folder / name / "file").write_text("x" * 100)
        return name

    return make


def held(record, states="CFR", size=10):
    """Return runs, newest first, a day apart: C completed, F failed, R running."""
    names = {"C": RunState.COMPLETED, "F": RunState.FAILED, "R": RunState.RUNNING}
    return [
        Held(record(str(n), state=names[letter], created=-n * DAY), (), size)
        for n, letter in enumerate(states)
    ]


@pytest.mark.parametrize(
    ("states", "wanted", "gone"),
    [
        ("CFRC", Wanted(), "310"),
        ("CFRC", Wanted(states=(RunState.FAILED,)), "1"),
        ("CFRC", Wanted(keep=1), "31"),
        ("CFRC", Wanted(keep=9), ""),
        ("CCCC", Wanted(older_than_s=1.5 * DAY), "32"),
        ("CCCC", Wanted(older_than_s=0.5 * DAY, keep=3), "3"),
        ("CCCC", Wanted(size=40), ""),
        ("CCCC", Wanted(size=20), "32"),
        ("CCCC", Wanted(size=15), "321"),
        ("RRRC", Wanted(size=0), "3"),
    ],
)
def test_which_runs_go(record, states, wanted, gone):
    found = chosen(held(record, states), wanted, now=0.0)
    assert "".join(run.record.run_id for run in found) == gone


def test_a_run_goes_with_all_its_files(home, history, add):
    add("exp_1", text="one", created=1.0)
    add("exp_2", text="two", created=2.0)
    found = plan(home, history, Wanted(keep=1), now=3.0)
    assert [(run.record.run_id, run.size) for run in found.runs] == [("exp_1", 200)]
    assert len(found.snapshots.trees) == len(found.snapshots.objects) == 1
    assert found.size == 200 + found.snapshots.size
    assert prune(home, history, found, pytest.fail) == found
    assert sorted(str(p.relative_to(home)) for p in home.glob("[ro]*/*")) == [
        "outputs/exp_2",
        "runs/exp_2",
    ]
    with pytest.raises(UnknownNameError):
        history.record("exp_1")
    assert history.events("exp_1") == []
    assert plan(home, history, Wanted(keep=1), now=3.0).size == 0


def test_the_history_gives_its_space_back(home, history, add):
    add("exp_1")
    metric = {"key": "k" * 500, "value": 1.0}
    history.append("exp_1", [RunEvent(n, 1.0, "metric", metric) for n in range(3_000)])
    history.compact()
    before = (home / "history.sqlite").stat().st_size
    prune(home, history, plan(home, history, Wanted(), now=1.0), pytest.fail)
    assert (home / "history.sqlite").stat().st_size < before / 10


def test_listing_deletes_nothing(home, history, add):
    add("exp_1")
    before = size_of(home / "snapshots") + size_of(home / "runs")
    assert plan(home, history, Wanted(), now=1.0).runs
    assert size_of(home / "snapshots") + size_of(home / "runs") == before


def test_a_snapshot_that_another_run_has_is_kept(home, history, add, store):
    add("exp_1", created=1.0)
    add("exp_2", created=2.0)
    prune(home, history, plan(home, history, Wanted(keep=1), now=3.0), pytest.fail)
    assert store.load(history.record("exp_2").properties["ContentSnapshotId"]).files


@pytest.mark.parametrize("state", [state for state in RunState if not state.final])
def test_a_run_that_has_not_ended_is_kept(home, history, add, store, state):
    add("exp_1", state=state)
    assert plan(home, history, Wanted(), now=1.0).size == 0
    assert not history.remove("exp_1")
    assert store.load(history.record("exp_1").properties["ContentSnapshotId"])


def test_what_ends_after_the_listing_is_not_taken_along(home, history, add):
    add("exp_1", state=RunState.RUNNING)
    found = plan(home, history, Wanted(), now=1.0)
    history.append("exp_1", [RunEvent(0, 1.0, "state", {"state": "Completed"})])
    assert prune(home, history, found, pytest.fail).runs == ()
    assert history.record("exp_1").state == "Completed"


def test_an_interrupted_deletion_is_completed_by_the_next(home, history, add):
    add("exp_1")
    (run,) = plan(home, history, Wanted(), now=1.0).runs
    (run.places[0] / "file").unlink()
    run.places[0].rmdir()  # and here the process was killed
    again = plan(home, history, Wanted(), now=1.0)
    assert [each.size for each in again.runs] == [100]
    assert len(prune(home, history, again, pytest.fail).runs) == 1


def test_outputs_that_were_downloaded_elsewhere_are_kept(home, history, add, tmp_path):
    add("exp_1")
    (tmp_path / "mine").mkdir()
    history.change("exp_1", outputs=str(tmp_path / "mine"))
    prune(home, history, plan(home, history, Wanted(), now=1.0), pytest.fail)
    assert (tmp_path / "mine").is_dir()


def test_what_a_killed_submission_left_goes_too(home, history, add, store):
    add("exp_1")
    left = home / "snapshots/objects/ab/tmp1234"
    left.parent.mkdir(exist_ok=True)
    left.write_text("half")
    found = garbage(home / "snapshots", {history.record("exp_1").properties["ContentSnapshotId"]})
    assert found.objects == (left,)
    found.delete()
    found.delete()


def test_a_damaged_tree_keeps_all_contents(home, history, add):
    add("exp_1")
    snapshot = history.record("exp_1").properties["ContentSnapshotId"]
    (home / f"snapshots/trees/{snapshot}.json").write_text("{")
    assert garbage(home / "snapshots", {snapshot}).objects == ()


def test_a_folder_is_taken_again_after_its_snapshot_went(home, history, add, store, tmp_path):
    add("exp_1")
    prune(home, history, plan(home, history, Wanted(), now=1.0), pytest.fail)
    taken = store.take(tmp_path / "src")
    assert not taken.snapshot.reused
    assert store.load(taken.snapshot.id).files == taken.snapshot.files


def test_the_size_of_a_file_with_two_names_counts_once(tmp_path):
    (tmp_path / "a").write_text("12345")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    (tmp_path / "c").symlink_to("nowhere")
    assert size_of(tmp_path) == 5 + len("nowhere")
    assert held_by(tmp_path, type("R", (), {"run_id": "x"})).size == 0


SUBMITS = """
import sys, time
from pathlib import Path
from runtime.history.store import History
from runtime.model.runs import RunSpec
from runtime.submit.submitting import Submitter
from runtime.submit.watch import Ended, Pace, Watcher
from runtime.targets.local import LocalTarget

source, home = map(Path, sys.argv[1:])
history, target = History(home / "history.sqlite"), LocalTarget(home)
for _ in range(6):
    run_id = Submitter(home, history, environ={}).submit(RunSpec("train.py", source), target)
    watcher = Watcher(history, pace=Pace(first_s=0.01, longest_s=0.05))
    ended = [seen for seen in watcher.watch({run_id.run.run_id: target}) if isinstance(seen, Ended)]
    print(ended[0].record.state, flush=True)
"""
PRUNES = """
import json, sys, time
from pathlib import Path
from runtime.history.store import History
from runtime.submit.pruning import Wanted, plan, prune

home, stop = map(Path, sys.argv[1:])
history, count = History(home / "history.sqlite"), 0
print("ready", flush=True)
while not stop.exists():
    found = plan(home, history, Wanted(keep=1), now=time.time())
    count += len(prune(home, history, found, lambda text: None).runs)
print(json.dumps(count))
"""


def test_submitting_and_pruning_at_once(home, tmp_path):
    source, stop = tmp_path / "src", tmp_path / "stop"
    source.mkdir()
    (source / "train.py").write_text("print(open('data').read())")
    (source / "data").write_text("1")
    start = {"stdout": subprocess.PIPE, "text": True}
    pruning = processes.start([sys.executable, "-c", PRUNES, str(home), str(stop)], **start)
    assert pruning.stdout.readline() == "ready\n"
    submitting = subprocess.run(
        [sys.executable, "-c", SUBMITS, str(source), str(home)], check=False, **start
    )
    stop.touch()
    pruned = json.loads(pruning.communicate(timeout=60)[0])
    assert submitting.stdout.split() == ["Completed"] * 6
    assert pruned >= 4
    assert Path(home / "snapshots/trees").exists()
