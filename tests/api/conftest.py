"""A workspace of a stack that was deployed somewhere, and experiments that run on this machine."""

import json

import pytest

from aml_platform import Experiment, ScriptRunConfig, Workspace

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


def manifest(name, stack):
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}-rg/providers"
    return {
        "version": 1,
        "project": "demo",
        "stack": stack,
        "cloud": "local",
        "workspace": {
            "id": f"{group}/Microsoft.MachineLearningServices/workspaces/{name}",
            "name": name,
            "location": "westeurope",
        },
        "targets": {
            "cpu": {"kind": "aml_compute", "id": "/x", "max_nodes": 2, "vm_size": "Standard_D2"}
        },
    }


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Return the `.aml` folder of a project with the stacks `local` (demo) and `prod` (shop)."""
    home = tmp_path / "home"
    (home / "manifests").mkdir(parents=True)
    for stack, name in (("local", "demo"), ("prod", "shop")):
        text = json.dumps(manifest(name, stack))
        (home / "manifests" / f"{stack}.json").write_text(text, encoding="utf-8")
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
def submitted(experiment, tmp_path):
    """Return what submits a script's text to this machine."""

    def submit(code, *, tags=None, **options):
        source = tmp_path / "source"
        source.mkdir(exist_ok=True)
        (source / "train.py").write_text(code, encoding="utf-8")
        return experiment.submit(ScriptRunConfig(source, script="train.py", **options), tags=tags)

    return submit
