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
from localcloud.calls.cloud import Cloud

VERSION: Final = BLOB_SERVICE
# The order of the string to sign for a service signature on a blob or container, since the
# version that covers the encryption scope.
_BEFORE: Final = ("sp", "st", "se")
_AFTER: Final = (
    "si", "sip", "spr", "sv", "sr", "snapshot", "ses", "rscc", "rscd", "rsce", "rscl", "rsct",
)  # fmt: skip


def account_keys(cloud: Cloud, account: str) -> tuple[str, ...]:
    """Return the keys (base64) of the storage account with this name; none if there is none."""
    found = cloud.store.resources.of_type(
        "Microsoft.Storage/storageAccounts", name=account, now=cloud.clock()
    )
    return tuple(found[0].secrets["keys"]) if found else ()


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
    digest = hmac.digest(base64.b64decode(key), "\n".join(parts).encode(), "sha256")
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
        "se": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "spr": "https",
    }
    key = account_keys(cloud, account)[0]
    return urlencode({**fields, "sig": signature(key, account, container, None, fields)})
