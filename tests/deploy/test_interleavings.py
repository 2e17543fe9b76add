"""Two clones deploy one stack whose state is in a blob container; either is killed anywhere."""

import shutil
import subprocess
import sys

import pytest

from tests import processes
from tests.deploy.interleaving import STACK_NAME

ROUNDS, SEED = 20, 16


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_whoever_comes_next_finishes_what_a_killed_clone_began(
    project, container, tmp_path, monkeypatch
):
    """Each round kills one clone's `up` at a random line of its journal; the next one ends it."""
    monkeypatch.setenv("AML_STACK", STACK_NAME)
    other = tmp_path / "other"
    shutil.copytree(project.root, other, ignore=shutil.ignore_patterns(".aml"))
    (other / ".aml").mkdir()
    (other / ".aml/cloud").symlink_to(project.home / "cloud")
    program = [sys.executable, "-m", "tests.deploy.interleaving", str(SEED), str(ROUNDS)]
    process = processes.start(
        [*program, project.name, str(project.root), str(other)],
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert int(out) > ROUNDS / 2, "most of them were to be killed"
