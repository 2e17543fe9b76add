"""The identity that deploys, from an access token's claims; shown before confirmation."""

from typing import Final

from infra.contract.json_types import Document

# As in Microsoft's access-token reference: people, applications, and what all of them have.
_NAMES: Final = ("upn", "unique_name", "appid", "oid")


def identity_of(claims: Document) -> str:
    """Return the most readable name among a token's claims, and its tenant."""
    name = next((str(claims[key]) for key in _NAMES if claims.get(key)), "unknown")
    return f"{name} (tenant {claims.get('tid') or 'unknown'})"
