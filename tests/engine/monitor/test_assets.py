"""Hashes of assets and archives. Those here are what the Pulumi CLI's own Go library returns."""

import hashlib
import tarfile
import zipfile

import pytest

from infra.contract.errors import UsageError
from infra.engine.model.paths import differences
from infra.engine.model.values import ARCHIVE, ASSET, SIGNATURE, Secret, same
from infra.engine.monitor.assets import with_hashes

LONG = f"{'d' * 60}/{'e' * 60}/{'f' * 70}"
LONGER = "g" * 130
FILES = {
    "a.txt": "hello",
    "a.d/z": "q",
    "sub/b.txt": "world",
    "sub/é.txt": "é",
    "sub/.pulumi/skipped": "x",
    LONG: "long",
    LONGER: "longer",
}


def asset(**fields):
    return {SIGNATURE: ASSET, **fields}


def archive(**fields):
    return {SIGNATURE: ARCHIVE, **fields}


@pytest.fixture
def folder(tmp_path):
    for name, text in FILES.items():
        file = tmp_path / "files" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "files/sub/link").symlink_to("../a.txt")
    (tmp_path / "files/folder").symlink_to("sub")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        packed.writestr("in/a.txt", "aa")
        packed.writestr("./b.txt", "bb")
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "files/a.d", "a.d")
    return tmp_path


def hash_of(value, folder):
    return with_hashes({"key": value}, folder)["key"]["hash"]


HI = asset(text="hi")
SUB = archive(path="files/sub")
PACKED = {"z": archive(path="packed.zip"), "t": archive(path="packed.tar.gz")}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (asset(text="hello"), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
        (asset(text=""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (
            asset(path="files/a.txt"),
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        ),
        (archive(path="files"), "8285b94db09b0dc08844553fb5c54d124ce9bf205c9242a83f54fd24c0a19877"),
        (archive(assets={}), "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
        (
            archive(assets={"b/x": HI, "a": SUB, "Ü": HI, **PACKED}),
            "aa583035a8dba0bbbfb0fd66541a25f6e3ab12ad7ab63f591d8f037e9308ef60",
        ),
        (asset(path="nowhere", hash="known"), "known"),
    ],
    ids=["text", "empty", "file", "folder", "nothing", "many", "known"],
)
def test_contents_have_the_hash_that_the_cli_has(folder, value, expected):
    assert hash_of(value, folder) == expected


def test_an_archive_that_is_a_file_has_the_hash_of_the_file(folder):
    data = (folder / "packed.zip").read_bytes()
    for value in (archive(path="packed.zip"), archive(uri=f"file://{folder}/packed.zip")):
        assert hash_of(value, folder) == hashlib.sha256(data).hexdigest()


def test_they_are_found_anywhere(folder):
    found = with_hashes({"a": [{"b": Secret({"c": asset(text="hello")})}], "d": 1}, folder)
    assert found["a"][0]["b"].value["c"]["hash"].startswith("2cf24")
    assert found["d"] == 1


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (asset(path="nowhere"), "asset at 'key' cannot be read: No such file"),
        (asset(path="files"), "is a folder; use an archive"),
        (archive(path="files/a.txt"), "files/a.txt is neither a folder nor one of .tar"),
        (archive(assets={"x": asset(path="nowhere")}), "archive at 'key' cannot be read"),
        (asset(uri="ftp://host/x"), "ftp://host/x: it is no http, https or file URI"),
        (asset(uri="http://127.0.0.1:1/x"), "cannot be read: "),
    ],
)
def test_what_cannot_be_read_is_refused(folder, value, why):
    with pytest.raises(UsageError, match=why):
        with_hashes({"key": value}, folder)


def test_only_the_hash_tells_whether_contents_changed(folder):
    one, moved = asset(path="a", hash="1"), asset(path="b", hash="1")
    other = asset(path="a", hash="2")
    assert same([one], [moved])
    assert differences({"x": one}, {"x": moved}) == {}
    assert not same(one, other)
    assert same(one, asset(path="a"))  # one of a plugin that keeps no hash
    assert not same(one, asset(path="b"))
    assert differences({"x": one}, {"x": other}) == {"x": "update"}
