"""`aml cloud batch|databricks|hdinsight …` as a person and as a program use them."""

import json
import stat
from pathlib import Path

import pytest

from localcloud import control
from runtime.cli.root import run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands") / "home"
    yield folder
    control.stop(folder)


@pytest.fixture
def aml(home, monkeypatch, capfd):
    """Return a function that runs `aml cloud …`: exit code, output and messages."""
    monkeypatch.setenv("AML_HOME", str(home))
    return lambda *arguments: (run(["cloud", *arguments]), *capfd.readouterr())


@pytest.mark.parametrize(
    ("kind", "keys", "attaching"),
    [
        ("batch", {"account key"}, "--set resource_id=/subscriptions/"),
        ("databricks", {"token"}, "--set access_token=file:"),
        ("hdinsight", {"private key", "gateway password"}, "--set resource_id=/subscriptions/"),
    ],
)
def test_services_are_created_and_deleted(aml, kind, keys, attaching):
    code, out, errors = aml(kind, "create", "one1")
    assert (code, f"--kind {kind} --set" in errors, attaching in errors) == (0, True, True)
    assert "https://127.0.0.1:" in out
    code, _, errors = aml(kind, "create", "one1", "--json")
    assert (code != 0, f"aml cloud {kind} delete one1" in errors) == (True, True)
    made = json.loads(aml(kind, "create", "two2", "--json")[1])
    assert made["keys"].keys() == keys
    for file in map(Path, made["keys"].values()):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.read_text() not in json.dumps(made)
    assert "--yes" in aml(kind, "delete", "two2")[2]
    assert json.loads(aml(kind, "delete", "two2", "--yes", "--json")[1]) == {"deleted": "two2"}
    assert not any(Path(file).exists() for file in made["keys"].values())
    assert aml(kind, "delete", "two2", "--yes")[0] != 0
