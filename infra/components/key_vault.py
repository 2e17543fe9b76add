"""Reads a secret of a key vault with the credential azure-identity finds. Stores nothing."""

import os
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from infra.contract.discovery import ensure_cloud
from infra.contract.errors import CredentialError
from infra.contract.identity import azure_identity
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


def read_local_secret(home: Path, identifier: str) -> str:
    """Return the text of a secret that the local cloud of ``home`` has.

    Its vault is the one of that name there, so that the same reference means the local vault on the
    local cloud and Azure's on Azure. Raises ``CredentialError``.
    """
    cloud = ensure_cloud(home)
    parts = urlsplit(identifier)
    vault = parts.netloc.partition(".")[0]
    token = load("infra.arm.credentials:local_credential")(cloud).token()
    context = ssl.create_default_context(cafile=str(cloud.ca))
    try:
        with httpx.Client(verify=context, timeout=_TIMEOUT_S, trust_env=False) as client:
            answer = client.get(
                f"{cloud.url}/{vault}.vault{parts.path}",
                params={"api-version": _VERSION},
                headers={"authorization": f"Bearer {token}"},
            )
    except httpx.HTTPError as error:
        raise _unread(identifier, f"the local cloud does not answer ({error})") from None
    if answer.status_code != httpx.codes.OK:
        raise CredentialError(
            f"`keyvault:{identifier}` means the vault {vault!r} of the local cloud, which answers"
            f" {answer.status_code}.",
            remedy="Put the secret there: `aml:key_vault: {secrets: …}` of a stack, or"
            f" azure-keyvault-secrets at {cloud.url}/{vault}.vault.",
        )
    return str(answer.json()["value"])


def _token(identifier: str) -> str:
    vault = urlsplit(identifier).netloc.partition(".")[2]  # vault.azure.net
    credential = azure_identity(os.environ)
    try:
        return str(credential.get_token(f"https://{vault}/.default").token)
    except load("azure.core.exceptions:ClientAuthenticationError", extra="azureml"):
        raise _unread(identifier, "Azure issues no token for it") from None


def _unread(identifier: str, why: str) -> CredentialError:
    return CredentialError(
        f"`keyvault:{identifier}` is to be read, but {why}.",
        remedy="Log in with `az login` as a user who may read secrets of the vault.",
    )
