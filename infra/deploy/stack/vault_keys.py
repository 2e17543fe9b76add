"""Encrypts and decrypts the data key of a stack with a key of Azure Key Vault.

Loaded late. As the Pulumi CLI does it: 32 random bytes, encrypted with RSA-OAEP-256, and what the
vault answers kept in base64. Vaults of the local cloud are reached at its own address.
"""

import base64
import binascii
import os
import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from infra.arm.credentials import azure_credential, local_credential
from infra.contract.discovery import ensure_cloud
from infra.contract.errors import (
    CredentialError,
    PlatformError,
    StateError,
    UnreachableError,
    UsageError,
)
from infra.contract.json_types import JsonObject
from infra.contract.wrapped_key import WrappedKey
from infra.engine.state.secrets import KEY_BYTES

_API_VERSION: Final = "7.4"
_ALGORITHM: Final = "RSA-OAEP-256"
_TIMEOUT_S: Final = 30.0
_ROLE: Final = "Key Vault Crypto User"
_FORM: Final = "azurekeyvault://VAULT.vault.azure.net/keys/KEY"
_URL: Final = re.compile(
    r"azurekeyvault://(?P<vault>"
    r"[a-z][a-z0-9-]{1,22}[a-z0-9]\.(?P<suffix>vault\.(?:azure\.net|azure\.cn|usgovcloudapi\.net))"
    r"|(?P<local>(?:127\.0\.0\.1|localhost|\[::1\]):\d+)/[a-z][a-z0-9-]{1,22}[a-z0-9]\.vault)"
    rf"/(?P<key>keys/[0-9A-Za-z-]{{1,127}}(?:/[0-9a-f]{{32}})?)/?(?:\?algorithm={_ALGORITHM})?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class VaultKey:
    """A key's URL, taken apart. ``local`` is the address of a local cloud, empty on Azure."""

    vault: str
    suffix: str
    local: str
    key: str

    @property
    def scope(self) -> str:
        """What a token has to be for: the vaults of this vault's cloud."""
        return f"https://{self.suffix.lower()}/.default"

    def url(self, operation: str) -> str:
        return f"https://{self.vault}/{self.key}/{operation}"


def parse_vault_key(url: str) -> VaultKey:
    """Return the key that a URL names; ``UsageError`` for another provider, or another form."""
    found = _URL.fullmatch(url)
    if found is None:
        raise UsageError(
            f"{url!r} is not a secrets provider that can be used here.",
            remedy=f"Write {_FORM}, with /VERSION for one version of the key, or passphrase.",
        )
    return VaultKey(**{name: text or "" for name, text in found.groupdict().items()})


def new_data_key(home: Path, url: str) -> WrappedKey:
    """Return a new data key, encrypted by a vault's key, once the vault has decrypted it again.

    Raises ``UnreachableError`` where the vault does not answer, ``CredentialError`` where it
    refuses, ``StateError`` where there is no such key.
    """
    key, data = parse_vault_key(url), os.urandom(KEY_BYTES)
    text = _answer(home, key, "encrypt", _encode(data))
    wrapped = WrappedKey(url, base64.b64encode(text.encode()).decode())
    if unwrapped(home, wrapped) != data:
        raise _refused(key, "decrypts to something else than what it encrypted")
    return wrapped


def unwrapped(home: Path, wrapped: WrappedKey) -> bytes:
    """Return the 32 bytes of a data key; raises as ``new_data_key`` does."""
    key = parse_vault_key(wrapped.url)
    try:
        text = base64.b64decode(wrapped.encrypted, validate=True).decode("ascii")
        return _decode(_answer(home, key, "decrypt", text))
    except (binascii.Error, UnicodeDecodeError) as error:
        raise StateError(
            f"The `encryptedkey` of {wrapped.url} is damaged.",
            remedy="Restore `encryptedkey` in the stack file from version control.",
        ) from error


def _answer(home: Path, key: VaultKey, operation: str, value: str) -> str:
    url = key.url(operation)
    verify, token = _access(home, key)
    try:
        with httpx.Client(verify=verify, timeout=_TIMEOUT_S, trust_env=not key.local) as http:
            answer = http.post(
                url,
                params={"api-version": _API_VERSION},
                headers={"authorization": f"Bearer {token}"},
                json={"alg": _ALGORITHM, "value": value},
            )
    except httpx.HTTPError as error:
        raise UnreachableError(
            f"The key vault does not answer: {str(error) or type(error).__name__}.",
            remedy="Check its name, and whether its firewall lets this machine in.",
            at=url,
        ) from error
    if answer.status_code != HTTPStatus.OK:
        raise _refusal(key, operation, answer)
    return str(answer.json()["value"])


def _access(home: Path, key: VaultKey) -> tuple[ssl.SSLContext | bool, str]:
    """Return what a vault's certificate is checked with, and a token for it."""
    if not key.local:
        return True, azure_credential(scope=key.scope).token()
    cloud = ensure_cloud(home)
    if cloud.url != f"https://{key.local}":
        raise UnreachableError(
            f"The local cloud of this project is at {cloud.url}, not at {key.local}.",
            remedy="Secrets of another local cloud can only be decrypted where that is.",
            at=key.url(""),
        )
    return ssl.create_default_context(cafile=str(cloud.ca)), local_credential(cloud).token()


def _refusal(key: VaultKey, operation: str, answer: httpx.Response) -> PlatformError:
    code = _code(answer)
    match answer.status_code:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return CredentialError(
                f"The key vault does not let you {operation} with the key ({code}).",
                remedy=f"It takes the role {_ROLE}, or an access policy with encrypt and decrypt,"
                " and a firewall that lets this machine in; the key must be enabled.",
                at=key.url(""),
            )
        case HTTPStatus.NOT_FOUND:
            return StateError(
                f"There is no such key in the vault, or no such vault ({code}).",
                remedy="Check the name. A deleted key that was soft-deleted can be recovered:"
                " `az keyvault key recover`.",
                at=key.url(""),
            )
        case HTTPStatus.BAD_REQUEST if operation == "decrypt":
            return _refused(key, f"does not decrypt it ({code}). It may have been rotated")
    return _refused(key, f"answers {answer.status_code} ({code})")


def _refused(key: VaultKey, how: str) -> StateError:
    return StateError(
        f"The secrets' data key cannot be used: the vault's key {how}.",
        remedy="A URL without /VERSION means the newest version. Add the one that encrypted it to"
        " `secretsprovider`, then run `aml stack change-secrets-provider` for the newest one.",
        at=key.url(""),
    )


def _code(answer: httpx.Response) -> str:
    """Return the innermost code of an answer; its text may name more than a log should hold."""
    try:
        error: JsonObject = answer.json()["error"]
        return str((error.get("innererror") or error)["code"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"status {answer.status_code}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
