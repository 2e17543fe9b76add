"""What a service adds to a new resource: generated keys and default properties."""

import base64
import secrets
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.messages import Call

_KEY_BYTES: Final = 64


def two_keys(_: Call) -> JsonObject:
    """Return new secrets for a service that has two keys (so that each can be rotated)."""
    return {"keys": [_key(), _key()]}


def with_properties(document: JsonObject, properties: Document) -> JsonObject:
    """Return the body with ``properties`` as defaults of its own."""
    return {**document, "properties": {**properties, **(document.get("properties") or {})}}


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
