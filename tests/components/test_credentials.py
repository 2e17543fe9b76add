"""References of a stack file become credentials, or an error that names the reference alone."""

import httpx
import pytest

from infra.components.credentials import CredentialReader
from infra.components.key_vault import read_vault_secret
from infra.contract.errors import CredentialError
from infra.spec.credentials import Known, Reference

SECRET = "https://shop.vault.azure.net/secrets/node-password"


@pytest.fixture
def text(tmp_path):
    """Return what a reader finds, as text: the output around it is Pulumi's affair."""
    asked = []

    def vault(identifier):
        asked.append(identifier)
        return "from the vault"

    (tmp_path / "password").write_text("from a file\n", encoding="utf-8")
    reader = CredentialReader({"NAME": "from a variable", "EMPTY": ""}, tmp_path, vault)
    reader.asked = asked
    return reader


@pytest.mark.parametrize(
    ("credential", "found"),
    [
        (Known("sealed"), "sealed"),
        (Reference("env", "NAME"), "from a variable"),
        (Reference("file", "password"), "from a file"),
        (Reference("keyvault", SECRET), "from the vault"),
    ],
)
def test_each_source(text, credential, found):
    assert text._text(credential) == found


def test_a_vault_is_asked_once_for_a_secret(text):
    assert [text._text(Reference("keyvault", SECRET)) for _ in range(3)] == ["from the vault"] * 3
    assert text.asked == [SECRET]


@pytest.mark.parametrize(
    ("credential", "says"),
    [
        (Reference("env", "ABSENT"), "env:ABSENT"),
        (Reference("env", "EMPTY"), "env:EMPTY"),
        (Reference("file", "absent"), "absent"),
    ],
)
def test_a_missing_credential_is_named(text, credential, says):
    with pytest.raises(CredentialError, match=says):
        text._text(credential)


def test_a_secret_is_asked_for_by_its_identifier():
    def answer(request):
        assert str(request.url) == f"{SECRET}?api-version=7.4"
        return httpx.Response(200, json={"value": "Pa55-canary"})

    assert read_vault_secret(SECRET, httpx.MockTransport(answer)) == "Pa55-canary"


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_vault_that_refuses(status):
    refusing = httpx.MockTransport(lambda _: httpx.Response(status, text="canary"))
    with pytest.raises(CredentialError, match=f"answers {status}") as caught:
        read_vault_secret(SECRET, refusing)
    assert "canary" not in str(caught.value)


def test_a_vault_that_does_not_answer():
    def fail(request):
        raise httpx.ConnectError("no route", request=request)

    with pytest.raises(CredentialError, match="does not answer"):
        read_vault_secret(SECRET, httpx.MockTransport(fail))
