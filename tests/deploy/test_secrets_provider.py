"""A stack whose secrets a key of a vault encrypts, and the change from a passphrase and back."""

import json
import shutil

import pytest
import yaml

from infra.contract.discovery import TENANT
from tests.localcloud.harness import connect

CANARY = "Pa55-canary-of-a-vault"
PASSWORD = "aml:computes[0].admin.password"


@pytest.fixture
def vault(project, aml_home):
    """Return a function that calls a vault of the local cloud, which has the RSA key `state`."""
    name = f"{project.name}-keys"
    group = f"/resourceGroups/{name}-rg"
    properties = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}}
    with connect(aml_home) as cloud:
        cloud.arm("PUT", group, {"location": "westeurope"})
        made = cloud.arm(
            "PUT",
            f"{group}/providers/Microsoft.KeyVault/vaults/{name}",
            {"location": "westeurope", "properties": {**properties, "accessPolicies": []}},
        )
        assert made.status_code in {200, 201}, made.content

        def call(method, path, body=None):
            answer = cloud.http.request(method, f"/{name}.vault/{path}", json=body)
            assert answer.status_code == 200, answer.content
            return answer.json()

        call("POST", "keys/state/create", {"kty": "RSA"})

        def update(*, enabled=True, key_ops=("encrypt", "decrypt")):
            version = call("GET", "keys/state")["key"]["kid"].rpartition("/")[2]
            body = {"attributes": {"enabled": enabled}, "key_ops": [*key_ops]}
            call("PATCH", f"keys/state/{version}", body)

        call.update = update
        call.url = f"azurekeyvault://{cloud.url.partition('://')[2]}/{name}.vault/keys/state"
        yield call


@pytest.fixture
def sealed(project):
    """Return the project, its stack `local` deployed with a secret in its file."""
    with_password(project)
    project.good("up", "--yes")
    return project


def with_password(project, stack="local"):
    """Give the cluster an administrator whose password is a secret of the stack."""
    project.edit("idle_seconds: 60", "idle_seconds: 60, admin: {user: ops}", stack)
    project.good("config", "set", "--secret", "--path", PASSWORD, CANARY, "-s", stack)


def provider(project):
    """Return what the state says about its key."""
    state = json.loads(project.state_file().read_text())
    return state["checkpoint"]["latest"].get("secrets_providers")


def written(project):
    """Return the stack file and the state, byte for byte."""
    return project.stack_file().read_bytes(), project.state_file().read_bytes()


def password(project):
    return project.good("config", "get", "--path", PASSWORD).out.strip()


def test_a_stack_is_encrypted_with_a_key_of_a_vault_and_back_again(sealed, vault):
    salt = provider(sealed)
    assert salt["type"] == "passphrase"
    said = sealed.good("stack", "change-secrets-provider", vault.url)
    assert "Encrypted 1 secret of stacks/Pulumi.local.yaml and the state of" in said.err
    text = sealed.stack_file().read_text()
    head = yaml.safe_load(text)
    state = {"url": vault.url, "encryptedkey": head["encryptedkey"]}
    assert head["secretsprovider"] == vault.url
    assert "encryptionsalt" not in head
    assert provider(sealed) == {"type": "cloud", "state": state}
    (sealed.home / "passphrase").unlink()  # which nothing needs any more
    assert password(sealed) == CANARY
    assert CANARY in sealed.good("stack", "export", "--show-secrets").out
    assert "no changes" in sealed.good("up", "--no-fingerprint", "--expect-no-changes").err
    sealed.edit("max_nodes: 2", "max_nodes: 3")
    assert "1 updated" in sealed.good("up", "--yes").err
    assert not any(CANARY.encode() in each for each in written(sealed))

    sealed.good("stack", "change-secrets-provider", "passphrase")
    assert provider(sealed)["type"] == "passphrase"
    assert yaml.safe_load(sealed.stack_file().read_text())["encryptionsalt"].startswith("v1:")
    vault("DELETE", "keys/state")
    assert password(sealed) == CANARY
    assert "no changes" in sealed.good("up", "--no-fingerprint", "--expect-no-changes").err


def test_what_was_interrupted_between_state_and_file_can_be_read_and_is_settled(sealed, vault):
    file, _ = written(sealed)
    sealed.good("stack", "change-secrets-provider", vault.url)
    sealed.stack_file().write_bytes(file)  # as if the process had died before it wrote the file
    assert password(sealed) == CANARY
    assert CANARY in sealed.good("stack", "export", "--show-secrets").out
    assert "no changes" in sealed.good("up", "--no-fingerprint", "--expect-no-changes").err
    sealed.edit("max_nodes: 2", "max_nodes: 3")
    sealed.good("up", "--yes")
    assert provider(sealed)["type"] == "passphrase"
    sealed.good("stack", "change-secrets-provider", vault.url)
    assert (provider(sealed)["type"], password(sealed)) == ("cloud", CANARY)


REFUSALS = (
    ("keys/gone", {}, 4, "There is no such key in the vault, or no such vault (KeyNotFound)"),
    ("keys/state", {"enabled": False}, 3, "The key vault does not let you encrypt"),
    ("keys/state", {"key_ops": ["encrypt"]}, 3, "The key vault does not let you decrypt"),
)


