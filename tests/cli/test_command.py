"""The installed command `aml`: packages of the user's that shadow ours, and what it imports."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

AML = Path(sys.executable).with_name("aml")
SHADOWS = ["infra/__init__.py", "infra.py", "runtime/__init__.py", "runtime.py",
           "localcloud/__init__.py", "localcloud.py"]  # fmt: skip


def started(*command, cwd, **variables):
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("file", SHADOWS)
def test_a_package_that_shadows_ours_is_a_usage_error(tmp_path, file):
    mine = tmp_path / file
    mine.parent.mkdir(exist_ok=True)
    mine.touch()
    done = started(AML, "--version", cwd=tmp_path, PYTHONPATH=".")
    place = mine.parent if mine.name == "__init__.py" else mine
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {place} would be imported instead of aml-platform's")
    assert done.stderr.count("\n") == 1


def test_without_one_the_command_runs(tmp_path):
    (tmp_path / "infra").mkdir()  # a folder without `__init__.py` shadows nothing
    done = started(AML, "--version", cwd=tmp_path, PYTHONPATH=".")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("aml, version")


def test_the_command_imports_no_more_than_the_command_line_does(tmp_path):
    program = "import sys; from {} import main; print(*sys.modules)"
    with_check, without = (
        set(started(sys.executable, "-c", program.format(name), cwd=tmp_path).stdout.split())
        for name in ("aml_platform.command", "runtime.cli.root")
    )
    assert "runtime.cli.root" in without
    # What looks for shadows of our packages, and what its paths import.
    checking = ("aml_platform", "importlib.", "pathlib", "fnmatch", "ipaddress", "ntpath", "urllib")
    assert {name for name in with_check - without if not name.startswith(checking)} == set()
