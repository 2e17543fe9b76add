"""A run that is killed at any moment loses nothing: see ``killing``, which does the work."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SHAPES = ("first_up", "second_up", "replace_mix", "destroy", "at_once")
LEAST_POINTS = {"single": 80, "double": 50, "recovering": 100}


def kill(folder: Path, shape: str, plan: str, *, stride: int = 1) -> dict[str, Any]:
    script = Path(__file__).with_name("killing.py")
    command = [sys.executable, str(script), str(folder), shape, plan, str(stride)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("plan", LEAST_POINTS)
def test_some_kills_are_recovered(tmp_path, shape, plan):
    report = kill(tmp_path, shape, plan, stride=23)
    assert report["points"] > 0
    assert report["failures"] == []


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("plan", LEAST_POINTS)
def test_every_kill_is_recovered(tmp_path, shape, plan):
    report = kill(tmp_path, shape, plan)
    assert report["points"] >= LEAST_POINTS[plan]
    assert report["failures"] == []
