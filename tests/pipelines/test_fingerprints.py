"""What a step is made of, and what is said of a difference: one change, one part."""

from dataclasses import replace
from pathlib import Path

import pytest

from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.launching import Distribution
from runtime.model.pipelines import Step
from runtime.model.runs import RunSpec
from runtime.pipelines.contents import Contents, tree_hash
from runtime.pipelines.fingerprint import (
    UNKNOWN,
    can_be_compared,
    differences,
    fingerprint,
    parts_of,
)

RAW = DataInput("raw", DataLocation("local", "/data"))
RUN = RunSpec("a.py", Path(), arguments=("1",), inputs=(RAW,), outputs=(DataOutput("out"),))
STEP = Step("s", RUN)


def parts(step=STEP, source="s1", environment="e1", raw="r1"):
    return parts_of(step, source=source, environment=environment, contents={"raw": raw})


def changed(**fields):
    return replace(STEP, run=replace(RUN, **fields))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": "s2"}, "source folder changed"),
        ({"environment": "e2"}, "environment changed"),
        ({"raw": "r2"}, "input raw changed"),
        ({"step": changed(arguments=("2",))}, "arguments changed"),
        ({"step": changed(script="b.py")}, "command changed"),
        ({"step": changed(variables={"A": "1"})}, "variables changed"),
        ({"step": changed(target="cpu")}, "target changed"),
        ({"step": changed(node_count=2)}, "settings changed"),
        ({"step": changed(distribution=Distribution("mpi"))}, "settings changed"),
        ({"step": changed(outputs=(DataOutput("other"),))}, "outputs changed"),
        ({"step": changed(inputs=())}, "input raw is gone"),
        ({"source": "s2", "raw": "r2"}, "source folder and input raw changed"),
        ({}, ""),
    ],
)
def test_a_difference_is_named(given, said):
    before, now = parts(), parts(**given)
    assert differences(before, now) == said
    assert (fingerprint(before) == fingerprint(now)) is not bool(said)


def test_the_place_of_an_output_of_one_run_is_no_difference():
    here = changed(outputs=(DataOutput("out", DataLocation("local", "/runs/1/out")),))
    assert parts(here) == parts()


def test_data_of_which_nobody_can_tell_is_taken_as_changed():
    assert "nobody can tell whether input raw" in can_be_compared(STEP, {"raw": UNKNOWN})
    assert can_be_compared(STEP, {"raw": "r1"}) == ""
    assert "allow_reuse" in can_be_compared(replace(STEP, reuse=False), {"raw": "r1"})


def test_a_folder_is_its_names_and_contents(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_text("1")
    first = tree_hash(tmp_path)
    (tmp_path / "a" / "x").touch()
    assert tree_hash(tmp_path) == first
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    assert tree_hash(tmp_path) != first


def test_what_is_not_there_is_unknown(tmp_path):
    contents = Contents(lambda: pytest.fail("no workspace is needed"))
    assert contents.at(DataLocation("local", str(tmp_path / "gone"))) == UNKNOWN
