"""The shared key signature of blob requests. Pure.

Source: Microsoft's page "Authorize with Shared Key".
"""

import base64
import hashlib
import hmac
from typing import Dict, List, Tuple
from urllib.parse import parse_qsl, urlsplit

_SIGNED = (
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


def string_to_sign(method: str, url: str, headers: Dict[str, str], account: str) -> str:
    """Return the text that is signed; ``url`` is encoded as it is sent."""
    lower = {name.lower(): value for name, value in headers.items()}
    standard = [lower.get(name, "") for name in _SIGNED]
    length = _SIGNED.index("content-length")
    if standard[length] == "0":  # since version 2015-02-21 an empty body is signed as ""
        standard[length] = ""
    own = sorted((name, value) for name, value in lower.items() if name.startswith("x-ms-"))
    parts = urlsplit(url)
    lines = [method]
    lines += standard
    lines += [f"{name}:{value.strip()}" for name, value in own]
    lines.append(f"/{account}{parts.path}")
    query: List[Tuple[str, str]] = parse_qsl(parts.query, keep_blank_values=True)
    lines += [f"{name.lower()}:{value}" for name, value in sorted(query)]
    return "\n".join(lines)


def authorization(
    method: str, url: str, headers: Dict[str, str], account: str, account_key: str
) -> str:
    """Return the ``Authorization`` header of a request."""
    text = string_to_sign(method, url, headers, account)
    key = base64.b64decode(account_key)
    digest = hmac.new(key, text.encode("utf-8"), hashlib.sha256).digest()
    return "SharedKey {}:{}".format(account, base64.b64encode(digest).decode("ascii"))
