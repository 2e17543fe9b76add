"""Reading and writing a stack's settings, sealing included."""

from dataclasses import replace

import pytest

from infra.contract.errors import PassphraseError, UnknownNameError, UsageError
from infra.contract.project import Project
from infra.deploy.stack.settings import Settings
from infra.spec.problems import StackFileError

TEXT = """\
# The local stack.
config:
  azure-native:location: westeurope
  aml:cloud: local # on this machine
  aml:workspace: {name: demo, resource_group: demo-rg}
  aml:computes:
    - kind: aml_compute
      name: cpu
      vm_size: STANDARD_DS3_V2
      max_nodes: 2
      admin: {user: ops, ssh_public_key: file:key.pub}
"""
PASSWORD = "aml:computes[0].admin.password"


@pytest.fixture
def project(tmp_path):
    project = Project(tmp_path, tmp_path / ".aml", "shop", tmp_path, tmp_path)
    for stack in ("local", "dev"):
        project.stack_file(stack).write_text(TEXT)
    return project


@pytest.fixture
def settings(project):
    return Settings(project, "local")


def test_a_value_is_written_where_it_stands(project, settings):
    assert settings.set("aml:computes[0].max_nodes", "5", path=True) == ()
    assert project.stack_file("local").read_text() == TEXT.replace("max_nodes: 2", "max_nodes: 5")
    assert settings.get("aml:computes[0].max_nodes", path=True).value == 5


def test_a_secret_is_sealed_in_the_file_and_opened_when_asked_for(project, settings):
    assert settings.set(PASSWORD, "Pa55-canary", path=True, secret=True) == ()
    assert "canary" not in project.stack_file("local").read_text()
    found = Settings(project, "local").get(PASSWORD, path=True)
    assert (found.value, found.secret) == ("Pa55-canary", True)


def test_what_is_encrypted_and_no_credential_is_noted(settings):
    (note,) = settings.set("aml:tags.token", "two", path=True, secret=True)
    assert note.path == "aml:tags.token"
    assert "`aml up` reads only credentials encrypted" in note.message
    assert settings.set("aml:tags.team", "ml", path=True) == ()


def test_two_secrets_share_a_salt(project, settings):
    settings.set(PASSWORD, "one", path=True, secret=True)
    settings.set("aml:tags.token", "two", path=True, secret=True)
    text = project.stack_file("local").read_text()
    assert text.count("encryptionsalt") == 1
    assert settings.get("aml:tags.token", path=True).value == "two"


@pytest.mark.parametrize(("show", "shown"), [(False, "[secret]"), (True, "Pa55-canary")])
def test_listing_hides_secrets_unless_asked(settings, show, shown):
    settings.set(PASSWORD, "Pa55-canary", path=True, secret=True)
    entries = settings.entries(show_secrets=show)
    computes = entries["aml:computes"]
    assert computes.secret
    assert computes.value[0]["admin"]["password"] == shown
    assert not entries["aml:cloud"].secret


@pytest.mark.parametrize(
    ("key", "path", "value"),
    [
        (PASSWORD, True, "Pa55-canary"),
        ("aml:computes[0].admin.ssh_public_key", True, "-----BEGIN PRIVATE KEY----- canary"),
        ("aml:computes", False, '[{"kind": "aml_compute", "admin": {"password": "Pa55-canary"}}]'),
    ],
)
def test_a_credential_in_clear_is_not_written(project, settings, key, path, value):
    with pytest.raises(UsageError, match="credential") as caught:
        settings.set(key, value, path=path)
    assert "canary" not in str(caught.value)
    assert project.stack_file("local").read_text() == TEXT


def test_a_reference_is_written_as_it_is(settings):
    assert settings.set(PASSWORD, "env:NODE_PASSWORD", path=True) == ()


def test_what_check_would_refuse_is_not_written(project, settings):
    before = project.stack_file("local").read_bytes()
    with pytest.raises(StackFileError) as refused:
        settings.set("aml:cloud", "lokal")
    (problem,) = refused.value.problems
    assert (problem.line, problem.path) == (4, "aml:cloud")
    assert project.stack_file("local").read_bytes() == before


def test_a_value_may_be_set_key_by_key_and_what_is_missing_is_returned(settings):
    (missing,) = settings.set("aml:computes[1].kind", "kubernetes", path=True)[:1]
    assert missing.code == "missing"
    settings.set("aml:computes[1].name", "k8s", path=True)
    with pytest.raises(StackFileError, match="is not a known key"):
        settings.set("aml:computes[1].namespce", "ml", path=True)


def test_a_file_that_was_wrong_before_can_be_fixed_step_by_step(project, settings):
    file = project.stack_file("local")
    wrong = file.read_text().replace("aml:cloud: local", "aml:cloud: lokal\n  aml:colour: red")
    file.write_text(wrong)
    (left,) = settings.set("aml:cloud", "local")
    assert left.path == "aml:colour"


def test_true_is_stored_as_text_where_that_is_wanted(settings):
    with pytest.raises(StackFileError) as refused:
        settings.set("aml:tags.critical", "true", path=True)
    assert "`--text` stores true and false as text" in refused.value.remedy
    assert settings.set("aml:tags.critical", "true", path=True, verbatim=True) == ()
    assert settings.get("aml:tags.critical", path=True).value == "true"


def test_the_cloud_of_a_program_of_ones_own_is_checked(project, settings, tmp_path):
    program = tmp_path / "program"
    program.mkdir()
    (program / "__main__.py").touch()
    own = Settings(replace(project, main=program), "local")
    with pytest.raises(StackFileError):
        own.set("aml:cloud", "lokal")
    assert own.set("aml:anything", "goes") == ()


def test_a_value_is_removed(project, settings):
    settings.remove("aml:computes[0].admin", path=True)
    assert "admin" not in project.stack_file("local").read_text()


def test_sealing_needs_a_passphrase(project, monkeypatch):
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    with pytest.raises(PassphraseError, match="none is set"):
        Settings(project, "dev").set(PASSWORD, "x", path=True, secret=True)
    assert project.stack_file("dev").read_text() == TEXT


def test_a_wrong_passphrase_neither_opens_nor_seals(project):
    Settings(project, "dev", lambda _: "right").set(PASSWORD, "x", path=True, secret=True)
    text = project.stack_file("dev").read_text()
    wrong = Settings(project, "dev", lambda _: "wrong")
    with pytest.raises(PassphraseError, match="does not fit"):
        wrong.get(PASSWORD, path=True)
    with pytest.raises(PassphraseError, match="does not fit"):
        wrong.set(PASSWORD, "y", path=True, secret=True)
    assert project.stack_file("dev").read_text() == text


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("workspace.name", "'aml:workspace.name'"),
        ("computes[0].max_nodes", "aml:computes"),
        ("colour", "aml:KEY"),
    ],
)
def test_a_key_says_whose_it_is(settings, key, hint):
    with pytest.raises(UsageError, match="no namespace") as caught:
        settings.set(key, "x", path=True)
    assert hint in caught.value.remedy


def test_an_unknown_stack_names_the_nearest(project):
    with pytest.raises(UnknownNameError, match="'lokal'") as caught:
        Settings(project, "lokal")
    assert "'local'" in caught.value.remedy
