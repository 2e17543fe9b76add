"""What differs between two runs."""

import pytest

from runtime.model.runs import SnapshotFile
from runtime.submit.differences import (
    Known,
    Value,
    changed,
    differences,
    file_changes,
    named_arguments,
    text_diff,
)


def files(**contents):
    return [SnapshotFile(name, text, 1) for name, text in contents.items()]


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": "1"}, {"a": "1"}, []),
        ({"a": "1"}, {"a": "2"}, [("changed", "a")]),
        ({}, {"a": "1"}, [("added", "a")]),
        ({"a": "1"}, {}, [("removed", "a")]),
        ({"a": "1"}, {"b": "1"}, [("renamed", "b")]),
        ({"a": "1"}, {"b": "1", "c": "1"}, [("renamed", "b"), ("added", "c")]),
        ({"a": "1", "b": "1"}, {"c": "1"}, [("removed", "a"), ("renamed", "c")]),
        ({"a": "1"}, {"a": "1", "b": "1"}, [("added", "b")]),
    ],
)
def test_files(before, after, changes):
    found = file_changes(files(**before), files(**after))
    assert [(change.kind, change.path) for change in found] == changes


def test_a_file_that_became_executable_is_changed():
    (change,) = file_changes(
        [SnapshotFile("a", "1", 1)], [SnapshotFile("a", "1", 1, executable=True)]
    )
    assert change.kind == "changed"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), {}),
        (("--alpha", "0.1"), {"--alpha": "0.1"}),
        (("--alpha=0.1",), {"--alpha": "0.1"}),
        (("--shift", "-0.5", "-n", "-1"), {"--shift": "-0.5", "-n": "-1"}),
        (("--flag", "--x", "1"), {"--flag": "", "--x": "1"}),
        (("data.csv", "--x", "1", "out"), {"1": "data.csv", "--x": "1", "2": "out"}),
        (("-v", "1", "-v", "2"), {"-v": "1 2"}),
        (("-",), {"1": "-"}),
    ],
)
def test_arguments_by_name(arguments, named):
    assert named_arguments(arguments) == named


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (b"a\nb\n", b"a\nc\n", ["--- x", "+++ y", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]),
        (b"a", b"a", []),
        (b"\0", b"a", None),
        (b"\xff", b"a", None),
        (b"a" * 600_000, b"a", None),
    ],
)
def test_text(before, after, lines):
    assert text_diff(before, after, ("x", "y")) == lines


def test_values_that_differ():
    assert changed({"a": 1, "b": 2}, {"a": 1, "c": 3}) == {"b": Value(2, None), "c": Value(None, 3)}
    assert Value(1.0, 1.5).change == 0.5
    assert Value("1", "2").change is None


def test_two_runs(record):
    properties = {"aml.environment": "e1", "azureml.git.commit": "c1", "other": "x"}
    before = Known(
        record(
            arguments=("--alpha", "0.1"), properties=properties, metrics={"loss": 2.0, "acc": 1.0}
        ),
        files(**{"train.py": "1"}),
        {"numpy": "1.0"},
        "numpy\n",
    )
    after = Known(
        record("exp_2_00000000",
            arguments=("--alpha", "0.2"),
            properties=properties | {"aml.environment": "e2", "azureml.git.commit": "c2"},
            metrics={"loss": 1.5, "acc": 1.0},
        ),
        files(**{"train.py": "2"}),
        {"numpy": "2.0"},
        "numpy\nscipy\n",
    )  # fmt: skip
    found = differences(before, after)
    assert (found.before, found.after) == ("exp_1_00000000", "exp_2_00000000")
    assert [change.path for change in found.files] == ["train.py"]
    assert found.arguments == {"--alpha": Value("0.1", "0.2")}
    assert found.environment == {"aml.environment": Value("e1", "e2")}
    assert found.packages == {"numpy": Value("1.0", "2.0")}
    assert list(found.declared)[-1] == "+scipy"
    assert found.git == {"commit": Value("c1", "c2")}
    assert found.metrics == {"acc": Value(1.0, 1.0), "loss": Value(2.0, 1.5)}
    assert found.run == {}


def test_what_is_not_known_of_one_run_is_not_compared(record):
    found = differences(Known(record(), None, {}), Known(record(), [], {"numpy": "1"}))
    assert found.files is None
    assert found.packages == {}
