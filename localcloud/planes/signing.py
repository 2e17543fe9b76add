"""Authorization of blob requests: shared key and shared access signatures.

Pure: strings to sign, signatures and the operations they allow. No key look-up and no clock.
Source: Microsoft's pages "Authorize with Shared Key" and "Create a service/account SAS".
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from infra.catalogue.api_versions import BLOB_SERVICE_ENCRYPTION_SCOPE
from localcloud.calls.shared_access import delegated_texts

BlobOperation = Literal["read", "list", "write", "create", "delete", "containers", "delegate"]

_SIGNED_HEADERS: Final = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_SERVICE_FIELDS: Final = ("si", "sip", "spr", "sv", "sr")
_OVERRIDES: Final = ("rscc", "rscd", "rsce", "rscl", "rsct")
_ACCOUNT_FIELDS: Final = ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")
_ALLOWS: Final[Mapping[str, str]] = {  # one of these letters of `sp` allows the operation
    "read": "r",
    "list": "l",
    "write": "w",
    "create": "cw",
    "delete": "d",
    "containers": "cwl",
    "delegate": "",
}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """The signed parts of a request. ``path`` is as sent (encoded); ``query`` is decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # keys in lower case


def sign(key: str, text: str) -> str:
    """Return the signature of ``text`` under an account key (both base64)."""
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def shared_key_problem(request: SignedRequest, key: str) -> str | None:
    """Return why the ``Authorization: SharedKey`` of a request is invalid, or ``None``."""
    claimed, _, signature = (
        request.headers.get("authorization", "").partition(" ")[2].rpartition(":")
    )
    candidates = (shared_key_text(request, claimed, headers) for headers in _orders(request))
    if any(_same(sign(key, text), signature) for text in candidates):
        return None
    return "The signature in the Authorization header does not match the account's key."


def shared_key_text(request: SignedRequest, account: str, signed_headers: Iterable[str]) -> str:
    """Return the string to sign; ``signed_headers`` are the ``x-ms-`` headers in their order."""
    standard = [request.headers.get(name, "") for name in _SIGNED_HEADERS]
    # Since version 2015-02-21 an empty body is signed as an empty string, not as "0".
    if request.headers.get("content-length") == "0":
        standard[_SIGNED_HEADERS.index("content-length")] = ""
    lines = [request.method, *standard]
    lines += [f"{name}:{request.headers[name]}" for name in signed_headers]
    lines.append(f"/{account}{request.path}")
    lines += [f"{name.lower()}:{value}" for name, value in sorted(request.query.items())]
    return "\n".join(lines)


def _orders(request: SignedRequest) -> tuple[list[str], list[str]]:
    """Return both orders in use: the service's (hyphens ignored) and that of plain ASCII.

    azure-storage-blob sorts as the service does; older clients sort by code point.
    """
    names = [name for name in request.headers if name.startswith("x-ms-")]
    by_weight = sorted(names, key=lambda name: name.replace("-", "").replace("_", "!"))
    return by_weight, sorted(names)


def sas_problem(
    query: Mapping[str, str],
    key: str,
    *,
    accounts: Iterable[str],
    container: str,
    blob: str,
    now: datetime,
) -> str | None:
    """Return why a shared access signature is invalid for a container or blob, or ``None``.

    ``accounts`` are the names under which the account may appear in the string to sign.
    """
    if "skoid" in query:
        resources = [f"/blob/{name}/{container}" for name in accounts]
        resources = [f"{each}/{blob}" if query.get("sr") == "b" else each for each in resources]
        texts = [text for each in resources for text in delegated_texts(query, each)]
    else:
        texts = [text for name in accounts for text in _sas_texts(query, name, container, blob)]
    if not any(_same(sign(key, text), query.get("sig", "")) for text in texts):
        return "The signature does not match: it is for another resource, or was altered."
    for field, late in (("st", False), ("se", True), ("skt", False), ("ske", True)):
        moment = _moment(query.get(field))
        if moment is not None and (now > moment if late else now < moment):
            return "The signature has expired." if late else "The signature is not yet valid."
    return None


def allows(query: Mapping[str, str], operation: BlobOperation) -> bool:
    """Return whether the permissions of a shared access signature allow an operation."""
    return bool(set(_ALLOWS[operation]) & set(query.get("sp", "")))


def _sas_texts(query: Mapping[str, str], account: str, container: str, blob: str) -> list[str]:
    version = query.get("sv", "")
    if "srt" in query:
        fields = (
            _ACCOUNT_FIELDS if version >= BLOB_SERVICE_ENCRYPTION_SCOPE else _ACCOUNT_FIELDS[:-1]
        )
        return ["\n".join([account, *(query.get(f, "") for f in fields), ""])]
    resource = f"/blob/{account}/{container}"
    if query.get("sr") == "b":
        resource += f"/{blob}"
    return [_service_text(query, resource)]


def _service_text(query: Mapping[str, str], resource: str) -> str:
    lines = [query.get(f, "") for f in ("sp", "st", "se")] + [resource]
    lines += [query.get(f, "") for f in _SERVICE_FIELDS] + [query.get("snapshot", "")]
    if query.get("sv", "") >= BLOB_SERVICE_ENCRYPTION_SCOPE:
        lines.append(query.get("ses", ""))
    return "\n".join(lines + [query.get(f, "") for f in _OVERRIDES])


def _moment(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _same(one: str, other: str) -> bool:
    try:
        return hmac.compare_digest(base64.b64decode(one), base64.b64decode(other))
    except (binascii.Error, ValueError):
        return False
