"""What a blob request addresses, and what a copy takes its content from. Pure."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from localcloud.calls.blob_names import LONGEST, without_dots
from localcloud.planes.blob_reading import BlobRefusedError
from localcloud.store.blobs import Blob

SOURCE: Final = "x-ms-copy-source"


@dataclass(frozen=True, slots=True)
class Place:
    """What a request addresses. ``account`` is the bare name, ``shown`` as the path spells it."""

    account: str
    shown: str
    container: str = ""
    blob: str = ""


def account_of(shown: str) -> str:
    """Return the name of an account from a path's first segment, which may be a host's name."""
    return shown.lower().partition(".blob.")[0]


def place_of(params: Mapping[str, str]) -> Place:
    """Return what the parts of a path address; refuse names that no blob has."""
    shown, blob = params["account"], params.get("blob", "")
    name = without_dots(blob) if blob else ""
    if name is None:
        raise BlobRefusedError(
            400,
            "InvalidUri",
            "The requested URI does not represent any resource on the server.",
        )
    if len(name) > LONGEST:
        raise BlobRefusedError(
            400, "OutOfRangeInput", f"A blob's name has at most {LONGEST} characters."
        )
    return Place(
        account=account_of(shown),
        shown=shown,
        container=params.get("container", ""),
        blob=name,
    )


def source_of(headers: Mapping[str, str]) -> tuple[Place, dict[str, str]]:
    """Return what a copy takes its content from, and the query of its URL."""
    try:
        url = urlsplit(headers[SOURCE])
    except ValueError:
        raise BlobRefusedError(400, "InvalidHeaderValue", f"{SOURCE} is not a URL.") from None
    account, _, rest = unquote(url.path).lstrip("/").partition("/")
    container, _, name = rest.partition("/")
    place = place_of({"account": account, "container": container, "blob": name})
    return place, dict(parse_qsl(url.query))


def check_source(headers: Mapping[str, str], source: Blob) -> None:
    """Refuse to copy a blob that is not the one the request expects."""
    wanted = headers.get("x-ms-source-if-match")
    unwanted = headers.get("x-ms-source-if-none-match")
    if (wanted and wanted not in ("*", source.etag)) or unwanted in ("*", source.etag):
        raise BlobRefusedError(
            412, "SourceConditionNotMet", "The source condition specified is not met."
        )
    digest = headers.get("x-ms-source-content-md5")
    if digest and digest != source.headers.get("content-md5"):
        raise BlobRefusedError(
            400, "Md5Mismatch", "The source's content does not match x-ms-source-content-md5."
        )


def is_base64(text: str) -> bool:
    """Return whether a text is base64, as the id of a block is."""
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return False
    return True
