"""Nothing below `.aml` is open to other users, whatever the umask: deployments, runs, the cloud."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os
os.makedirs("outputs/deep")
open("outputs/deep/model", "w").close()
os.link("outputs/deep/model", "outputs/model")
before = os.umask(0)
print("umask", before)
"""


@pytest.fixture(scope="module")
def aml(tmp_path_factory):
    """Return a function that runs a command with an open umask, in a project of its own."""
    root = tmp_path_factory.mktemp("project")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("AML_")}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", "from runtime.cli.root import main; main()", *arguments],
            cwd=root,
            env={**environ, "PYTHONPATH": str(Path.cwd())},
            umask=0,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done

    run.root = root
    (root / "src").mkdir()
    (root / "src/train.py").write_text(SCRIPT)
    (root / "src/requirements.txt").touch()
    yield run
    run("cloud", "stop")


@pytest.mark.slow
def test_nothing_below_the_home_is_open_to_others(aml):
    aml("init")
    aml("up", "-y")
    for target in ("local", "cpu"):
        aml("submit", "--source-directory", "src", "--target", target, "train.py")
    home = aml.root / ".aml"
    entries = [home, *home.rglob("*")]
    kept = [path for path in entries if path.is_dir() or path.is_file()]
    assert len(kept) > 100
    assert [path for path in kept if not path.is_symlink() and path.stat().st_mode & 0o077] == []


@pytest.mark.slow
def test_a_script_has_the_umask_of_whoever_submits_it(aml):
    assert aml("submit", "--source-directory", "src", "train.py").stdout == "umask 0\n"
