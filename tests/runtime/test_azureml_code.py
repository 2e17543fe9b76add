"""Uploading a snapshot to a workspace sends what is new, whatever happened to earlier uploads."""

import gzip
import hashlib
import json
from itertools import count

import pytest
from azure.storage.blob import ContainerClient

from infra.arm.client import local_client
from infra.catalogue.api_versions import MACHINE_LEARNING
from runtime.targets.azureml_code import (
    MANIFESTS,
    Content,
    manifest_name,
    read_manifest,
    upload,
)
from tests.localcloud.harness import SUB, connect, make_workspace
from tests.runtime.byte_counter import counting

GROUP = f"{SUB}/resourceGroups/uploads"
KIB = 1024
NAMES = count()


@pytest.fixture
def workspace(aml_home, local_cloud):
    with connect(aml_home) as cloud:
        return make_workspace(cloud.arm, GROUP, f"upload{next(NAMES)}")


@pytest.fixture
def container(aml_home, workspace):
    """Return an empty container, and the counter of the bytes that are sent to it."""
    client = local_client(aml_home)
    pending = client.send(
        "POST",
        f"{workspace}/codes/c/versions/1/startPendingUpload",
        api_version=MACHINE_LEARNING,
        body={"pendingUploadType": "TemporaryBlobReference"},
    )
    sas = pending.document["blobReferenceForConsumption"]["credential"]["sasUri"]
    with (
        counting(sas) as counter,
        ContainerClient.from_container_url(
            counter.url(sas), connection_verify=str(client.endpoint.ca), proxies={}
        ) as opened,
    ):
        yield opened, counter
    client.close()


@pytest.fixture
def owner(aml_home, container):
    """Return the container as the owner of the account: an upload's signature cannot delete."""
    url = container[0].url.partition("?")[0]
    account = url.split("/")[3]
    with connect(aml_home) as cloud:
        path = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/{account}/listKeys"
        key = cloud.arm("POST", path).json()["keys"][0]["value"]
        credential = {"account_name": account, "account_key": key}
        with ContainerClient.from_container_url(
            url, credential, connection_verify=str(cloud.ca), proxies={}
        ) as opened:
            yield opened


def content(data):
    return Content(hashlib.sha256(data).hexdigest(), len(data), data)


def tree(files=120, size=20 * KIB, **changed):
    """Return files of different content, some of them changed."""
    made = {f"d{n % 7}/f{n}": n.to_bytes(4, "big") * (size // 4) for n in range(files)}
    return {path: content(data) for path, data in (made | changed | {"empty": b""}).items()}


def put(container, folder, files, *, group="exp", now=1_000_000.0):
    return upload(container, folder, files, group=group, now=lambda: now)


def contents(container, folder):
    names = [blob.name for blob in container.list_blobs(name_starts_with=f"{folder}/")]
    return {
        name.removeprefix(f"{folder}/"): content(container.download_blob(name).readall()).sha256
        for name in names
    }


def hashes(files):
    return {path: each.sha256 for path, each in files.items()}


def test_one_changed_file_is_sent_and_the_others_are_copied_there(container):
    client, counter = container
    first = tree()
    assert len(put(client, "one", first).sent) == 121
    assert counter.sent > 120 * 20 * KIB
    before = counter.sent
    second = tree(**{"d0/f0": b"x" * 20 * KIB})
    done = put(client, "two", second)
    assert done.sent == ["d0/f0"]
    assert len(done.copied) == 120
    # One file, the manifest, and the requests to copy the others.
    assert counter.sent - before < 20 * KIB + 120 * 3 * KIB
    assert contents(client, "two") == hashes(second)


def test_an_interrupted_upload_continues(container, tmp_path):
    client, counter = container
    files = tree()
    missing = Content("0" * 64, 5, tmp_path / "missing")
    some = dict(list(files.items())[:60])
    with pytest.raises(FileNotFoundError):
        put(client, "one", {**some, "missing": missing})
    assert contents(client, "one") == hashes(some)
    before = counter.sent
    done = put(client, "one", files)
    assert (len(done.present), len(done.sent)) == (60, 61)
    assert counter.sent - before < 61 * 24 * KIB
    assert contents(client, "one") == hashes(files)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda c, m: c.delete_blob(m), id="deleted"),
        pytest.param(lambda c, m: c.upload_blob(m, b"not gzip", overwrite=True), id="foreign"),
        pytest.param(
            lambda c, m: c.upload_blob(m, gzip.compress(b'{"version": 2}'), overwrite=True),
            id="of a later release",
        ),
        pytest.param(
            lambda c, _: [c.delete_blob(b.name) for b in c.list_blobs("one/")],
            id="its folder is gone",
        ),
    ],
)
def test_without_a_usable_manifest_everything_is_sent(container, owner, damage):
    client, _ = container
    files = tree(5)
    put(client, "one", files)
    damage(owner, manifest_name("one", "exp", 1_000_000.0))
    assert len(put(client, "two", files).sent) == 6
    assert contents(client, "two") == hashes(files)


def test_a_blob_that_was_overwritten_is_not_copied(container):
    client, _ = container
    files = tree(5)
    put(client, "one", files)
    client.upload_blob("one/d0/f0", b"y" * 20 * KIB, overwrite=True)
    assert put(client, "two", files).sent == ["d0/f0"]
    assert contents(client, "two") == hashes(files)


def test_a_folder_that_has_something_else_is_corrected(container):
    client, _ = container
    client.upload_blob("one/d0/f0", b"other")
    files = tree(3)
    put(client, "one", files)
    assert contents(client, "one") == hashes(files)


def test_the_newest_manifest_of_the_experiment_is_read_first(container):
    client, _ = container
    mine, theirs = tree(3), tree(3, **{"d0/f0": b"theirs"})
    put(client, "mine", mine, group="mine", now=1_000.0)
    put(client, "theirs", theirs, group="their experiment", now=2_000.0)
    names = [blob.name for blob in client.list_blobs(name_starts_with=MANIFESTS)]
    assert ["their-experiment" in name for name in names] == [True, False]
    done = put(client, "again", {**mine, "d0/f0": theirs["d0/f0"]}, group="mine", now=3_000.0)
    assert done.sent == []
    assert len(done.copied) == 4


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"{}",
        b'{"version": 1}',
        b'{"version": 1, "folder": "f", "files": {"a": 1}}',
        b'{"version": 1, "folder": "f", "files": {"a": ["s", "x", "e"]}}',
    ],
)
def test_a_manifest_that_means_nothing_has_no_blobs(document):
    assert read_manifest(gzip.compress(document)) == {}
    assert read_manifest(document) == {}


def test_a_manifest_says_what_a_folder_has():
    files = {"a/b.py": ["s" * 64, 3, '"e"']}
    document = json.dumps({"version": 1, "folder": "f", "files": files}).encode()
    (blob,) = read_manifest(gzip.compress(document)).values()
    assert (blob.name, blob.size, blob.etag) == ("f/a/b.py", 3, '"e"')
