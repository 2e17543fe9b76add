"""The archive of Spark's classes is made once it is worth it, and used by every later start."""

import re
from pathlib import Path

import pytest

from localcloud.services import spark_classes
from localcloud.services.pythons import spark_variables

MAKES = """#!/bin/sh
file=$(printf %s "$SPARK_SUBMIT_OPTS" | sed -n 's/.*ArchiveClassesAtExit=\\([^ ]*\\).*/\\1/p')
echo started >> "$(dirname "$0")/../starts"
"""
pytestmark = pytest.mark.needs_java


def environment(folder, *, ends='echo classes > "$file"\n'):
    """Return the Python of an environment whose Spark notes its starts."""
    (folder / "bin").mkdir()
    submit = folder / "bin" / "spark-submit"
    submit.write_text(MAKES + ends)
    submit.chmod(0o755)
    return folder / "bin" / "python"


def started(python, times):
    said = []
    for _ in range(times):
        spark_classes.note_start(python, spark_variables(python), said.append)
    return said


def test_an_archive_is_made_once_after_some_starts_and_then_used(java, tmp_path):
    python = environment(tmp_path)
    assert started(python, spark_classes.WORTH_IT - 1) == []
    assert "SharedArchiveFile" not in spark_variables(python)["SPARK_SUBMIT_OPTS"]
    assert len(started(python, 3)) == 1
    found = re.search("-XX:SharedArchiveFile=(\\S+)", spark_variables(python)["SPARK_SUBMIT_OPTS"])
    assert found
    assert Path(found[1]).read_text() == "classes\n"
    assert (tmp_path / "starts").read_text() == "started\n"


@pytest.mark.parametrize("ends", ["exit 1\n", "kill -9 $$\n"])
def test_spark_starts_as_before_where_no_archive_can_be_made(java, tmp_path, ends):
    python = environment(tmp_path, ends=ends)
    before = spark_variables(python)
    assert len(started(python, spark_classes.WORTH_IT + 2)) == 1
    assert spark_variables(python) == before
    assert [each.name for each in tmp_path.glob(".classes-*")] == []
