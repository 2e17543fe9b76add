"""Damaged files below `.aml`: an error with the file and what to do, never a traceback."""

import sqlite3

import pytest

from infra.contract.private import private_folder
from runtime.history.store import History

STACK = """\
config:
  azure-native:location: westeurope
  aml:cloud: local
  aml:workspace: {name: demo, resource_group: demo-rg}
"""
DAMAGE = {
    "bytes": b"\xff\xfe\x00garbage" * 50,
    "a list": b"[]",
    "a number": b"5",
    "an object": b'{"id": 1}',
    "nulls": b'{"id": null, "url": null, "ca": null, "pid": null, "project": null}',
    "too deep": b"[" * 20_000,
    "empty": b"",
    "a folder": None,
}


@pytest.fixture
def home(desk):
    (desk.root / "Pulumi.local.yaml").write_text(STACK)
    private_folder(desk.root / "home/manifests")
    private_folder(desk.root / "home/cloud")
    return desk.root / "home"


def damage(file, how):
    if DAMAGE[how] is None:
        file.mkdir()
    else:
        file.write_bytes(DAMAGE[how])
    return file


@pytest.mark.parametrize("how", ["bytes", "a list", "an object", "nulls", "too deep"])
def test_a_damaged_selection_is_replaced_by_selecting(desk, home, how):
    file = damage(home / "selected-stack", how)
    for command in ("check", "targets", "stack ls", "runs", "config list"):
        said = desk.aml(*command.split())
        assert said.code == 2, command
        assert f"at {file}" in said.err
        assert "`aml stack select NAME`" in said.err
    assert desk.aml("check", "-s", "local").code == 0
    assert desk.aml("stack", "select", "local").code == 0
    assert desk.aml("check").code == 0


def test_an_empty_selection_is_none(desk, home):
    damage(home / "selected-stack", "empty")
    assert desk.aml("check").code == 0


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_manifest_is_named_and_written_anew_by_up(desk, home, how):
    file = damage(home / "manifests/local.json", how)
    (desk.root / "train.py").write_text("print(1)\n")
    for command in ("targets", "compute list", "submit --target cpu train.py"):
        said = desk.aml(*command.split())
        assert said.code in {2, 4}, said.err
        assert f"at {file}" in said.err
        assert "aml up" in said.err or "Is a directory" in said.err
    assert desk.aml("runs").code == 0


@pytest.mark.parametrize("how", ["bytes", "a list", "nulls", "too deep", "a folder"])
def test_a_damaged_history_is_named(desk, home, how):
    file = damage(home / "history.sqlite", how)
    for command in ("runs", "run show x", "submit train.py"):
        said = desk.aml(*command.split())
        assert said.code in {2, 4}, said.err
        assert f"at {file}" in said.err


@pytest.mark.parametrize("document", ["", "[]", "{}", "nonsense", '{"state": "Odd"}', "[" * 20_000])
def test_a_damaged_record_of_a_run_is_reported_as_damage_of_the_history(
    desk, home, record, document
):
    history = History(home / "history.sqlite")
    history.add(record("exp_1_00000000", target="local"))
    history.close()
    with sqlite3.connect(home / "history.sqlite") as database:
        database.execute("update run set record = ?", (document,))
    for command in ("runs", "run show exp_1_00000000"):
        said = desk.aml(*command.split())
        assert said.code == 4, said.err
        assert "the record of a run is damaged" in said.err
        assert "Move the file away to begin a new history" in said.err


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_discovery_file_is_that_of_no_cloud(desk, home, how):
    damage(home / "cloud/discovery.json", how)
    assert desk.aml("cloud", "status").code == 3
    assert desk.aml("cloud", "stop").code == 0


@pytest.mark.parametrize("how", ["bytes", "an object", "too deep"])
def test_a_cloud_with_a_damaged_database_says_so_and_how_to_begin_anew(desk, home, how):
    damage(home / "cloud/cloud.db", how)
    said = desk.aml("cloud", "start")
    assert said.code == 3
    assert "The local cloud's database cannot be used: file is not a database." in said.err
    assert "Move cloud.db* and cloud.key out of that folder" in said.err
    assert "Traceback" not in said.err
