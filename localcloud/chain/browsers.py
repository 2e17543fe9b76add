"""Protection of what controls the cloud, and of what issues tokens, from pages in a browser.

A page of any site can send requests to this machine, with the user's certificates and from the
user's address. It cannot set ``Host``, hide its ``Origin``, or send JSON without asking first.
"""

from typing import Final
from urllib.parse import urlsplit

from localcloud.calls.messages import Call
from localcloud.calls.refusals import RefusedError

_CONTROL: Final = "/aml/"
_TOKENS: Final = ("/oauth2/v2.0/token", "/oauth2/token", "/msi/token")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def refuse_pages(call: Call) -> None:
    """Refuse a request for another host or from another origin, and control without JSON."""
    path = call.path.lower()
    control = path.startswith(_CONTROL)
    if not control and not path.endswith(_TOKENS):
        return
    if _hostname(call.origin) not in _LOOPBACK:
        raise _forbidden(f"it is for another host ({call.origin})")
    origin = call.headers.get("origin")
    if origin is not None and origin.lower() != call.origin.lower():
        raise _forbidden(f"it comes from a page of {origin}")
    if control and _has_body(call) and not _is_json(call):
        raise RefusedError(
            415,
            "UnsupportedMediaType",
            "Send the body as JSON, with 'Content-Type: application/json'.",
        )


def _hostname(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None


def _has_body(call: Call) -> bool:
    length = call.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in call.headers or "content-type" in call.headers


def _is_json(call: Call) -> bool:
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _forbidden(why: str) -> RefusedError:
    return RefusedError(
        403, "Forbidden", f"This request is refused: {why}, not from this machine's own clients."
    )
