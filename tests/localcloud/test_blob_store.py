"""Blobs on disk: one file for each content, none left over, and files that still grow."""

import pytest

from localcloud.planes.blob_reading import read_blob
from localcloud.store.blobs import BlobExistsError, BlobStore
from localcloud.store.database import Database


@pytest.fixture
def blobs(tmp_path):
    database = Database(tmp_path / "cloud.db")
    store = BlobStore(database, tmp_path / "blobs")
    store.ensure_container("acct", "con", now=1)
    yield store
    database.close()


def put(blobs, name, content=b"x", **options):
    return blobs.put("acct", "con", name, [content], now=2, **options)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / "blobs").rglob("*") if path.is_file())


def test_equal_contents_share_one_file(blobs, tmp_path) -> None:
    one, two = put(blobs, "a"), put(blobs, "b")
    assert (one.file, len(files(tmp_path))) == (two.file, 1)


def test_a_content_is_deleted_with_its_last_blob(blobs, tmp_path) -> None:
    put(blobs, "a")
    put(blobs, "b")
    blobs.delete("acct", "con", "a")
    assert len(files(tmp_path)) == 1
    put(blobs, "b", b"other")
    assert [blobs.get("acct", "con", "b").file.name] == files(tmp_path)
    blobs.delete_container("acct", "con")
    assert files(tmp_path) == []


def test_an_existing_blob_is_not_replaced_unless_wanted(blobs, tmp_path) -> None:
    put(blobs, "a", b"first")
    with pytest.raises(BlobExistsError):
        put(blobs, "a", b"second", only_if_absent=True)
    assert blobs.get("acct", "con", "a").file.read_bytes() == b"first"
    assert len(files(tmp_path)) == 1


def test_a_condition_is_judged_when_the_content_has_arrived(blobs) -> None:
    first = put(blobs, "a", b"first")

    def slow():
        put(blobs, "a", b"faster")
        yield b"slow"

    def allow(old):
        if old.etag != first.etag:
            raise BlobExistsError("a")

    with pytest.raises(BlobExistsError):
        blobs.put("acct", "con", "a", slow(), now=2, allow=allow)
    assert blobs.get("acct", "con", "a").file.read_bytes() == b"faster"


def test_a_failed_upload_leaves_nothing(blobs, tmp_path) -> None:
    def broken():
        yield b"some"
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        blobs.put("acct", "con", "a", broken(), now=2)
    assert (blobs.get("acct", "con", "a"), files(tmp_path)) == (None, [])


def test_a_live_blob_has_the_current_content_of_its_file(blobs, tmp_path) -> None:
    log = tmp_path / "log.txt"
    log.write_text("one")
    blobs.link("acct", "con", "log", log, now=2)
    before = blobs.get("acct", "con", "log")
    log.write_text("one two")
    after = blobs.get("acct", "con", "log")
    assert (before.size, after.size, after.live) == (3, 7, True)
    assert before.etag != after.etag
    blobs.put_file("acct", "con", "log", log, now=3)
    log.unlink()
    kept = blobs.get("acct", "con", "log")
    assert (kept.live, kept.file.read_text()) == (False, "one two")


def test_blocks_wait_until_they_are_committed(blobs, tmp_path) -> None:
    for block, content in (("MQ==", b"one"), ("Mg==", b"two")):
        blobs.put_block("acct", "con", "a", block, [content])
    assert blobs.block_sizes("acct", "con", "a") == {"MQ==": 3, "Mg==": 3}
    chunks = blobs.block_chunks("acct", "con", "a", ["Mg==", "MQ=="])
    blob = blobs.put("acct", "con", "a", chunks, now=2)
    blobs.forget_blocks("acct", "con", "a")
    assert blob.file.read_bytes() == b"twoone"
    assert files(tmp_path) == [blob.file.name]


@pytest.mark.parametrize(("prefix", "expected"), [("", 3), ("d/", 2), ("d/%", 0), ("_", 0)])
def test_prefixes_are_taken_literally(blobs, prefix, expected) -> None:
    for name in ("a", "d/1", "d/2"):
        put(blobs, name)
    assert len(blobs.listing("acct", "con", prefix)) == expected


def test_accounts_and_containers_share_nothing(blobs) -> None:
    put(blobs, "a")
    assert blobs.get("other", "con", "a") is None
    assert blobs.listing("acct", "con2") == []
    assert [c.name for c in blobs.containers("acct")] == ["con"]


def test_a_file_may_be_removed_while_it_is_read(blobs, tmp_path) -> None:
    file = tmp_path / "live.txt"
    file.write_text("one two")
    blobs.link("acct", "con", "log", file, now=2)
    reply = read_blob(blobs.get("acct", "con", "log"), "GET", {"range": "bytes=4-"})
    file.unlink()
    assert b"".join(reply.content) == b"two"
