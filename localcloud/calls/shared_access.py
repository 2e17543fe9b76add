"""Shared access signatures and account keys: how blob URLs are signed.

Azure Storage's own rules, so that ``azure-storage-blob`` and this cloud accept each other's
signatures. Which blob a signature may read is decided by the blob plane.
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlencode

from infra.catalogue.api_versions import BLOB_SERVICE
from infra.contract.discovery import TENANT
from localcloud.calls.cloud import Cloud
from localcloud.calls.tokens import OWNER
from localcloud.store.resources import StoredResource

VERSION: Final = BLOB_SERVICE
# The order of the string to sign for a service signature on a blob or container, since the
# version that covers the encryption scope.
_BEFORE: Final = ("sp", "st", "se")
_AFTER: Final = (
    "si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct",
)  # fmt: skip


_DELEGATION: Final = ("skoid", "sktid", "skt", "ske", "sks", "skv")
"""The fields of a user delegation key that a signature repeats: all that its value depends on."""
_KEY_LASTS_S: Final = 86400
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


def account_keys(cloud: Cloud, account: str) -> tuple[str, ...]:
    """Return the keys (base64) of the storage account with this name; none if there is none."""
    found = account_named(cloud, account)
    return tuple(found.secrets["keys"]) if found else ()


def keys_open(cloud: Cloud, account: str) -> bool:
    """Return whether requests to an account may be signed with its keys."""
    found = account_named(cloud, account)
    return found is None or found.properties.get("allowSharedKeyAccess") is not False


def account_named(cloud: Cloud, account: str) -> StoredResource | None:
    """Return the storage account with this name."""
    kind = "Microsoft.Storage/storageAccounts"
    found = cloud.store.resources.of_type(kind, name=account, now=cloud.clock())
    return found[0] if found else None


def delegation_key(cloud: Cloud, fields: Mapping[str, str]) -> str:
    """Return the value (base64) of the user delegation key with these fields of a signature."""
    text = "\n".join(["user delegation", *(fields.get(name, "") for name in _DELEGATION)])
    return base64.b64encode(cloud.store.sealing.signature(text.encode())).decode()


def delegation_fields(start: str, expiry: str) -> dict[str, str]:
    """Return the fields of a new user delegation key of whoever uses this cloud."""
    return {
        "skoid": str(OWNER),
        "sktid": TENANT,
        "skt": start,
        "ske": expiry,
        "sks": "b",
        "skv": VERSION,
    }


def signature(
    key: str, account: str, container: str, blob: str | None, fields: Mapping[str, str]
) -> str:
    """Return ``sig`` for a service signature with these (decoded) query fields.

    ``blob`` is ``None`` for a container (``sr=c``).
    """
    resource = f"/blob/{account}/{container}" + (f"/{blob}" if blob else "")
    parts = [
        *(fields.get(name, "") for name in _BEFORE),
        resource,
        *(fields.get(name, "") for name in _AFTER),
    ]
    return _signed(key, "\n".join(parts))


def delegated_texts(fields: Mapping[str, str], resource: str) -> tuple[str, ...]:
    """Return what a user delegation key may have signed.

    Later versions of storage sign further fields, which are empty here.
    """
    parts = [
        *(fields.get(name, "") for name in _BEFORE),
        resource,
        *(fields.get(name, "") for name in (*_DELEGATION, "saoid", "suoid", "scid")),
    ]
    place = [fields.get(name, "") for name in ("sip", "spr", "sv", "sr", "snapshot", "ses")]
    overrides = [fields.get(name, "") for name in ("rscc", "rscd", "rsce", "rscl", "rsct")]
    users = [fields.get(name, "") for name in ("skdutid", "sduoid")]
    headers = [fields.get(name, "") for name in ("srh", "srq")]
    forms = (
        [*parts, *place, *overrides],
        [*parts, *users, *place, *overrides],
        [*parts, *users, *place, *headers, *overrides],
    )
    return tuple("\n".join(form) for form in forms)


def signed_fields(
    cloud: Cloud, account: str, container: str, blob: str | None, fields: Mapping[str, str]
) -> dict[str, str]:
    """Return the fields of a service signature, with ``sig``.

    An account whose keys open nothing is signed for with a user delegation key.
    """
    if keys_open(cloud, account):
        key = account_keys(cloud, account)[0]
        return {**fields, "sig": signature(key, account, container, blob, fields)}
    now = cloud.clock()
    times = (datetime.fromtimestamp(at, UTC).strftime(_TIME) for at in (now, now + _KEY_LASTS_S))
    delegated = {**fields, **delegation_fields(*times)}
    resource = f"/blob/{account}/{container}" + (f"/{blob}" if blob else "")
    key = delegation_key(cloud, delegated)
    return {**delegated, "sig": _signed(key, delegated_texts(delegated, resource)[0])}


def _signed(key: str, text: str) -> str:
    digest = hmac.digest(base64.b64decode(key), text.encode(), "sha256")
    return base64.b64encode(digest).decode()


def container_token(
    cloud: Cloud, account: str, container: str, *, permissions: str = "rcwl", lasts_s: float = 86400
) -> str:
    """Return a query string that gives access to one container for ``lasts_s``."""
    expires = datetime.fromtimestamp(cloud.clock() + lasts_s, UTC)
    fields = {
        "sv": VERSION,
        "sr": "c",
        "sp": permissions,
        "se": expires.strftime(_TIME),
        "spr": "https",
    }
    return urlencode(signed_fields(cloud, account, container, None, fields))
