"""A notebook of the SDK v1, run as it stands against a stack on the local cloud."""

import json
import sys

import pytest

from tests.deploy.conftest import alone, deployed, project  # noqa: F401 - fixtures
from tests.v1.train_notebook import CELLS


@pytest.fixture
def ran(deployed):  # noqa: F811 - the fixture
    """Run the notebook in a project whose stack is deployed, with the file the portal gives."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    cells = [
        {"cell_type": "markdown" if cell.startswith("# markdown") else "code", "source": cell}
        for cell in (each.replace("{python}", python) for each in CELLS)
    ]
    notebook = deployed.root / "notebooks" / "train.ipynb"
    notebook.parent.mkdir()
    notebook.write_text(json.dumps({"nbformat": 4, "cells": cells}), encoding="utf-8")
    manifest = json.loads((deployed.home / "manifests/local.json").read_text())
    _, _, subscription, _, group, *_ = manifest["workspace"]["id"].split("/")
    config = {
        "subscription_id": subscription,
        "resource_group": group,
        "workspace_name": manifest["workspace"]["name"],
    }
    (deployed.root / "notebooks/config.json").write_text(json.dumps(config))
    return deployed.aml("v1", "run", "notebooks/train.ipynb")


def test_it_runs_up_to_the_web_service(ran, deployed):  # noqa: F811
    out = ran.out
    for printed in (
        "SDK version: 1.61.0", "Creating a new compute target...", "(Name: train-on-cluster",
        "Streaming user_logs/std_log.txt\n====", "trained with 0.25", "Execution Summary\n====",
        "'loss': [0.25, 0.125,", "'accuracy': 0.75", "'confusion': {'yes': [1, 2], 'no': [3, 4]}",
        "['--alpha', '0.25']", "sample-model\tsample-model:1\t1", "True workspaceblobstore\nTrue\n",
    ):  # fmt: skip
        assert printed in out, ran.err
    assert "never reached" not in out
    assert "name: cpu-cluster" in deployed.stack_file().read_text(encoding="utf-8")
    assert ran.code == 2
    assert "AciWebservice.deploy_configuration of azureml.core.webservice is not offered" in ran.err
    assert "at notebooks/train.ipynb cell 17:1" in ran.err
