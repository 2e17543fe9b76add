"""Names of blobs: dots in them are resolved as in URLs, and none climbs out of its container.

Clients write what they download below a folder, under the blob's name.
"""

from typing import Final

LONGEST: Final = 1024  # characters; the limit of the blob service


def without_dots(name: str) -> str | None:
    """Return a name with ``.`` and ``..`` resolved (RFC 3986, 5.2.4); ``None`` if it climbs out.

    Empty segments are kept: to the blob service they are part of the name.

    >>> without_dots("a/./b/../c")
    'a/c'
    """
    kept: list[str] = []
    segments = name.split("/")
    for segment in segments:
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in {".", ".."} and kept:
        kept.append("")
    return "/".join(kept) or None
