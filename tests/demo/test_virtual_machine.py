"""The example with a virtual machine: made, attached and trained on by three commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import control
from tests.deploy.project import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.fixture
def example(tmp_path):
    made = shutil.copytree(REPOSITORY / "examples" / "virtual_machine", tmp_path / "example")
    yield made
    control.stop(made / ".aml")


def test_a_machine_is_made_attached_and_trained_on(example):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AML_", "PULUMI_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [example / "run.sh"],
        env={**kept, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "of azureuser in " in done.stdout
    (answer,) = (example / ".aml" / "outputs").rglob("answer.txt")
    assert answer.read_text() == "42\n"
