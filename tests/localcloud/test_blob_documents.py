"""Listings: pages, prefixes, and the XML they become."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from localcloud.planes.blob_documents import blob_listing, error_document, page_of, read_block_list
from localcloud.planes.blob_reading import BlobRefusedError, byte_range
from localcloud.store.blobs import Blob

NAMES = ("a", "d/1", "d/2", "e/x/1", "z")


def blob(name):
    return Blob("acct", "con", name, 3, {}, {}, '"0x1"', 0.0, 0.0, Path())


def listed(prefix="", delimiter="", marker="", limit=100):
    found = [blob(name) for name in NAMES if name.startswith(prefix)]
    page = page_of(found, prefix=prefix, delimiter=delimiter, marker=marker, limit=limit)
    return [b.name for b in page.blobs], list(page.prefixes), page.next_marker


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, (list(NAMES), [], "")),
        ({"prefix": "d/"}, (["d/1", "d/2"], [], "")),
        ({"delimiter": "/"}, (["a", "z"], ["d/", "e/"], "")),
        ({"prefix": "e/", "delimiter": "/"}, ([], ["e/x/"], "")),
        ({"limit": 2}, (["a", "d/1"], [], "d/2")),
        ({"limit": 2, "marker": "d/2"}, (["d/2", "e/x/1"], [], "z")),
        ({"delimiter": "/", "limit": 2}, (["a"], ["d/"], "e/")),
        ({"delimiter": "/", "limit": 2, "marker": "e/"}, (["z"], ["e/"], "")),
    ],
)
def test_pages(asked, expected) -> None:
    assert listed(**asked) == expected


def test_names_are_escaped() -> None:
    page = page_of([blob("a&<b>")], prefix="", delimiter="", marker="", limit=9)
    text = blob_listing(page, endpoint="https://h", container="con", asked={}, with_metadata=False)
    assert ET.fromstring(text).findtext("Blobs/Blob/Name") == "a&<b>"  # noqa: S314 - our own


def test_an_error_is_xml_with_code_and_message() -> None:
    document = ET.fromstring(error_document("BlobNotFound", "a < b"))  # noqa: S314 - our own
    assert (document.findtext("Code"), document.findtext("Message")) == ("BlobNotFound", "a < b")


def test_a_block_list_keeps_its_order() -> None:
    body = b"<BlockList><Latest>Mg==</Latest><Uncommitted>MQ==</Uncommitted></BlockList>"
    assert read_block_list(body) == ["Mg==", "MQ=="]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", None),
        ("bytes=0-", (0, 10)),
        ("bytes=2-3", (2, 2)),
        ("bytes=8-99", (8, 2)),
        ("bytes=-4", (6, 4)),
        ("chunks=1", None),
    ],
)
def test_ranges(asked, expected) -> None:
    assert byte_range(asked, 10) == expected


@pytest.mark.parametrize(("asked", "size"), [("bytes=10-", 10), ("bytes=0-5", 0)])
def test_a_range_beyond_the_end_is_refused(asked, size) -> None:
    with pytest.raises(BlobRefusedError) as refused:
        byte_range(asked, size)
    assert refused.value.status == 416
