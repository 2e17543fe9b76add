"""Resources that their plugin wants refreshed before each update, through the command line."""

import json

import pytest

from tests.deploy.project import REPOSITORY

LAB = REPOSITORY / "tests/engine/plugins/lab"
PROGRAM = """\
import pulumi

class Thing(pulumi.CustomResource):
    def __init__(self, name, **props):
        given = {"name": name, "size": 1, "address": None, **props}
        super().__init__("lab:index:Thing", name, given, pulumi.ResourceOptions(version="1.2.3"))

Thing("volatile", volatile=True)
Thing("steady")
"""


@pytest.fixture
def things(project, monkeypatch):
    """Return the folder with a file for each thing of the deployed project."""
    project.run_own(PROGRAM, "  lab:region: eu\n")
    with (project.root / "Pulumi.yaml").open("a") as file:
        file.write(f"plugins: {{providers: [{{name: lab, path: {LAB}}}]}}\n")
    store = project.root / "store"
    store.mkdir()
    monkeypatch.setenv("LAB_STORE", str(store))
    project.good("up", "--yes")
    return store


def resized(things, name, size):
    file = things / f"{name}.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"size": size}))


def test_what_a_plugin_wants_refreshed_before_each_update_is(project, things):
    entries = json.loads(project.state_file().read_text())
    assert entries["features"] == ["refreshBeforeUpdate"]
    for name in ("volatile", "steady"):
        resized(things, name, 7)
    planned = project.good("preview", "--json").data
    changed = [step for step in planned["steps"] if step["op"] == "update"]
    assert [step["urn"].rpartition("::")[2] for step in changed] == ["volatile"]
    assert "1 updated" in project.good("up", "--yes").err
    assert json.loads((things / "volatile.json").read_text())["size"] == 1
    assert "no changes" in project.good("up", "--yes").err
    resized(things, "volatile", 8)
    assert "no changes" in project.good("up", "--target", "steady", "--yes").err
    (things / "volatile.json").unlink()
    assert "1 created" in project.good("up", "--yes").err
    (things / "volatile.json").unlink()
    assert "Plan: 2 to delete" in project.good("destroy", "--yes").err  # the stack, too


def test_a_resource_that_cannot_be_read_ends_the_command(project, things):
    (things / "volatile.json").write_text("{")
    for command in (["preview"], ["up", "--yes"], ["destroy", "--yes"]):
        failed = project.aml(*command)
        assert failed.code == 1
        assert f"`aml {command[0]}` failed" in failed.err
    assert (things / "steady.json").exists()
