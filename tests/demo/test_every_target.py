"""The example with every kind of target: one run on each, side by side in one history."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import control
from tests.deploy.project import REPOSITORY

pytest_plugins = ("tests.docker_engine",)
pytestmark = [pytest.mark.slow, pytest.mark.needs_docker]
TARGETS = {"local", "docker", "cpu", "workstation", "dsvm", "spark", "bricks", "jobs"}


@pytest.fixture
def example(tmp_path):
    shutil.copy(REPOSITORY / "examples" / "every_target.sh", tmp_path)
    made = tmp_path / "every_target"
    shutil.copytree(REPOSITORY / "examples" / "every_target", made)
    yield made
    control.stop(made / ".aml")


def test_one_script_runs_on_every_kind_of_target(example, base_image):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AML_", "PULUMI_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [example.parent / "every_target.sh"],
        env={**kept, "PATH": path, "AML_DOCKER_BASE_IMAGE": base_image},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    header, *rows = done.stdout.partition("$ aml runs\n")[2].strip().splitlines()
    assert header.split() == ["RUN", "TARGET", "STATE", "CREATED", "DURATION", "METRICS"]
    assert {row.split()[1] for row in rows} == TARGETS
    assert {row.split()[2] for row in rows} == {"Completed"}
    assert {row.rpartition("  ")[2] for row in rows} == {"answer 42"}
    answers = list((example / ".aml" / "outputs").rglob("answer.txt"))
    assert [file.read_text() for file in answers] == ["42\n"] * len(TARGETS)
