"""A stack that extends another one's file, deployed."""

import json

import pytest

from tests.deploy.outside import Outside


@pytest.fixture
def extending(project):
    """Return a project whose stack `local` has its own tags, and extends all else."""
    base = project.stack_file("base")
    base.write_text(project.stack_file().read_text(encoding="utf-8"), encoding="utf-8")
    own = "config:\n  aml:extends: base\n  aml:tags: {stage: test}\n"
    project.stack_file().write_text(own, encoding="utf-8")
    return project


def test_a_stack_is_deployed_with_what_it_extends(extending):
    assert f"Workspace {extending.name} with 1 compute" in extending.good("check").err
    shown = extending.good("check", "--show").out
    assert "stage: test" in shown
    assert "vm_size: STANDARD_DS3_V2" in shown
    extending.good("up", "--yes")
    assert "no changes" in extending.good("up").err
    extending.edit("max_nodes: 2", "max_nodes: 4", stack="base")
    assert "max_nodes 2 → 4" in extending.good("up", "--yes").err
    target = json.loads((extending.home / "manifests/local.json").read_text())["targets"]["cpu"]
    assert target["max_nodes"] == 4


def test_a_value_of_its_own_is_set_beside_what_it_extends(extending):
    extending.good("config", "set", "--path", "aml:tags.owner", "me")
    assert "owner: me" in extending.good("check", "--show").out
    assert extending.aml("config", "set", "--path", "aml:computes[0].max_nodes", "3").code == 2
    extending.good("check")


def test_drift_of_what_is_inherited_is_not_adopted_elsewhere(extending):
    extending.good("up", "--yes")
    scale = "properties.properties.scaleSettings.maxNodeCount"
    Outside(extending).put("/computes/cpu", **{scale: 9})
    before = extending.stack_file().read_text(encoding="utf-8")
    said = extending.aml("drift", "--adopt", "--yes")
    assert said.code == 2
    assert "aml:computes[0].max_nodes (Pulumi.base.yaml, line 7)" in said.err
    assert extending.stack_file().read_text(encoding="utf-8") == before


def test_a_clone_is_told_the_workspace_that_is_inherited(extending, monkeypatch):
    extending.edit("aml:cloud: local", "aml:cloud: azure", stack="base")
    (extending.root / "train.py").write_text("print(1)\n")
    said = extending.aml("submit", "-s", "local", "-c", "cpu", "train.py").err
    assert f"Run `aml use {extending.name} -g {extending.name}-rg`" in said
