"""What `aml` does before any command runs."""

import os
import subprocess
import sys

import pytest

from runtime.cli.root import COMMANDS

HEAVY = {"rich", "pydantic", "yaml", "httpx", "pulumi", "sqlite3", "asyncio"}


def aml(*arguments):
    return subprocess.run(
        [sys.executable, "-c", "from runtime.cli.root import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_lists_every_command_and_loads_none():
    program = (
        "import sys\nfrom runtime.cli.root import run\nrun(['--help'])\n"
        f"sys.exit(sorted({HEAVY!r} & set(sys.modules)).__repr__() if "
        f"{HEAVY!r} & set(sys.modules) else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert all(f"  {name} " in done.stdout for name in COMMANDS)


def test_a_mistyped_command_names_the_nearest():
    done = aml("prewiev")
    assert done.returncode == 2
    assert "Did you mean 'preview'?" in done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name):
    done = aml(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: aml" in done.stdout


@pytest.mark.parametrize(
    "program",
    [
        "from runtime.cli.root import run\nassert run(['submit', 'train.py']) == 0",
        "import runtime.targets.local_run",
    ],
    ids=["submit", "the run's own process"],
)
def test_a_local_run_without_an_environment_loads_nothing_heavy(tmp_path, program):
    (tmp_path / "train.py").write_text("print('done')\n", encoding="utf-8")
    heavy = (HEAVY - {"sqlite3"}) | {"importlib.metadata", "uv"}
    show = f"\nimport sys\nprint(sorted({heavy!r} & set(sys.modules)), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program + show],
        cwd=tmp_path,
        env={**os.environ, "AML_HOME": str(tmp_path / ".aml")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines()[-1] == "[]"


NOT_FOR_A_PLAIN_RUN = {
    "ctypes",  # finds the processes of a run that was lost
    "runtime.environments.builders",
    "runtime.environments.uv_builder",
    "runtime.environments.conda_tools",
    "runtime.environments.lock_store",
    "runtime.definitions.recognition",
    "runtime.submit.interactive",
    "runtime.submit.interpreters",
    "runtime.targets.azureml",
    "runtime.targets.local_data",
    "runtime.targets.local_run",
    "runtime.targets.run_places",
}
MOST_MODULES = 244


def test_a_submission_to_this_machine_imports_only_what_it_uses(tmp_path):
    """Each module costs its share of every `aml submit`; the measure cannot be time, here."""
    (tmp_path / "train.py").write_text("print('done')\n", encoding="utf-8")
    names = loaded_by("from runtime.cli.root import run\nrun(['submit', 'train.py'])", tmp_path)
    assert not names & NOT_FOR_A_PLAIN_RUN
    assert len(names) <= MOST_MODULES


NOT_FOR_A_BUILT_ENVIRONMENT = {
    "bz2", "lzma", "shutil", "subprocess", "tempfile", "tomllib", "uv", "yaml",
    "runtime.environments.installed_pythons", "runtime.environments.inventory",
    "runtime.environments.uv_builder", "runtime.environments.wheels",
}  # fmt: skip


def test_a_built_environment_is_found_without_what_builds_one(tmp_path):
    (tmp_path / "requirements.txt").write_text("# none\n", encoding="utf-8")
    program = (
        "from runtime.cli.root import run\nassert run(['env', 'build', 'requirements.txt']) == 0"
    )
    assert "runtime.environments.uv_builder" in loaded_by(program, tmp_path)
    assert not loaded_by(program, tmp_path) & NOT_FOR_A_BUILT_ENVIRONMENT


NOT_BEFORE_A_SCRIPT_STARTS = {
    "http.server", "http.client", "email", "ssl", "urllib.request", "tarfile",
    "runtime.agent.endpoint", "runtime.agent.spark", "runtime.agent.tracking",
}  # fmt: skip


def test_the_process_of_a_run_imports_what_its_script_needs_when_it_asks(tmp_path):
    """A script waits for this process: the endpoint is imported with its first connection."""
    names = loaded_by("import runtime.targets.local_run", tmp_path)
    assert not names & NOT_BEFORE_A_SCRIPT_STARTS


def test_a_runs_process_starts_before_runs_are_imported(tmp_path):
    """It imports beside the submitter, so whatever comes before it makes every run wait."""
    names = loaded_by("import aml_platform.command, runtime.cli.submit_command", tmp_path)
    assert not names & {"runtime.model.runs", "ctypes", "sqlite3", "runtime.submit"}


def loaded_by(program, folder):
    show = "\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program + show],
        cwd=folder,
        env={**os.environ, "AML_HOME": str(folder / ".aml")},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())
