"""Tokens for ARM: from azure-identity on Azure, from the local cloud's own endpoint otherwise.

Tokens stay in memory until shortly before they expire; they are never written anywhere.
"""

import base64
import json
import os
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx

from infra.arm.messages import Response
from infra.arm.retries import Retries
from infra.contract.credential_kinds import remedy_for
from infra.contract.discovery import TENANT, LocalCloud
from infra.contract.errors import CredentialError, ProviderError, UnreachableError
from infra.contract.identity import azure_identity
from infra.contract.json_types import Document
from infra.contract.load import load

AZURE_SCOPE: Final = "https://management.azure.com/.default"
# Tokens are renewed this early, so that none expires while a request is under way.
_EARLY_S: Final = 300.0
_OK: Final = 200
_THROTTLED: Final = 429


class TokenCredential(Protocol):
    """A source of bearer tokens. Both methods may be called from several threads at once."""

    def token(self) -> str:
        """Return a valid bearer token."""

    def renew(self) -> str:
        """Return a new token, because the service refused the last one."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A bearer token and the time it expires, in seconds since the epoch."""

    value: str = field(repr=False)
    expires_at: float


class CachedCredential:
    """A credential that calls ``fetch`` when its token is missing or about to expire."""

    def __init__(
        self, fetch: Callable[[], AccessToken], clock: Callable[[], float] = time.time
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token: AccessToken | None = None

    def token(self) -> str:
        """Return the cached token, or a new one if it is about to expire."""
        with self._lock:
            if self._token is None or self._token.expires_at - _EARLY_S < self._clock():
                self._token = self._fetch()
            return self._token.value

    def renew(self) -> str:
        """Drop the cached token and return a new one."""
        with self._lock:
            self._token = None
        # Outside the lock, which `token` takes itself.
        return self.token()


def azure_credential(tenant: str | None = None, scope: str = AZURE_SCOPE) -> CachedCredential:
    """Return the credential of the chosen kind, else what azure-identity finds.

    ``tenant`` is for identities with access to several. Raises ``CredentialError`` if a kind was
    chosen and lacks variables.
    """
    source = azure_identity(os.environ, other_tenants=bool(tenant))
    refused = load("azure.core.exceptions:ClientAuthenticationError", extra="azureml")
    return CachedCredential(lambda: azure_token(source, refused, scope, tenant))


class AzureToken(Protocol):
    """A token as azure-identity returns it; ``expires_on`` in seconds since the epoch."""

    token: str
    expires_on: int


class AzureIdentity(Protocol):
    """A credential of azure-identity, as far as it is used here."""

    def get_token(self, *scopes: str, tenant_id: str | None = None) -> AzureToken:
        """Return a token for ``scopes``."""


def azure_token(
    source: AzureIdentity, refused: type[Exception], scope: str, tenant: str | None = None
) -> AccessToken:
    """Get a token from an azure-identity credential; ``refused`` is its own exception."""
    try:
        token = source.get_token(scope, tenant_id=tenant)
    except refused as error:
        raise CredentialError(
            f"Azure issued no token. {str(error).partition(chr(10))[0]}",
            remedy=remedy_for(os.environ),
        ) from error
    return AccessToken(token.token, float(token.expires_on))


def local_credential(
    cloud: LocalCloud,
    transport: httpx.BaseTransport | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> CachedCredential:
    """Return the credential of the local cloud: whoever can read its CA file may log in."""
    return CachedCredential(lambda: _local_token(cloud, transport, sleep))


def claims(token: str) -> Document:
    """Return the claims of a JWT, unverified; empty for anything else."""
    parts = token.split(".")
    try:
        text = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        document = json.loads(text)
    except (IndexError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _local_token(
    cloud: LocalCloud, transport: httpx.BaseTransport | None, sleep: Callable[[float], object]
) -> AccessToken:
    url = f"{cloud.url}/{TENANT}/oauth2/v2.0/token"
    retries, attempt = Retries(), 1
    while True:
        answer = _local_answer(cloud, url, transport)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        pause_s = retries.pause_s("POST", Response(answer.status_code, headers), attempt)
        if pause_s is None:
            break
        sleep(pause_s)
        attempt += 1
    if answer.status_code == _THROTTLED:
        raise ProviderError(
            f"The local cloud refused {attempt} requests for a token in a row (status 429): its"
            " fault injection does that.",
            remedy="Switch it off on the page `Local cloud` of `aml studio`, or try again later.",
            at=url,
            code="TooManyRequests",
        )
    if answer.status_code != _OK:
        raise CredentialError(
            f"The local cloud refused to issue a token (status {answer.status_code}).",
            remedy="Run `aml cloud stop`, then `aml cloud start`.",
            at=url,
        )
    document = answer.json()
    return AccessToken(document["access_token"], time.time() + float(document["expires_in"]))


def _local_answer(
    cloud: LocalCloud, url: str, transport: httpx.BaseTransport | None
) -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_id": "aml", "client_secret": "local"}
    form["scope"] = AZURE_SCOPE
    try:
        verify = ssl.create_default_context(cafile=str(cloud.ca)) if transport is None else True
        with httpx.Client(verify=verify, transport=transport, trust_env=False) as http:
            return http.post(url, data=form)
    except (httpx.TransportError, OSError) as error:
        raise UnreachableError(
            f"The local cloud issued no token: {error}.",
            remedy="Run `aml cloud start`; `aml cloud logs` has details.",
            at=url,
        ) from error
