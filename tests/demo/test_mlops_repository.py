"""The repository of a team: the shell steps of its workflows, in order, each job in a fresh clone.

State is in Azurite; the local cloud stands where Azure would be. Installing, and what talks to
GitHub or logs in to Azure, is left out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from azure.storage.blob import ContainerClient

from localcloud import control
from tests.azurite import ACCOUNT, KEY, running_azurite
from tests.deploy.project import REPOSITORY

pytestmark = pytest.mark.slow

EXAMPLE = REPOSITORY / "examples" / "mlops_repository"
WORKFLOWS = EXAMPLE / ".github" / "workflows"
STACKS = ("dev", "test", "prod")
LEFT_OUT = {"Install", "Comment"}
TIMEOUT_S = 240


def steps(workflow, job):
    """Return the shell steps of a job, by name."""
    document = yaml.safe_load((WORKFLOWS / workflow).read_text(encoding="utf-8"))
    found = [each for each in document["jobs"][job]["steps"] if "run" in each]
    return {each["name"]: each["run"] for each in found if each["name"] not in LEFT_OUT}


class Team:
    """A storage account for state, a cloud, and a fresh clone for each job."""

    def __init__(self, folder: Path, service: str) -> None:
        self.folder = folder
        self.cloud = folder / "cloud"
        self.cloud.mkdir(mode=0o700)
        self.commit = shutil.copytree(EXAMPLE, folder / "commit")
        for stack in STACKS:
            self.edit(f"Pulumi.{stack}.yaml", "aml:cloud: azure", "aml:cloud: local")
        query = f"storage_account={ACCOUNT}&domain={service}&protocol=http&localemu=true"
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AML_", "PULUMI_"))}
        self.variables = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser())),
            "AML_STACK": "dev",
            "PULUMI_BACKEND_URL": f"azblob://state?{query}",
            "PULUMI_CONFIG_PASSPHRASE": "a secret of the repository",
            "AZURE_STORAGE_KEY": KEY,
            "GITHUB_SHA": "0123abc",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        }

    def edit(self, name: str, old: str, new: str) -> None:
        """Change a stack file in what is cloned from here on."""
        file = self.commit / "stacks" / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    def job(self, workflow: str, job: str, *, expected: int = 0) -> Path:
        """Run a job's steps in a fresh clone, which is returned; the last may fail."""
        clone = shutil.copytree(
            self.commit, self.folder / f"{job}{len(list(self.folder.iterdir()))}"
        )
        (clone / ".aml").mkdir(mode=0o700)
        (clone / ".aml/cloud").symlink_to(self.cloud)
        for name, script in steps(workflow, job).items():
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", script],
                cwd=clone,
                env=self.variables,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_S,
                check=False,
            )
            assert done.returncode in {0, expected}, f"{name}: {done.stdout}{done.stderr}"
            if done.returncode:
                return clone
        assert expected == 0, f"{workflow}: {job} did not fail"
        return clone


@pytest.fixture
def team(tmp_path):
    with running_azurite(tmp_path / "azurite") as service:
        account = f"http://{service}/{ACCOUNT}"
        with ContainerClient(
            account, "state", {"account_name": ACCOUNT, "account_key": KEY}
        ) as made:
            made.create_container()
        (tmp_path / "team").mkdir()
        team = Team(tmp_path / "team", service)
        yield team
        home = tmp_path / "stop"
        home.mkdir()
        (home / "cloud").symlink_to(team.cloud)
        control.stop(home)


def test_a_change_goes_from_a_pull_request_to_a_trained_model(team):
    clone = team.job("pull-request.yml", "preview")
    assert "### Preview of stack `dev` (local)" in (clone / "preview.md").read_text()
    assert "to create" in Path(team.variables["GITHUB_STEP_SUMMARY"]).read_text()
    team.job("deploy.yml", "deploy")
    trained = team.job("deploy.yml", "train")
    assert list((trained / "trained").rglob("model.json"))
    assert not (trained / ".aml/state").exists()
    team.job("drift.yml", "drift")
    team.edit("Pulumi.dev.yaml", "max_nodes: 4", "max_nodes: 2")
    clone = team.job("pull-request.yml", "preview")
    assert "max\\_nodes 4 → 2" in (clone / "preview.md").read_text()


def test_azure_devops_stops_at_the_first_command_that_fails():
    """It runs scripts without ``-e``."""
    document = yaml.safe_load((EXAMPLE / "azure-pipelines.yml").read_text(encoding="utf-8"))
    for job in document["jobs"]:
        for step in job["steps"]:
            script = step.get("script") or step.get("inputs", {}).get("inlineScript", "")
            several = len(script.strip().splitlines()) > 1
            assert not several or script.startswith("set -e\n"), script


def test_azure_devops_runs_the_same_commands():
    document = yaml.safe_load((EXAMPLE / "azure-pipelines.yml").read_text(encoding="utf-8"))
    there = "\n".join(
        str(step.get("script") or step.get("inputs", {}).get("inlineScript", ""))
        for job in document["jobs"]
        for step in job["steps"]
    )
    shared = {
        *steps("pull-request.yml", "preview").values(),
        steps("deploy.yml", "train")["Use the workspace"],
        steps("drift.yml", "drift")["Drift"],
    } - {steps("pull-request.yml", "preview")["Show the preview"]}
    for command in shared:
        assert command in there
    assert 'aml up --yes --message "$BUILD_SOURCEVERSION"' in there
