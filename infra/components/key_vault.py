"""Reads a secret of a key vault with the credential azure-identity finds. Stores nothing."""

from typing import Final
from urllib.parse import urlsplit

import httpx

from infra.contract.errors import CredentialError
from infra.contract.load import load

_VERSION: Final = "7.4"
_TIMEOUT_S: Final = 30.0


def read_vault_secret(identifier: str, transport: httpx.BaseTransport | None = None) -> str:
    """Return the text of ``https://<vault>.vault.azure.net/secrets/<name>[/<version>]``.

    ``transport`` replaces the network, and with it the identity. Raises ``CredentialError`` if the
    secret cannot be read.
    """
    token = "" if transport else _token(identifier)
    try:
        with httpx.Client(transport=transport, timeout=_TIMEOUT_S) as client:
            answer = client.get(
                identifier,
                params={"api-version": _VERSION},
                headers={"authorization": f"Bearer {token}"},
            )
    except httpx.HTTPError as error:
        raise _unread(identifier, f"the vault does not answer ({type(error).__name__})") from None
    if answer.status_code != httpx.codes.OK:
        raise _unread(identifier, f"the vault answers {answer.status_code}")
    return str(answer.json()["value"])


def _token(identifier: str) -> str:
    vault = urlsplit(identifier).netloc.partition(".")[2]  # vault.azure.net
    credential = load("azure.identity:DefaultAzureCredential", extra="azureml")()
    try:
        return str(credential.get_token(f"https://{vault}/.default").token)
    except load("azure.core.exceptions:ClientAuthenticationError", extra="azureml"):
        raise _unread(identifier, "Azure issues no token for it") from None


def _unread(identifier: str, why: str) -> CredentialError:
    return CredentialError(
        f"The stack refers to keyvault:{identifier}, but {why}.",
        remedy="Log in with `az login` as a user who may read secrets of the vault.",
    )
