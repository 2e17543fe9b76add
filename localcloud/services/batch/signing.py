"""SharedKey of the Batch service: how a request is signed with an account's key. Pure."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

_SIGNED: Final = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)  # fmt: skip
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of a request is signed; ``path`` and ``query`` as received, header names lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


def is_signed(request: SignedRequest, account: str, key: str) -> bool:
    """Return whether the request's ``Authorization`` is ``account``'s signature with ``key``."""
    given = request.headers.get("authorization", "").partition(" ")[2]
    name, _, signature = given.strip().partition(":")
    try:
        sent = base64.b64decode(signature, validate=True)
    except binascii.Error:
        return False
    wanted = hmac.digest(base64.b64decode(key), string_to_sign(request, name).encode(), "sha256")
    return name.lower() == account.lower() and hmac.compare_digest(wanted, sent)


def string_to_sign(request: SignedRequest, account: str) -> str:
    """Return the text that is signed; ``account`` as the client spells it."""
    headers = {name: value for name, value in request.headers.items() if value}
    if request.method not in _WITHOUT_BODY:
        headers.setdefault("content-length", "0")
    lines = [request.method, *(headers.get(name, "") for name in _SIGNED)]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("ocp-")]
    lines.append(f"/{account}{request.path}")
    query = parse_qs(request.query)
    lines += [f"{name}:{query[name][0]}" for name in sorted(query)]
    return "\n".join(lines)