def test_a_vault_that_refuses_changes_nothing(sealed, vault):
    before = written(sealed)
    for path, change, code, says in REFUSALS:
        vault.update(**change)
        url = vault.url.replace("keys/state", path)
        for command in (["change-secrets-provider"], ["init", "dev", "--secrets-provider"]):
            refused = sealed.aml("stack", *command, url)
            assert (refused.code, says in refused.err) == (code, True), refused.err
        assert written(sealed) == before
        assert not sealed.stack_file("dev").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("awskms://alias/key", "is not a secrets provider that can be used here"),
        ("azurekeyvault://ourvault/keys/state", "Write azurekeyvault://VAULT.vault.azure.net/keys"),
        ("passphrase", "are encrypted with a passphrase already"),
    ],
)
def test_another_provider_is_refused(project, url, says):
    with_password(project)
    refused = project.aml("stack", "change-secrets-provider", url)
    assert (refused.code, says in refused.err) == (2, True), refused.err


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_passphrase_is_changed_for_another(project, monkeypatch, interrupted):
    project.good("stack", "init", "dev")
    text = project.stack_file().read_text(encoding="utf-8").replace("-rg", "-dev-rg")
    text = text[text.index("config:") :]  # without the key of stack `local`
    project.stack_file("dev").write_text(text, encoding="utf-8")
    with_password(project, "dev")
    project.good("up", "--yes", "-s", "dev")
    change = ("stack", "change-secrets-provider", "passphrase", "-s", "dev")
    refused = project.aml(*change)
    assert (refused.code, "by --passphrase-file" in refused.err) == (2, True), refused.err
    new = project.root / "new"
    new.write_text("another passphrase\n", encoding="utf-8")
    before = project.stack_file("dev").read_bytes()
    assert "Encrypted 1 secret" in project.good(*change, "--passphrase-file", new).err
    if interrupted:  # after the state was written, before the file was
        project.stack_file("dev").write_bytes(before)
        project.good(*change, "--passphrase-file", new)
    wrong = project.aml("up", "--yes", "-s", "dev")
    assert (wrong.code, "does not fit stack 'dev'" in wrong.err) == (4, True)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "another passphrase")
    assert project.good("config", "get", "--path", PASSWORD, "-s", "dev").out.strip() == CANARY
    assert "no changes" in project.good("up", "--yes", "-s", "dev").err


def test_a_new_passphrase_is_for_stacks_that_have_another(sealed, vault):
    (sealed.root / "new").write_text("another", encoding="utf-8")
    change = ("stack", "change-secrets-provider", vault.url, "--passphrase-file", "new")
    refused = sealed.aml(*change)
    assert (refused.code, "has no passphrase that another" in refused.err) == (2, True), refused.err


def test_a_vault_that_is_not_here_is_named(project):
    url = "azurekeyvault://127.0.0.1:1/somevault.vault/keys/state"
    refused = project.aml("stack", "init", "dev", "--secrets-provider", url)
    assert (refused.code, "not at 127.0.0.1:1" in refused.err) == (3, True), refused.err


def test_a_new_stack_needs_no_passphrase(project, vault, monkeypatch):
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE")
    said = project.good("stack", "init", "dev", "--secrets-provider", vault.url)
    assert "passphrase" not in said.err
    project.stack_file("dev").write_text(
        project.stack_file("dev").read_text().partition("config:")[0]
        + project.stack_file().read_text().replace("-rg", "-dev-rg")
    )
    with_password(project, "dev")
    assert CANARY not in project.stack_file("dev").read_text()
    project.good("up", "--yes")
    state = json.loads(project.state_file("dev").read_text())["checkpoint"]["latest"]
    assert state["secrets_providers"]["state"]["url"] == vault.url
    vault("DELETE", "keys/state")
    before = project.state_file("dev").read_bytes()
    project.edit("max_nodes: 2", "max_nodes: 3", "dev")
    refused = project.aml("up", "--yes")
    assert (refused.code, "There is no such key" in refused.err) == (4, True), refused.err
    assert project.state_file("dev").read_bytes() == before


def test_after_a_rotation_the_version_that_encrypted_must_be_named(sealed, vault):
    sealed.good("stack", "change-secrets-provider", vault.url)
    version = vault("GET", "keys/state")["key"]["kid"].rpartition("/")[2]
    vault("POST", "keys/state/rotate")
    refused = sealed.aml("config", "get", "--path", PASSWORD)
    assert (refused.code, "may have been rotated" in refused.err) == (4, True), refused.err
    sealed.edit("/keys/state", f"/keys/state/{version}")
    assert password(sealed) == CANARY
    sealed.good("stack", "change-secrets-provider", vault.url)
    assert password(sealed) == CANARY


def test_state_in_a_container_is_encrypted_anew_there(project, container, vault):
    with_password(project)
    project.good("up", "--yes")
    project.good("stack", "change-secrets-provider", vault.url)
    state = container.download_blob(".pulumi/stacks/shop/local.json").readall()
    kept = json.loads(state)["checkpoint"]["latest"]["secrets_providers"]
    assert (kept["type"], kept["state"]["url"]) == ("cloud", vault.url)
    assert CANARY.encode() not in state
    shutil.rmtree(project.home / "state", ignore_errors=True)  # as on another machine
    (project.home / "passphrase").unlink()
    assert CANARY in project.good("stack", "export", "--show-secrets").out
    assert "no changes" in project.good("up", "--no-fingerprint", "--expect-no-changes").err
