"""Who a deployment would act as: read from an access token's claims, shown before the question."""

import base64
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """The claims a person recognises. ``name`` is a user's, an application's or an object's id."""

    name: str
    tenant: str

    def __str__(self) -> str:
        return f"{self.name} (tenant {self.tenant})"


def identity_of(token: str) -> Identity:
    """Return who ``token`` (a JWT) belongs to; nothing is verified, nothing is kept.

    Claims as in Microsoft's access-token reference: ``upn`` or ``unique_name`` for people,
    ``appid`` for applications, ``oid`` for all.
    """
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return Identity("an identity its token does not name", "unknown")
    named = (claims.get(key) for key in ("upn", "unique_name", "appid", "oid"))
    return Identity(
        next((str(name) for name in named if name), "unknown"), str(claims.get("tid", "unknown"))
    )
