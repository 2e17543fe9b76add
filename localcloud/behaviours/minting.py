"""What a service adds to a new resource: generated keys and default properties."""

import base64
import secrets
from dataclasses import replace
from typing import Final

from infra.contract.json_types import Document, JsonObject
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call
from localcloud.store.resources import StoredResource

_KEY_BYTES: Final = 64


def two_keys(_: Call) -> JsonObject:
    """Return new secrets for a service that has two keys (so that each can be rotated)."""
    return {"keys": [_key(), _key()]}


def with_new_keys(call: Call, *places: int) -> StoredResource:
    """Replace keys of the call's resource, and return it; the old ones open nothing any more.

    ``made`` beside the keys says when each was.
    """
    with call.cloud.store.database.write():
        found = existing(call)
        keys, made = list(found.secrets["keys"]), list(times_of_keys(found))
        for place in places:
            keys[place], made[place] = _key(), call.now
        changed = replace(found, secrets={**found.secrets, "keys": keys, "made": made})
        call.cloud.store.resources.put(changed)
    return changed


def times_of_keys(resource: StoredResource) -> tuple[float, ...]:
    """Return when each key of a resource was generated."""
    made = resource.secrets.get("made")
    return tuple(made) if made else (resource.created,) * len(resource.secrets["keys"])


def with_properties(document: JsonObject, properties: Document) -> JsonObject:
    """Return the body with ``properties`` as defaults of its own."""
    return {**document, "properties": {**properties, **(document.get("properties") or {})}}


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
