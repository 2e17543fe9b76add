"""Git takes nothing of ``.aml``, whatever makes it first."""

import subprocess
from contextlib import closing

import pytest

from infra.contract.manifest import Manifest, WorkspaceEntry
from infra.contract.private import private_folder
from infra.contract.project import find_project
from infra.deploy.run.manifests import write_manifest
from infra.deploy.stack.passphrase import stack_passphrase
from infra.engine.state.backend import StateBackend
from infra.engine.state.secrets import Sealer
from localcloud.store.database import Database
from localcloud.store.sealing import Sealing
from localcloud.tls import certificates
from runtime.cli.root import run
from runtime.history.store import History
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.snapshots.store import SnapshotStore

MANIFEST = Manifest(
    project="shop",
    stack="local",
    cloud="local",
    workspace=WorkspaceEntry(id="/w", name="w", location="westeurope"),
)

RUN = RunRecord("exp_1_00000000", "exp", "local", state=RunState.NOT_STARTED, created=1.0)


def git(folder, *arguments):
    return subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(variable, raising=False)
    git(tmp_path, "init", "-q")
    (tmp_path / "Pulumi.yaml").write_text("name: shop\n")
    (tmp_path / "train.py").write_text("print(1)\n")
    return tmp_path


def added(folder):
    """Return what `git add -A` would take."""
    return git(folder, "add", "-A", "--dry-run")


def create_state(home):
    StateBackend(home / "state").create("shop", "dev", Sealer.from_passphrase("word"))


def make_cloud_database(home):
    with closing(Database(home / "cloud/cloud.db")) as database:
        database.define("create table t (a)")


MAKERS = {
    "select": lambda _: find_project().select_stack("dev"),
    "passphrase": lambda _: stack_passphrase(find_project(), "local"),
    "manifest": lambda home: write_manifest(MANIFEST, home / "manifests/local.json"),
    "state": create_state,
    "history": lambda home: History(home / "history.sqlite").add(RUN),
    "snapshots": lambda home: SnapshotStore(home / "snapshots").take(home.parent),
    "cloud database": make_cloud_database,
    "cloud keys": lambda home: Sealing(home / "cloud/secret.key"),
    "cloud certificates": lambda home: certificates(home / "cloud"),
    "aml init": lambda _: run(["init", "dev"]),
    "aml submit": lambda _: run(["submit", "train.py"]),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_git_takes_nothing_of_what_is_made_first(repository, make):
    make(repository / ".aml")
    assert ".aml/" not in added(repository)


def test_git_takes_nothing_of_a_local_cloud_that_was_started_first(repository):
    try:
        assert run(["cloud", "start"]) == 0
        assert (repository / ".aml/cloud/cloud.key").exists()
        assert ".aml" not in added(repository)
    finally:
        run(["cloud", "stop"])


def test_an_aml_folder_of_an_earlier_version_is_ignored_from_the_next_write_on(repository):
    (repository / ".aml/state").mkdir(parents=True)
    (repository / ".aml/passphrase").write_text("word\n")
    assert ".aml" in added(repository)
    find_project().select_stack("dev")
    assert ".aml" not in added(repository)


def test_a_folder_that_aml_home_names_is_ignored_if_it_was_made_for_it(repository, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(repository / "data"))
    private_folder(repository / "data/state")
    assert "data" not in added(repository)


def test_a_folder_with_files_of_its_own_that_aml_home_names_is_left_as_it_is(
    repository, monkeypatch
):
    monkeypatch.setenv("AML_HOME", str(repository))
    private_folder(repository / "state")
    assert "train.py" in added(repository)


def test_an_ignore_file_that_is_there_is_kept(repository):
    (repository / ".aml").mkdir()
    (repository / ".aml/.gitignore").write_text("cloud\n")
    private_folder(repository / ".aml")
    assert (repository / ".aml/.gitignore").read_text() == "cloud\n"


def test_init_says_what_to_commit(repository, capsys):
    assert run(["init", "dev"]) == 0
    said = capsys.readouterr().err
    assert "Commit Pulumi.dev.yaml and stack.schema.json beside it" in said
    assert ".aml holds state and keys of this machine, and git ignores it." in said
