"""A run that is killed at any moment loses nothing: see ``killing``, which does the work."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SLOW_TIMEOUT_S

SHAPES = ("first_up", "second_up", "replace_mix", "destroy", "at_once", "import", "refresh")
ROOT = Path(__file__).parents[2]
MEMORY = Path("/dev/shm")  # noqa: S108 - each folder in it is made private
LEAST_POINTS = {"single": 80, "double": 50, "recovering": 100, "dropping": 40}
LEAST_READINGS = 50
"""What a death leaves is also read as the Pulumi CLI reads it: at least so often for each plan."""


def report_of(module: str, folder: Path, *arguments: object) -> dict[str, Any]:
    command = [sys.executable, "-m", f"tests.engine.{module}", str(folder), *map(str, arguments)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=SLOW_TIMEOUT_S, cwd=ROOT
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def folder():
    """A folder in memory, where there is one: thousands of worlds are made and removed in it."""
    memory = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as made:
        yield Path(made)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("plan", LEAST_POINTS)
def test_some_kills_are_recovered(folder, shape, plan):
    report = report_of("killing", folder, shape, plan, 23)
    assert report["points"] > 0
    assert report["failures"] == []


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("plan", LEAST_POINTS)
def test_every_kill_is_recovered(folder, shape, plan):
    report = report_of("killing", folder, shape, plan, 1)
    assert report["points"] >= LEAST_POINTS[plan]
    assert report["readings"] >= LEAST_READINGS
    assert report["failures"] == []


def test_a_real_program_survives_a_dozen_kills(folder):
    # Some come too late: how much is written depends on how often an interim checkpoint is due.
    report = report_of("killing_programs", folder, 9)
    assert report["points"] >= 12
    assert report["failures"] == []
