"""Names of files in addresses and on pages: they may be bytes that are no text. Pure."""

import re
from typing import Final
from urllib.parse import quote, unquote

_NO_BYTE: Final = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_NO_TEXT: Final = re.compile("[\ud800-\udfff]")
_INSTEAD: Final = "\ufffd"


def quoted(name: str) -> str:
    r"""Return a name as a part of an address.

    >>> quoted("a b/\udcff")
    'a%20b/%FF'
    """
    return quote(_NO_BYTE.sub(_INSTEAD, name), errors="surrogateescape")


def unquoted(address: bytes) -> str:
    """Return the path of an address, in which ``quoted`` names are as they were."""
    return unquote(address.decode("ascii", "replace"), errors="surrogateescape")


def visible(text: str) -> str:
    """Return a text that can be sent: what is no character is a sign that says so."""
    return _NO_TEXT.sub(_INSTEAD, text)
