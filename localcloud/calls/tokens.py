"""Access tokens: JWTs signed by the cloud itself and issued to anybody who asks."""

import base64
import binascii
import hmac
import json
import uuid
from typing import Final

from infra.contract.discovery import TENANT
from infra.contract.json_types import JsonObject
from localcloud.calls.cloud import Cloud

LASTS_S: Final = 3600
_HEADER: Final = {"typ": "JWT", "alg": "HS256"}
OWNER: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://aml-platform/local-user")
"""The object id of whoever uses the cloud."""
NETWORK: Final = "aml_network"
"""The claim of a job's token that names the network of its compute; empty if that is in none."""


def issue(
    cloud: Cloud, audience: str, client: str, *, network: str | None = None, lasts_s: int = LASTS_S
) -> str:
    """Return a token that this cloud accepts for ``lasts_s``; a job's has its ``network``."""
    now = int(cloud.clock())
    claims = {
        "aud": audience,
        "iss": f"{cloud.url}/{TENANT}/v2.0",
        "iat": now,
        "nbf": now,
        "exp": now + lasts_s,
        "appid": client,
        "idtyp": "app",
        "oid": str(OWNER),
        "sub": str(OWNER),
        "tid": TENANT,
        "ver": "1.0",
        **({} if network is None else {NETWORK: network}),
    }
    unsigned = f"{_packed(_HEADER)}.{_packed(claims)}"
    signature = cloud.store.sealing.signature(unsigned.encode())
    return f"{unsigned}.{_text(signature)}"


def claims_of(cloud: Cloud, token: str) -> JsonObject | None:
    """Return the claims of a token, ``None`` if this cloud did not sign it."""
    unsigned, _, signature = token.rpartition(".")
    expected = _text(cloud.store.sealing.signature(unsigned.encode()))
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    try:
        claims: JsonObject = json.loads(_bytes(unsigned.partition(".")[2]))
    except (ValueError, binascii.Error):
        return None
    return claims


def _packed(document: JsonObject) -> str:
    return _text(json.dumps(document, separators=(",", ":")).encode())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
