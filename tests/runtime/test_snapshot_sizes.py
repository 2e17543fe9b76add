"""What makes up a large snapshot, and that a person is told before it is sent."""

import pytest

from runtime.history.store import History
from runtime.model.runs import RunSpec
from runtime.snapshots.sizes import is_large, largest_entries, size_note
from runtime.submit.submitting import Submitter
from runtime.targets.base import Handle

MIB = 1024**2


@pytest.mark.parametrize(
    ("sizes", "listed"),
    [
        ({}, []),
        ({"a": 3 * MIB}, ["a 3.0 MiB"]),
        ({"b": MIB, "a": MIB, "c": 2 * MIB}, ["c 2.0 MiB", "a 1.0 MiB", "b 1.0 MiB"]),
        ({"d/a": MIB, "d/b": MIB}, ["d/ 2.0 MiB (2 files)"]),
        ({"d/e/big": 9 * MIB, "d/b": MIB}, ["d/e/big 9.0 MiB"]),
        ({"d/e/x": 5 * MIB, "d/e/y": 5 * MIB, "d/b": MIB}, ["d/e/ 10.0 MiB (2 files)"]),
        ({f"f{n}": n * MIB for n in range(9)}, [f"f{n} {n}.0 MiB" for n in (8, 7, 6, 5, 4)]),
    ],
)
def test_the_largest_entries(sizes, listed):
    assert [str(entry) for entry in largest_entries(sizes)] == listed


@pytest.mark.parametrize(
    ("sizes", "large"),
    [
        ({"a": 25 * MIB}, True),
        ({"a": 25 * MIB - 1}, False),
        ({f"f{n}": 1 for n in range(500)}, True),
        ({f"f{n}": 1 for n in range(499)}, False),
    ],
)
def test_what_is_large(sizes, large):
    assert is_large(sizes) is large
    assert bool(size_note(sizes, "are new")) is large


class Listening:
    """A target that keeps what was said before it was asked to launch a run."""

    name = "listening"

    def __init__(self, said):
        self.said = said
        self.before = []

    def launch(self, run):
        self.before.append(list(self.said))
        return Handle(self.name, run.run_id)


@pytest.fixture
def history(tmp_path):
    return History(tmp_path / "home/history.sqlite")


def test_a_large_submission_says_its_size_before_it_is_sent(tmp_path, history):
    (tmp_path / "src/data").mkdir(parents=True)
    (tmp_path / "src/train.py").write_text("print(1)")
    for number in range(500):
        (tmp_path / f"src/data/{number}").write_text(str(number))
    said = []
    target = Listening(said)
    submitter = Submitter(tmp_path / "home", history, environ={}, report=said.append)
    for _ in range(2):
        submitter.submit(RunSpec("train.py", tmp_path / "src"), target)
    (note,) = said  # the second time, nothing is new
    assert target.before == [[note], [note]]
    assert "501 files that are new" in note
    plan = submitter.plan(RunSpec("train.py", tmp_path / "src"))
    for text in (note, plan.size_note):
        assert "data/ 1.4 KiB (500 files)" in text
