"""A workspace on the local cloud, with the words of azureml-core."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from aml_platform import (
    Experiment,
    InteractiveLoginAuthentication,
    ServicePrincipalAuthentication,
    UserErrorException,
    WebserviceException,
    Workspace,
)
from runtime.agent.assets.model import Model
from tests.deploy.conftest import deployed, project  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[2]
TRACKS = """\
import mlflow
from aml_platform import Workspace
mlflow.set_tracking_uri(Workspace.from_config().get_mlflow_tracking_uri())
mlflow.set_experiment("from-outside")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
print(mlflow.get_run(run.info.run_id).data.metrics)
"""


@pytest.fixture
def workspace(deployed):  # noqa: F811 - the fixture
    return Workspace.from_config()


def test_the_cloud_knows_the_workspace(workspace, deployed):  # noqa: F811
    details = workspace.get_details()
    assert (details["name"], details["location"]) == (deployed.name, "westeurope")
    assert details["keyVault"]
    assert workspace.tags["team"] == "ml"
    assert workspace.sku == "Basic"
    assert workspace.discovery_url.startswith("https://")


def test_its_datastores_and_models(workspace, tmp_path):
    assert workspace.get_default_datastore().name == "workspaceblobstore"
    assert "workspacefilestore" in workspace.datastores
    (tmp_path / "m.txt").write_text("m")
    Model.register(workspace, str(tmp_path / "m.txt"), "net")
    assert workspace.models["net"].id == "net:1"
    assert workspace.datasets == {}
    with pytest.raises(WebserviceException) as absent:
        Model(workspace, "no")
    assert absent.value.status_code == 404


def test_a_run_registers_a_model(workspace, deployed):  # noqa: F811
    experiment = Experiment(workspace, "e")
    with experiment.start_logging(snapshot_directory=None) as run:
        (deployed.root / "model.txt").write_text("m")
        run.upload_file("outputs/model.txt", "model.txt")
    model = run.register_model("net", "outputs/model.txt", tags={"a": "b"})
    assert (model.version, model.run_id, model.tags) == (1, run.id, {"a": "b"})
    with pytest.raises(UserErrorException, match=r"no file or folder 'outputs/other\.txt'"):
        run.register_model("net", "outputs/other.txt")


@pytest.mark.parametrize(
    "auth",
    [
        InteractiveLoginAuthentication(tenant_id="t", force=True),
        ServicePrincipalAuthentication("t", "id", "a secret"),
    ],
)
def test_nothing_is_asked_of_whoever_uses_the_local_cloud(deployed, auth):  # noqa: F811
    assert Workspace.from_config(auth=auth).name == deployed.name
    assert auth.get_authentication_header()["Authorization"].startswith("Bearer ")
    assert "secret" not in repr(auth)


@pytest.mark.skipif(
    find_spec("localcloud.planes.core_secrets") is None, reason="the local cloud keeps no secrets"
)
def test_secrets_are_set_and_read_by_name(workspace):
    vault = workspace.get_default_keyvault()
    assert vault.get_secret("db") is None
    vault.set_secret("db", "pa ss")
    vault.set_secrets({"other": "2"})
    assert vault.get_secrets(["db", "other"]) == {"db": "pa ss", "other": "2"}
    assert sorted(each["name"] for each in vault.list_secrets()) == ["db", "other"]
    vault.delete_secret("db")
    vault.delete_secret("db")
    assert vault.get_secret("db") is None


def test_mlflow_tracks_to_the_workspace(deployed):  # noqa: F811
    pytest.importorskip("mlflow")
    said = subprocess.run(
        [sys.executable, "-c", TRACKS],
        cwd=deployed.root, capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(deployed.root)},
    )  # fmt: skip
    assert said.stdout.splitlines()[-1:] == ["{'loss': 0.5}"], said.stderr


def test_its_keys_are_read_again(workspace):
    workspace.sync_keys()
    assert workspace.get_details()["provisioningState"] == "Succeeded"


def test_it_is_deleted_with_all_that_its_stack_deployed(workspace):
    with pytest.raises(UserErrorException, match="delete_dependent_resources=True"):
        workspace.delete()
    workspace.delete(delete_dependent_resources=True)
    assert Workspace.list() == {}
