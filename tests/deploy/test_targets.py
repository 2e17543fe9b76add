"""`--target` and `--exclude` on the command line, against a real local cloud."""

import json

import pytest

MORE = "    - {kind: aml_compute, name: gpu, vm_size: STANDARD_DS3_V2, max_nodes: 1}\n"


def targets(project):
    return [*json.loads((project.home / "manifests/local.json").read_text())["targets"]]


def test_operations_are_limited_to_what_is_named(deployed):
    deployed.edit("max_nodes: 2", "max_nodes: 4")
    with deployed.stack_file().open("a") as file:
        file.write(MORE)
    said = deployed.good("up", "--yes", "--target", "platform-cpu")
    assert "1 updated, 13 unchanged" in said.err
    assert "2 to create, 12 unchanged" in deployed.good("preview", "--exclude", "platform-cpu").err
    assert "2 to create" in deployed.good("preview", "--target", "**gpu").err
    wrong = deployed.aml("preview", "--target", "platform-cpo")
    assert "There is no target 'platform-cpo'" in wrong.err
    assert "Did you mean 'platform-cpu'" in wrong.err
    said = deployed.good("refresh", "--yes", "--target", "platform-cpu")
    assert "no changes (1 unchanged)" in said.err
    deployed.edit(MORE, "")
    assert "2 deleted" in deployed.good("destroy", "--yes", "--target", "platform-cpu").err
    assert len(deployed.in_cloud()) == 7
    assert targets(deployed) == []
    assert "2 created" in deployed.good("up", "--yes").err
    assert targets(deployed) == ["cpu"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--target", "a", "--exclude", "b"], "`--target` and `--exclude` cannot be combined"),
        (["--target-dependents"], "`--target-dependents` needs `--target`"),
        (["--exclude-dependents", "--target", "a"], "`--exclude-dependents` needs `--exclude`"),
    ],
)
@pytest.mark.parametrize("command", ["preview", "up", "refresh", "destroy"])
def test_options_that_contradict_are_refused(project, command, options, said):
    assert said in project.aml(command, *options).err


@pytest.mark.parametrize("command", ["preview", "up"])
def test_policy_packs_are_refused_by_name(project, command):
    said = project.aml(command, "--policy-pack", "rules")
    assert "The embedded engine does not run policy packs" in said.err
    assert said.code == 2
