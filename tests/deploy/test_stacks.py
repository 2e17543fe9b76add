"""Stacks as things: made, chosen, listed, moved, locked, refused."""

import io
import json
import socket
from pathlib import Path

import pytest

from infra.contract.times import as_local
from infra.deploy.run.manifests import keep_manifest_in_state
from infra.deploy.stack.stacks import open_stack


def lock_by(project, pid, stack="local"):
    """Write the lock that process ``pid`` of another host would have written."""
    folder = project.home / "state/.pulumi/locks/organization/shop" / stack
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": pid, "username": "ann", "hostname": "elsewhere", "timestamp": "2026-11-21"}
    (folder / "0.json").write_text(json.dumps(lock), encoding="utf-8")


def test_a_new_stack_is_written_selected_and_valid(project):
    said = project.good("stack", "init", "dev")
    first, second = said.err.splitlines()
    assert first == (
        "Wrote stacks/Pulumi.dev.yaml and selected 'dev'. Edit it, then run `aml up -s dev`."
    )
    assert second.startswith("Stack 'dev' needs a passphrase to deploy: ")
    assert "dev: no problems." in project.good("check").err
    assert project.aml("stack", "init", "dev").code == 2


def test_a_stack_is_chosen_by_option_environment_selection_or_default(project, monkeypatch):
    def current():
        return project.good("check", "--json").data["stack"]

    assert current() == "local"
    project.good("stack", "init", "selected")
    project.good("stack", "init", "variable")
    project.good("stack", "select", "selected")
    assert current() == "selected"
    monkeypatch.setenv("AML_STACK", "variable")
    assert current() == "variable"
    assert project.good("check", "--json", "-s", "local").data["stack"] == "local"


def test_the_list_shows_what_is_deployed(deployed):
    deployed.good("stack", "init", "dev")
    rows = deployed.good("stack", "ls", "--json").data
    assert [(r["name"], r["resources"], r["selected"]) for r in rows] == [
        ("dev", 0, True),
        ("local", 13, False),
    ]
    lines = deployed.good("stack", "ls").out.splitlines()
    assert lines[0].split() == ["STACK", "RESOURCES", "LAST", "CHANGE", "STATE"]
    assert lines[1].split() == ["dev*", "0", "never", "-"]


def test_a_file_that_is_there_to_be_extended_is_no_stack(project):
    base = project.stack_file().with_name("Pulumi.base.yaml")
    base.write_text(project.stack_file().read_text(), encoding="utf-8")
    dev = project.stack_file().with_name("Pulumi.dev.yaml")
    dev.write_text("config:\n  aml:extends: base\n", encoding="utf-8")
    said = project.good("stack", "ls")
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == ["dev", "local*"]
    assert said.err == "Pulumi.base.yaml is not listed: other stacks extend it.\n"
    project.good("stack", "select", "base")
    assert "base*" in project.good("stack", "ls").out
    assert project.good("stack", "ls").err == ""


def test_the_list_shows_who_has_the_lock(deployed):
    lock_by(deployed, 1)
    (row,) = deployed.good("stack", "ls", "--json").data
    assert row["locked_by"].startswith("ann@elsewhere (process 1)")
    assert row["interrupted"] is False
    assert "locked by ann@elsewhere (process 1)" in deployed.good("stack", "ls").out


def test_a_stack_with_resources_is_not_removed(deployed):
    refused = deployed.aml("stack", "rm", "local", "--yes")
    assert refused.code == 2
    assert "Run `aml destroy -s local` first, or add `--force`." in refused.err
    past = deployed.good("history", "--json").data
    assert [each["result"] for each in past] == ["succeeded"]
    deployed.good("stack", "rm", "local", "--yes", "--force")
    assert not deployed.stack_file().exists()
    assert not deployed.state_file().exists()
    assert len(deployed.in_cloud()) == 8


def test_state_goes_out_and_in_again(deployed, tmp_path):
    file = tmp_path / "state.json"
    deployed.good("stack", "export", "--file", file)
    assert json.loads(file.read_text())["version"] == 3
    assert deployed.good("stack", "export").data["deployment"]["resources"]
    document = json.loads(file.read_text())
    document["deployment"]["resources"] = document["deployment"]["resources"][:-1]
    file.write_text(json.dumps(document))
    deployed.good("stack", "import", "--file", file)
    assert len(deployed.in_state()) == 7
    assert list((deployed.home / "state/.pulumi/backups").rglob("local.*.json"))


