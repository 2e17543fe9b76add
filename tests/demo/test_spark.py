"""The example with PySpark: a cluster is made, attached through ARM, and takes the script."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import control
from tests.deploy.project import REPOSITORY
from tests.kept_environments import keep_environments

pytestmark = [pytest.mark.needs_java, pytest.mark.slow]


@pytest.fixture
def example(tmp_path):
    if shutil.which("java") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("Java is not installed")
    made = shutil.copytree(REPOSITORY / "examples" / "spark", tmp_path / "example")
    (made / ".aml").mkdir(mode=0o700)
    keep_environments(made / ".aml")
    yield made
    control.stop(made / ".aml")


def test_a_cluster_is_made_attached_and_submitted_to(example):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AML_", "PULUMI_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = example / "run.sh"
    # Runs by configuration are tested with the target; an environment for this machine takes long.
    script.write_text(script.read_text().replace("here cluster livy", ""))
    done = subprocess.run(
        [script],
        env={**kept, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "The sum of the numbers below 100 is 4950" in done.stdout
    assert "INFO" not in done.stdout
    (total,) = (example / ".aml" / "outputs").rglob("total.txt")
    assert total.read_text() == "4950\n"
