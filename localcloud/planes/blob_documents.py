"""The XML documents of the blob service: errors, listings, block lists. Nothing is looked up."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from infra.catalogue.api_versions import BLOB_SERVICE
from localcloud.calls.times import http_date
from localcloud.store.blobs import Blob, Container

_HEAD: Final = '<?xml version="1.0" encoding="utf-8"?>'
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HEADER_NAMES: Final[Mapping[str, str]] = {
    "content-type": "Content-Type",
    "content-encoding": "Content-Encoding",
    "content-language": "Content-Language",
    "content-md5": "Content-MD5",
    "cache-control": "Cache-Control",
    "content-disposition": "Content-Disposition",
}
SERVICE_PROPERTIES: Final = (
    f"{_HEAD}<StorageServiceProperties><DefaultServiceVersion>{BLOB_SERVICE}</DefaultServiceVersion>"
    "</StorageServiceProperties>"
)
BLOB_TYPE: Final = "x-ms-blob-type"
_FIXED_PROPERTIES: Final = (
    "<AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred>"
    "<ServerEncrypted>true</ServerEncrypted>"
)
_UNLEASED: Final = "<LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
_LEASED: Final = "<LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState>"
NO_POLICIES: Final = f"{_HEAD}<SignedIdentifiers />"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: blobs and, with a delimiter, their common prefixes."""

    blobs: tuple[Blob, ...] = ()
    prefixes: tuple[str, ...] = ()
    next_marker: str = ""

    def below(self, above: str) -> "Page":
        """Return the page with every name below a folder, ``above``, which ends with a slash."""
        return Page(
            tuple(replace(blob, name=f"{above}{blob.name}") for blob in self.blobs),
            tuple(f"{above}{prefix}" for prefix in self.prefixes),
            f"{above}{self.next_marker}" if self.next_marker else "",
        )


def page_of(blobs: Sequence[Blob], *, prefix: str, delimiter: str, marker: str, limit: int) -> Page:
    """Return the page that begins at ``marker``; ``blobs`` are sorted and start with ``prefix``."""
    found: list[Blob] = []
    prefixes: list[str] = []
    for blob in blobs:
        head, cut, _ = blob.name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        shared = prefix + head + cut if cut else ""
        entry = shared or blob.name
        if entry < marker or (shared and prefixes and prefixes[-1] == shared):
            continue
        if len(found) + len(prefixes) == limit:
            return Page(tuple(found), tuple(prefixes), entry)
        if shared:
            prefixes.append(shared)
        else:
            found.append(blob)
    return Page(tuple(found), tuple(prefixes))


def error_document(code: str, message: str) -> str:
    """Return the body of an error response."""
    text = escape(_NOT_XML.sub("?", message))
    return f"{_HEAD}<Error><Code>{code}</Code><Message>{text}</Message></Error>"


def blob_listing(
    page: Page,
    *,
    endpoint: str,
    container: str,
    asked: Mapping[str, str],
    with_metadata: bool,
    leased: frozenset[str] = frozenset(),
) -> str:
    """Return ``EnumerationResults`` of a container; ``asked`` is the request's query.

    ``leased`` has the names of the blobs that are leased.
    """
    parts = [
        _HEAD,
        f'<EnumerationResults ServiceEndpoint="{escape(endpoint)}" ContainerName="{container}">',
        *(_element(name.capitalize() if name != "maxresults" else "MaxResults", asked[name])
          for name in ("prefix", "marker", "maxresults", "delimiter") if asked.get(name)),
        "<Blobs>",
        *(_blob(blob, leased=blob.name in leased, with_metadata=with_metadata)
          for blob in page.blobs),
        *(f"<BlobPrefix>{_element('Name', name)}</BlobPrefix>" for name in page.prefixes),
        "</Blobs>",
        _element("NextMarker", page.next_marker),
        "</EnumerationResults>",
    ]  # fmt: skip
    return "".join(parts)


def container_listing(
    containers: Iterable[Container], *, endpoint: str, prefix: str, with_metadata: bool
) -> str:
    """Return ``EnumerationResults`` of an account."""
    parts = [
        f'{_HEAD}<EnumerationResults ServiceEndpoint="{escape(endpoint)}">',
        _element("Prefix", prefix),
        "<Containers>",
    ]
    for container in containers:
        modified = _element("Last-Modified", http_date(container.created))
        etag = _element("Etag", f'"0x{int(container.created * 1e6):X}"')
        parts.append(
            f"<Container>{_element('Name', container.name)}"
            f"<Properties>{modified}{etag}{_UNLEASED}</Properties>"
            f"{_metadata(container.metadata) if with_metadata else ''}</Container>"
        )
    return "".join([*parts, "</Containers><NextMarker /></EnumerationResults>"])


def block_listing(sizes: Mapping[str, int], kind: str) -> str:
    """Return the uncommitted blocks. No blocks are kept after a commit."""
    blocks = "".join(
        f"<Block>{_element('Name', name)}{_element('Size', str(size))}</Block>"
        for name, size in sizes.items()
    )
    waiting = f"<UncommittedBlocks>{blocks}</UncommittedBlocks>" if kind != "committed" else ""
    committed = "<CommittedBlocks />" if kind != "uncommitted" else ""
    return f"{_HEAD}<BlockList>{committed}{waiting}</BlockList>"


def read_block_list(body: bytes) -> list[str]:
    """Return the block ids to commit, in order. Raises ``ValueError`` for an invalid body."""
    return [(item.text or "").strip() for item in _parsed(body)]


def read_key_times(body: bytes) -> tuple[str, str]:
    """Return from when to when a user delegation key is wanted. Raises ``ValueError``."""
    root = _parsed(body)
    start, expiry = ((root.findtext(name) or "").strip() for name in ("Start", "Expiry"))
    for text in (start, expiry):
        datetime.fromisoformat(text)
    return start, expiry


def key_document(values: Mapping[str, str]) -> str:
    """Return the document of a user delegation key."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())
    return f"{_HEAD}<UserDelegationKey>{inner}</UserDelegationKey>"


def _parsed(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - expat expands no external entity
    except ET.ParseError as error:
        raise ValueError(str(error)) from error


def blob_type(blob: Blob) -> str:
    """Return what kind of blob it is, as the service names it."""
    return blob.headers.get(BLOB_TYPE, "BlockBlob")


def _blob(blob: Blob, *, leased: bool, with_metadata: bool) -> str:
    properties = [
        _element("Creation-Time", http_date(blob.created)),
        _element("Last-Modified", http_date(blob.modified)),
        _element("Etag", blob.etag.strip('"')),
        _element("Content-Length", str(blob.size)),
        *(_element(HEADER_NAMES[name], blob.headers[name])
          for name in HEADER_NAMES if blob.headers.get(name)),
        f"<BlobType>{blob_type(blob)}</BlobType>",
        _FIXED_PROPERTIES,
        _LEASED if leased else _UNLEASED,
    ]  # fmt: skip
    metadata = _metadata(blob.metadata) if with_metadata else ""
    return (
        f"<Blob>{_element('Name', blob.name)}<Properties>{''.join(properties)}</Properties>"
        f"{metadata}</Blob>"
    )


def _metadata(metadata: Mapping[str, str]) -> str:
    return f"<Metadata>{''.join(_element(k, v) for k, v in metadata.items())}</Metadata>"


def _element(name: str, text: str) -> str:
    if _NOT_XML.search(text):  # as the service does since 2020-10-02
        return f'<{name} Encoded="true">{quote(text)}</{name}>'
    return f"<{name}>{escape(text)}</{name}>"
