"""The extensions that resources of a checkpoint refer to: once for all, by a hash. Pure.

An extension is a package whose types the provider of another package learns: its name and version,
and a value (base64) that only the provider understands. In a journal each entry has its own.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from infra.contract.errors import StateError
from infra.contract.json_types import Document, JsonObject

KEY: Final = "extension"
_REFERENCE: Final = "extensionRef"


def reference_of(extension: Document) -> str:
    """Return the hash by which the Pulumi CLI knows an extension (``hashExtension``)."""
    parts = (str(extension["name"]).encode(), str(extension["version"]).encode())
    return hashlib.sha256(b"\0".join((*parts, base64.b64decode(extension["value"])))).hexdigest()


def referring(entry: Document) -> JsonObject:
    """Return an entry that refers to its extension, if it has one."""
    if not entry.get(KEY):
        return dict(entry)
    return {
        (_REFERENCE if key == KEY else key): reference_of(value) if key == KEY else value
        for key, value in entry.items()
    }


def collected(entries: Sequence[Document]) -> dict[str, Document]:
    """Return the extensions of entries, by reference."""
    found = [entry[KEY] for entry in entries if entry.get(KEY)]
    return {reference_of(extension): extension for extension in found}


def resolved(entry: Document, extensions: Document, at: str) -> Document:
    """Return an entry with the extension that it refers to.

    Raises ``StateError``, with the checkpoint's place, if the checkpoint does not have it, or has
    something else in its place.
    """
    if not entry.get(_REFERENCE):
        return entry
    found = extensions.get(entry[_REFERENCE])
    if not _is_extension(found):
        what = "does not have" if found is None else "cannot read"
        raise StateError(
            f"{entry.get('urn')} refers to an extension that it {what}.",
            remedy="The file was left as it is. Restore a backup beside it, or import an export.",
            at=at,
        )
    return {
        (KEY if key == _REFERENCE else key): found if key == _REFERENCE else value
        for key, value in entry.items()
    }


def _is_extension(found: object) -> bool:
    if not isinstance(found, dict) or not {"name", "version", "value"} <= found.keys():
        return False
    try:
        base64.b64decode(found["value"], validate=True)
    except (ValueError, TypeError):
        return False
    return True