def test_state_comes_in_by_a_pipe(deployed, monkeypatch):
    exported = io.TextIOWrapper(io.BytesIO(deployed.good("stack", "export").out.encode()))
    monkeypatch.setattr("sys.stdin", exported)
    said = deployed.good("stack", "import")
    assert said.err == "Imported the standard input into stack 'local'.\n"
    deployed.good("up", "--expect-no-changes")


def test_the_history_lists_the_operations_the_newest_first(deployed):
    deployed.good("refresh", "--yes")
    said = deployed.good("history").out
    head, newest, oldest = [line.split() for line in said.splitlines()]
    assert head == ["NUMBER", "OPERATION", "RESULT", "STARTED", "TOOK", "CHANGES", "MESSAGE"]
    assert newest[:3] == ["2", "refresh", "succeeded"]
    assert oldest[:3] == ["1", "update", "succeeded"]
    assert "12 created" in said
    _, only = deployed.good("stack", "history", "--limit", 1).out.splitlines()
    assert only.split() == newest


def test_a_stack_that_another_program_deployed_gets_the_manifest_of_its_state(deployed):
    file = deployed.home / "manifests/local.json"
    written = file.read_text()
    file.unlink()
    (deployed.root / "train.py").write_text("")
    said = deployed.aml("submit", "-c", "cpu", "train.py")
    assert "has state, but no manifest here" in said.err
    keep_manifest_in_state(open_stack("local", secrets="hidden"))
    assert file.read_text() == written
    deployed.state_file().unlink()
    keep_manifest_in_state(open_stack("local", secrets="hidden"))
    assert not file.exists()


# What release 3.260 of the CLI wrote after `pulumi up -m "two\nlines"`, and what it printed of it.
OF_THE_CLI = {
    "kind": "update",
    "startTime": 1795800715,
    "message": "two\nlines",
    "environment": {"exec.kind": "cli"},
    "config": {
        "aml:cloud": "local",
        "aml:tags": {"team": "ml"},
        "shop:asked": {"secure": "v1:abc="},
    },
    "version": 0,
    "result": "failed",
    "endTime": 1795800736,
    "resourceChanges": {"same": 11, "update": 1},
}
PRINTED = {
    "version": 0,
    "kind": "update",
    "startTime": "2026-11-27T17:31:55.000Z",
    "message": "two\nlines",
    "environment": {"exec.kind": "cli"},
    "config": {
        "aml:cloud": {"value": "local", "secret": False},
        "aml:tags": {"value": '{"team":"ml"}', "objectValue": {"team": "ml"}, "secret": False},
        "shop:asked": {"secret": True},
    },
    "result": "failed",
    "endTime": "2026-11-27T17:32:16.000Z",
    "resourceChanges": {"same": 11, "update": 1},
}


def test_the_history_has_what_the_pulumi_cli_did_in_its_own_form(project):
    folder = project.home / "state/.pulumi/history/shop/local"
    folder.mkdir(parents=True)
    (folder / "local-1795800736164111954.history.json").write_text(json.dumps(OF_THE_CLI))
    assert project.good("history", "--json").data == [PRINTED]
    _, line = project.good("history").out.splitlines()
    assert line.split()[:3] == ["1", "update", "failed"]
    assert line.endswith("two")


def test_a_stack_without_operations_has_no_history(project):
    said = project.good("history")
    assert (said.out, said.err) == ("", "Stack 'local' has no history.\n")


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [("{", 4, "not JSON"), ('{"version": 3}', 4, "deployment"), (None, 4, "cannot be read")],
)
def test_what_is_no_export_is_not_imported(deployed, tmp_path, text, code, says):
    file = tmp_path / "state.json"
    if text is not None:
        file.write_text(text)
    before = deployed.state_file().read_bytes()
    said = deployed.aml("stack", "import", "--file", file)
    assert said.code == code
    assert says in said.err
    assert deployed.state_file().read_bytes() == before


def test_a_locked_stack_says_who_holds_it_and_cancel_frees_it(deployed):
    lock_by(deployed, 4711)
    refused = deployed.aml("up", "--yes")
    assert refused.code == 4
    assert "It is being changed by ann@elsewhere (process 4711)" in refused.err
    assert "`aml cancel -s local` removes the lock" in refused.err
    said = deployed.good("cancel", "--yes", "--json")
    assert said.data["removed"] == [f"ann@elsewhere (process 4711) since {as_local('2026-11-21')}"]
    deployed.good("up")
    assert "Stack 'local' is not locked." in deployed.good("cancel").err


