"""Run properties from git: never an error, never a password."""

import shutil
import subprocess

import pytest

from runtime.snapshots.git import git_properties, without_credentials

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def repository(tmp_path):
    """Return a function that runs git in a new repository on branch ``work``."""

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        return subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    git("init", "-q", "-b", "work")
    return git


@pytest.fixture
def variables(tmp_path):
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)}


def test_a_clean_work_tree(repository, tmp_path, variables):
    (tmp_path / "train.py").touch()
    repository("add", ".")
    repository("commit", "-qm", "first")
    repository("remote", "add", "origin", "https://me:secret@example.org/a/b.git")
    commit = repository("rev-parse", "HEAD")
    assert git_properties(tmp_path, variables) == {
        "azureml.git.repository_uri": "https://example.org/a/b.git",
        "mlflow.source.git.repoURL": "https://example.org/a/b.git",
        "azureml.git.branch": "work",
        "mlflow.source.git.branch": "work",
        "azureml.git.commit": commit,
        "mlflow.source.git.commit": commit,
        "azureml.git.dirty": "False",
    }


def test_a_repository_without_commit_and_remote(repository, tmp_path, variables):
    (tmp_path / "train.py").touch()
    assert git_properties(tmp_path, variables) == {
        "azureml.git.branch": "work",
        "mlflow.source.git.branch": "work",
        "azureml.git.dirty": "True",
    }


def test_a_detached_head_has_no_branch(repository, tmp_path, variables):
    repository("commit", "-q", "--allow-empty", "-m", "first")
    repository("checkout", "-q", "--detach")
    assert not [name for name in git_properties(tmp_path, variables) if "branch" in name]


def test_a_folder_without_git(tmp_path, variables):
    assert git_properties(tmp_path, variables) == {}


def test_a_machine_without_git(repository, tmp_path):
    assert git_properties(tmp_path, {"PATH": str(tmp_path)}) == {}


def test_variables_of_a_build_server_win(repository, tmp_path, variables):
    said = {"AZUREML_GIT_BRANCH": "release", "AZUREML_GIT_BUILD_ID": "7", "AZUREML_GIT_DIRTY": ""}
    properties = git_properties(tmp_path, variables | said)
    assert properties["azureml.git.branch"] == "release"
    assert properties["azureml.git.build_id"] == "7"
    assert properties["azureml.git.dirty"] == "False"


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("https://user:pw@h.org/a", "https://h.org/a"),
        ("https://token@h.org/a", "https://h.org/a"),
        ("HTTPS://token@h.org/a", "HTTPS://h.org/a"),
        ("ssh://git@h.org/a", "ssh://h.org/a"),
        ("git@h.org:a/b.git", "git@h.org:a/b.git"),
        ("https://h.org/a@b", "https://h.org/a@b"),
        ("/srv/a.git", "/srv/a.git"),
    ],
)
def test_urls_lose_their_credentials(url, bare):
    assert without_credentials(url) == bare


def test_names_in_another_encoding_are_no_error(repository, tmp_path, variables):
    (tmp_path / "bad\udcff").touch()
    repository("config", "core.quotePath", "false")
    repository("checkout", "-q", "--orphan", "branch\udcff")
    found = git_properties(tmp_path, variables)
    assert found["azureml.git.branch"] == "branch\ufffd"
    assert found["azureml.git.dirty"] == "True"
