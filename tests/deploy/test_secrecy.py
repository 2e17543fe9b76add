"""A secret of a stack file reaches the cloud and nothing else."""

import gzip
import json
import time

import pytest

from tests.deploy.outside import Outside, unchanged

SCALE = "properties.properties.scaleSettings"
CANARY = "Pa55-canary-7391"
COMPUTES = """\
  aml:computes:
    - kind: aml_compute
      name: cpu
      vm_size: STANDARD_DS3_V2
      max_nodes: 2
      admin: {user: ops}
"""
PASSWORD = "aml:computes[0].admin.password"


@pytest.fixture
def secretive(project, monkeypatch):
    """Return a project whose cluster has a sealed administrator's password."""
    text = project.stack_file().read_text(encoding="utf-8")
    head, _, _ = text.partition("  aml:computes:")
    for stack in ("local", "dev"):
        project.stack_file(stack).write_text(head + COMPUTES, encoding="utf-8")
        monkeypatch.setattr("sys.stdin", Typed(f"{CANARY}\n"))
        project.good("config", "set", "-s", stack, "--secret", "--path", PASSWORD)
    return project


class Typed:
    """Standard input with a text on it and no terminal."""

    def __init__(self, text):
        self._text = text

    def isatty(self):
        return False

    def read(self):
        return self._text


def contents(folder):
    for file in folder.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            yield file, gzip.decompress(data) if file.suffix == ".gz" else data


def test_a_secret_is_nowhere_in_clear(secretive, monkeypatch):
    said = [
        secretive.good("preview", "--json"),
        secretive.good("up", "--yes", "--json"),
        secretive.good("up", "--yes"),
        secretive.good("refresh", "--yes", "--json"),
        secretive.good("outputs", "--json"),
        secretive.good("config", "list"),
        secretive.good("stack", "export"),
        secretive.good("destroy", "--yes"),
    ]
    assert [each for each in said if CANARY in each.out + each.err] == []
    files = [*contents(secretive.root)]
    assert len(files) > 10
    assert [file for file, data in files if CANARY.encode() in data] == []


def test_a_killed_run_leaves_no_secret_in_its_journal(secretive):
    journal = secretive.state_file().with_name("local.json.journal")
    process = secretive.start("up", "--yes")
    try:
        while process.poll() is None and not (
            journal.exists() and b'"adminUserPassword"' in journal.read_bytes()
        ):
            time.sleep(0.001)
    finally:
        process.kill()
        process.communicate()
    data = journal.read_bytes()
    assert b"adminUserPassword" in data
    assert CANARY.encode() not in data


def test_the_owner_may_see_it(secretive):
    secretive.good("up", "--yes")
    shown = secretive.good("stack", "export", "--show-secrets").data
    assert CANARY in json.dumps(shown)
    assert secretive.good("config", "get", "--path", PASSWORD).out == f"{CANARY}\n"


def test_a_second_up_has_no_changes_and_seals_nothing_anew(secretive):
    secretive.good("up", "--yes")
    before = sealed(secretive)
    assert "no changes" in secretive.good("up", "--no-fingerprint").err
    assert sealed(secretive) == before
    assert len(before) >= 1


def sealed(project):
    text = project.good("stack", "export").out
    return [line.strip() for line in text.splitlines() if '"ciphertext"' in line]


def test_all_unresolved_references_are_reported_at_once(project, monkeypatch):
    text = project.stack_file().read_text(encoding="utf-8")
    admin = "admin: {user: ops, ssh_public_key: file:no.pub, password: env:NO_PASSWORD}"
    text = text.replace("idle_seconds: 60", f"idle_seconds: 60, {admin}")
    project.stack_file().write_text(text, encoding="utf-8")
    for command in (["preview"], ["up", "--yes"]):
        said = project.aml(*command)
        assert said.code == 3
        assert "credentials that do not exist: file:no.pub, env:NO_PASSWORD." in said.err
        assert "Traceback" not in said.err
    (project.root / "no.pub").write_text("ssh-ed25519 AAAA\n", encoding="utf-8")
    monkeypatch.setenv("NO_PASSWORD", "Pa55")
    project.good("preview")


def test_a_missing_passphrase_is_reported_before_the_first_change(secretive, monkeypatch):
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    said = secretive.aml("up", "--yes", "-s", "dev")
    assert said.code == 4
    assert (
        "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE. For a new stack" in said.err
    )
    assert " created" not in said.err


def test_a_wrong_passphrase_changes_nothing(secretive, monkeypatch):
    dev = secretive.stack_file("dev")
    secretive.good("up", "--yes", "-s", "dev")
    before = secretive.state_file("dev").read_bytes(), dev.read_bytes()
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
    for command in (["up", "--yes"], ["destroy", "--yes"], ["stack", "export", "--show-secrets"]):
        said = secretive.aml(*command, "-s", "dev")
        assert said.code == 4
        assert "The passphrase does not fit stack 'dev'." in said.err
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    said = secretive.aml("up", "--yes", "-s", "dev")
    assert said.code == 4
    assert (
        "Set PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE. For a new stack" in said.err
    )
    assert (secretive.state_file("dev").read_bytes(), dev.read_bytes()) == before


SHOWS_NO_SECRET = [
    *("outputs", "outputs --json", "outputs manifest", "compute list", "compute show cpu"),
    *("compute nodes cpu", "stack ls", "stack export", "stack deleted", "check", "check --online"),
    *("config list", "targets"),
]


@pytest.fixture
def sealed_stack(secretive):
    """Return a project whose stack `dev` is deployed, with a passphrase of its own."""
    secretive.good("up", "--yes", "-s", "dev")
    return secretive


def test_what_shows_no_secret_needs_no_passphrase_and_no_right_one(sealed_stack, monkeypatch):
    with unchanged(sealed_stack.state_file("dev"), sealed_stack.stack_file("dev")):
        for line in [*SHOWS_NO_SECRET, "drift"]:
            monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
            said = sealed_stack.good(*line.split(), *([] if line == "stack ls" else ["-s", "dev"]))
            assert CANARY not in said.out + said.err
        monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another")
        for line in SHOWS_NO_SECRET:
            sealed_stack.good(*line.split(), *([] if line == "stack ls" else ["-s", "dev"]))


def test_a_secret_that_is_to_be_shown_needs_the_passphrase(sealed_stack, monkeypatch):
    assert sealed_stack.good("outputs", "--show-secrets", "-s", "dev")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert sealed_stack.aml("outputs", "--show-secrets", "-s", "dev").code == 4


def test_drift_is_the_same_with_and_without_the_passphrase(sealed_stack, monkeypatch):
    Outside(sealed_stack).put("/computes/cpu", **{f"{SCALE}.maxNodeCount": 9})
    found = sealed_stack.aml("drift", "--json", "-s", "dev")
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    assert (found.code, len(found.data["resources"])) == (6, 1)
    assert sealed_stack.aml("drift", "--json", "-s", "dev").data == found.data
    assert sealed_stack.aml("drift", "--revert", "--yes", "-s", "dev").code == 4