def test_the_lock_of_a_dead_process_is_replaced(deployed):
    lock_by(deployed, 4711)
    file = next((deployed.home / "state/.pulumi/locks").rglob("0.json"))
    document = json.loads(file.read_text()) | {
        "hostname": socket.gethostname(),
        "pid": 2**22 - 3,
        "boot": boot(),
    }
    file.write_text(json.dumps(document))
    assert "Took over the lock of ann@" in deployed.good("up").err


def boot():
    machine = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{machine} {Path('/proc/self/ns/pid').readlink()}"


def test_corrupt_state_is_refused_and_left_as_it_is(deployed):
    file = deployed.state_file()
    file.write_bytes(file.read_bytes()[:2000])
    before = file.read_bytes()
    for command in (["up", "--yes"], ["destroy", "--yes"], ["outputs"], ["refresh", "--yes"]):
        said = deployed.aml(*command)
        assert said.code == 4
        assert str(file) in said.err
    assert file.read_bytes() == before


def test_state_that_was_tampered_with_is_refused(deployed):
    file = deployed.state_file()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"parent":"urn:', '"parent":"urn:nobody:', 1), encoding="utf-8")
    said = deployed.aml("up", "--yes")
    assert said.code == 4
    assert "urn:nobody:" in said.err
    assert "`aml stack repair`" in said.err


@pytest.mark.parametrize(
    "command",
    [
        ["up"],
        ["preview"],
        ["destroy"],
        ["outputs"],
        ["cancel"],
        ["unprotect", "--all", "-y"],
        ["check"],
        ["config", "list"],
        ["stack", "export"],
    ],
)
def test_an_unknown_stack_names_the_nearest(project, command):
    said = project.aml(*command, "-s", "locla")
    assert said.code == 2
    assert "Did you mean 'local'?" in said.err


@pytest.mark.parametrize(
    "command", [["outputs"], ["unprotect", "--all", "-y"], ["stack", "export"]]
)
def test_a_stack_that_was_never_deployed_says_so(project, command):
    said = project.aml(*command)
    assert said.code == 2
    assert said.err == (
        "error: Not deployed\n\nStack 'local' was never deployed.\n\nhint: Run `aml up -s local`.\n"
    )


def test_one_output_or_all_of_them(deployed):
    manifest = deployed.good("outputs", "manifest").data
    assert manifest["targets"]["cpu"]["max_nodes"] == 2
    assert deployed.good("outputs", "--json").data == {"manifest": manifest}
    assert deployed.good("outputs").out.startswith("manifest: {")
    assert json.loads((deployed.home / "manifests/local.json").read_text()) == manifest
    said = deployed.aml("outputs", "manifset")
    assert said.code == 2
    assert "There is no output 'manifset'." in said.err
    assert "Did you mean 'manifest'?" in said.err


def test_outside_of_a_project_every_command_says_so(project, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for command in (["up"], ["check"], ["stack", "ls"], ["outputs"]):
        said = project.aml(*command)
        assert said.code == 2
        assert "There is no Pulumi.yaml in" in said.err


def test_stack_files_that_a_new_project_file_leaves_out_are_named(tmp_path, monkeypatch, project):
    folder = tmp_path / "ours"
    folder.mkdir()
    monkeypatch.chdir(folder)
    project.good("init", "dev", "--yes")
    (folder / "Pulumi.yaml").write_text("name: ours\nruntime: python\n", encoding="utf-8")
    hint = "There are stack files in stacks/: add `stackConfigDir: stacks` to Pulumi.yaml."
    for command in ("check -s dev", "preview -s dev", "stack select dev", "init test --yes"):
        said = project.aml(*command.split())
        assert said.code == 2
        assert f"hint: {hint}" in said.err
    assert hint in project.good("stack", "ls").err
    text = "name: ours\nruntime: python\nstackConfigDir: stacks\n"
    (folder / "Pulumi.yaml").write_text(text, encoding="utf-8")
    project.good("check", "-s", "dev")
    assert [row["name"] for row in project.good("stack", "ls", "--json").data] == ["dev"]
