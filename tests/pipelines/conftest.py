"""A workspace whose pipelines run on this machine; no cloud is started."""

import json

import pytest

from aml_platform import Experiment, Workspace

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
