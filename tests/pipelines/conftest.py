"""Workspaces for pipelines: one that no cloud serves, and one of a running local cloud."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from aml_platform import Experiment, Workspace
from infra.arm.client import local_client
from runtime.agent.assets.datastore import Datastore
from runtime.cli.root import run
from runtime.targets.run_places import Workspace as OfTransport
from runtime.targets.workspace_transport import WorkspaceTransport
from tests.localcloud.harness import SUB, connect, make_workspace

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/demo-rg/providers"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the `.aml` folder of a project; the working folder is its own."""
    home = tmp_path / "home"
    (home / "manifests").mkdir(parents=True)
    manifest = {
        "version": 1,
        "project": "demo",
        "stack": "local",
        "cloud": "local",
        "workspace": {
            "id": f"{GROUP}/Microsoft.MachineLearningServices/workspaces/demo",
            "name": "demo",
            "location": "westeurope",
        },
        "targets": {
            "cpu": {"kind": "aml_compute", "id": "/x", "max_nodes": 2, "vm_size": "Standard_D2"}
        },
    }
    (home / "manifests" / "local.json").write_text(json.dumps(manifest), encoding="utf-8")
    monkeypatch.setenv("AML_HOME", str(home))
    monkeypatch.delenv("AML_STACK", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return home


@pytest.fixture
def workspace(home):
    return Workspace.from_config()


@pytest.fixture
def experiment(workspace):
    return Experiment(workspace, "exp")


@pytest.fixture
def source(tmp_path):
    """Return what writes a script and returns its folder."""

    def write(**scripts):
        folder = tmp_path / "source"
        folder.mkdir(exist_ok=True)
        for name, text in scripts.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        return folder

    return write


@dataclass
class Deployed:
    """A workspace of a running local cloud, with a cluster called `cpu`."""

    home: Path
    store: Datastore

    def write(self, path, text, folder):
        file = folder / "written"
        file.write_text(text, encoding="utf-8")
        self.store.container().put(path, str(file))

    def read(self, path):
        return self.store.container().read(path).decode()


@pytest.fixture(scope="module")
def deployed(aml_home, local_cloud):
    scale = {"minNodeCount": 0, "maxNodeCount": 2, "nodeIdleTimeBeforeScaleDown": "PT60S"}
    cluster = {"vmSize": "STANDARD_DS3_V2", "scaleSettings": scale}
    with connect(aml_home) as cloud:
        workspace = make_workspace(cloud.arm, f"{SUB}/resourceGroups/pipelines")
        body = {
            "location": "westeurope",
            "properties": {"computeType": "AmlCompute", "properties": cluster},
        }
        assert cloud.arm("PUT", f"{workspace}/computes/cpu", body).is_success
    name = workspace.rpartition("/")[2]
    target = {
        "kind": "aml_compute",
        "id": f"{workspace}/computes/cpu",
        "max_nodes": 2,
        "vm_size": "STANDARD_DS3_V2",
    }
    manifest = {
        "version": 1,
        "project": "demo",
        "stack": "local",
        "cloud": "local",
        "workspace": {"id": workspace, "name": name, "location": "westeurope"},
        "targets": {"cpu": target},
    }
    (aml_home / "manifests").mkdir(exist_ok=True)
    (aml_home / "manifests" / "local.json").write_text(json.dumps(manifest), encoding="utf-8")
    client = local_client(aml_home)
    transport = WorkspaceTransport(client, workspace)
    yield Deployed(aml_home, Datastore(OfTransport(transport), "workspaceblobstore"))
    client.close()


@pytest.fixture
def here(deployed, tmp_path, monkeypatch):
    """Work in a folder of the test's own, on the deployed workspace."""
    monkeypatch.setenv("AML_HOME", str(deployed.home))
    monkeypatch.delenv("AML_STACK", raising=False)
    monkeypatch.chdir(tmp_path)
    return Workspace.from_config()


@pytest.fixture
def aml(here, capsys):
    """Run a command of the command line, and return all that it said."""

    def call(*arguments, fails=False):
        capsys.readouterr()
        code = run([*map(str, arguments)])
        said = "".join(capsys.readouterr())
        assert (code != 0) is fails, said
        return said

    return call
