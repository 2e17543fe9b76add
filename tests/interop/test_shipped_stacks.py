"""The stacks that come with this product, through both doors: the same resources, nothing to do."""

import json
import re

import pytest

from tests.deploy.project import REPOSITORY
from tests.deploy.test_platform_examples import KINDS, text_of, there_before
from tests.interop.aml import Aml
from tests.interop.cli import Cli
from tests.interop.portraits import assert_same, portrait
from tests.interop.stand_in import StandIn

SECRET = "Pa55-canary-examples"


def local_text(name):
    text = (REPOSITORY / "stacks/Pulumi.local.yaml").read_text(encoding="utf-8")
    return text.replace("demo", name)


def deployed(project, text, name, first, second):
    """Deploy through ``first``, find nothing to do through ``second``; return what state says."""
    stack = first.stack
    file = project.stack_file(stack)
    own = file.read_text(encoding="utf-8").splitlines(keepends=True) if file.exists() else []
    salt = [line for line in own if line.startswith("encryptionsalt:")]
    file.write_text("".join([*salt, text]), encoding="utf-8")
    first.up()
    made = portrait(name, stack)
    assert second.changes() == {}
    assert SECRET not in project.state_file(stack).read_text(encoding="utf-8")
    second.destroy()
    assert portrait(name, stack) == {}
    return made


def test_the_local_stack_is_the_same_through_the_plugin(project):
    aml, door = Aml(project), StandIn()
    one, other = f"{project.name}a", f"{project.name}b"
    forth = deployed(project, local_text(one), one, aml, door)
    back = deployed(project, local_text(other), other, door, aml)
    assert len(forth) > 10
    assert_same(forth, back)


@pytest.mark.needs_pulumi
@pytest.mark.timeout(900)
@pytest.mark.parametrize("stack", ["local", *KINDS])
def test_a_stack_is_the_same_through_the_pulumi_cli(project, monkeypatch, tmp_path, stack):
    one, other = f"{project.name}a", f"{project.name}b"
    texts = {
        name: local_text(name) if stack == "local" else text_of(stack, name)
        for name in (one, other)
    }
    for name in re.findall(r"env:(\w+)", texts[one]):
        monkeypatch.setenv(name, SECRET)
    aml, door = Aml(project, stack), Cli(project, tmp_path / "pulumi-home", stack)
    deployments = []
    for name, doors in ((one, (aml, door)), (other, (door, aml))):
        if stack != "local":
            project.name = name  # what the example expects to exist has that name, too
            there_before(project, stack)
        deployments.append(deployed(project, texts[name], name, *doors))
        if stack == "project":
            Aml(project, "hub").destroy()  # the other one has a hub of its own
    assert_same(*deployments)


@pytest.mark.needs_pulumi
@pytest.mark.timeout(900)
def test_what_aml_hands_to_the_pulumi_cli_takes_runs_and_has_one_history(
    project, monkeypatch, tmp_path
):
    door = Cli(project, tmp_path / "pulumi-home")
    for name, value in door.environment.items():
        monkeypatch.setenv(name, value)
    project.stack_file().write_text(local_text(project.name), encoding="utf-8")
    manifest = project.home / "manifests/local.json"
    project.good("up", "--engine", "pulumi", "--yes")
    handed = json.loads(manifest.read_text(encoding="utf-8"))
    assert handed["targets"].keys() == {"cpu"}
    project.good("up", "--yes")
    assert json.loads(manifest.read_text(encoding="utf-8")) == handed
    assert project.good("history", "--json").data == door.history()
    project.good("destroy", "--engine", "pulumi", "--yes")
    assert not manifest.exists()
