"""The blob plane over TLS with an unmodified azure-storage-blob."""

import hashlib
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.core import MatchConditions
from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.storage.blob import (
    BlobClient,
    BlobServiceClient,
    ContainerClient,
    ContentSettings,
    generate_blob_sas,
    generate_container_sas,
)

ACCOUNT = "blobtests"
SMALL = 1 << 16
HELLO_MD5 = hashlib.md5(b"hello", usedforsecurity=False).digest()


@pytest.fixture(scope="module")
def key(cloud) -> str:
    group = "/subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/blobs"
    assert cloud.arm("PUT", group, {"location": "westeurope"}).status_code == 201
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    assert cloud.arm("PUT", account, body).status_code < 300
    return cloud.arm("POST", f"{account}/listKeys").json()["keys"][0]["value"]


def service(cloud, key, url):
    return BlobServiceClient(
        url,
        credential={"account_name": ACCOUNT, "account_key": key},
        connection_verify=str(cloud.ca),
        max_single_put_size=SMALL,
        max_block_size=SMALL // 2,
        retry_total=0,
    )


@pytest.fixture
def container(cloud, key, request):
    """A new container, closed and deleted afterwards."""
    with service(cloud, key, f"{cloud.url}/{ACCOUNT}") as client:
        name = f"c-{abs(hash(request.node.name)):x}"
        container = client.create_container(name)
        yield container
        container.delete_container()


@pytest.fixture
def blob(container):
    client = container.get_blob_client("folder/ü & name.txt")
    client.upload_blob(b"hello", metadata={"upload_status": "completed", "version": "1"})
    return client


class Identity:
    """What azure-identity would give: a token of the cloud."""

    def __init__(self, cloud) -> None:
        self._token = cloud.token

    def get_token(self, *_scopes, **_options):
        return AccessToken(self._token, int(time.time()) + 600)


def by(cloud, credential):
    """Return the service as somebody with a credential reaches it."""
    url, ca = f"{cloud.url}/{ACCOUNT}", str(cloud.ca)
    return BlobServiceClient(url, credential=credential, connection_verify=ca, retry_total=0)


@pytest.fixture
def keyless(cloud, key):
    """Close the account to its keys, and open it again."""
    group = "/subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/blobs"
    account = f"{group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    for allowed in (False, True):
        body = {"properties": {"allowSharedKeyAccess": allowed}}
        assert cloud.arm("PATCH", account, body).is_success
        if not allowed:
            yield


def test_an_identity_reads_and_writes(cloud, blob) -> None:
    with by(cloud, Identity(cloud)) as client:
        found = client.get_blob_client(blob.container_name, blob.blob_name)
        assert found.download_blob().readall() == b"hello"
        client.get_blob_client(blob.container_name, "other").upload_blob(b"x")


def test_an_account_without_keys_takes_identities_and_what_they_sign(
    cloud, key, blob, keyless
) -> None:
    named = {"account_name": ACCOUNT, "container_name": blob.container_name}
    expiry = datetime.now(UTC) + timedelta(hours=1)
    signed = generate_container_sas(**named, account_key=key, permission="r", expiry=expiry)
    for refused in ({"account_name": ACCOUNT, "account_key": key}, signed):
        with by(cloud, refused) as client, pytest.raises(HttpResponseError) as said:
            client.get_blob_client(blob.container_name, blob.blob_name).download_blob()
        assert said.value.error_code == "KeyBasedAuthenticationNotPermitted"
    with by(cloud, Identity(cloud)) as client:
        own = client.get_user_delegation_key(datetime.now(UTC), expiry)
    delegated = generate_container_sas(
        **named, user_delegation_key=own, permission="r", expiry=expiry
    )
    with by(cloud, delegated) as client:
        found = client.get_blob_client(blob.container_name, blob.blob_name)
        assert found.download_blob().readall() == b"hello"
        with pytest.raises(HttpResponseError):
            client.get_blob_client(blob.container_name, "new").upload_blob(b"x")


def test_a_token_of_somebody_else_is_refused(cloud, key, blob) -> None:
    class Stranger:
        def get_token(self, *_scopes, **_options):
            return AccessToken("a.b.c", int(time.time()) + 600)

    with by(cloud, Stranger()) as client, pytest.raises(HttpResponseError) as said:
        client.get_blob_client(blob.container_name, blob.blob_name).download_blob()
    assert said.value.status_code == 401


def test_what_was_written_is_read(blob) -> None:
    assert blob.download_blob().readall() == b"hello"
    assert blob.download_blob(offset=1, length=3).readall() == b"ell"


def test_properties_and_metadata(blob) -> None:
    found = blob.get_blob_properties()
    assert (found.size, found.blob_type.value) == (5, "BlockBlob")
    assert found.metadata == {"upload_status": "completed", "version": "1"}
    blob.set_blob_metadata({"a": "b"})
    blob.set_http_headers(ContentSettings(content_type="text/x-log"))
    changed = blob.get_blob_properties()
    assert (changed.metadata, changed.content_settings.content_type) == ({"a": "b"}, "text/x-log")
    assert changed.etag != found.etag


def test_a_second_upload_does_not_overwrite(blob) -> None:
    with pytest.raises(ResourceExistsError) as refused:
        blob.upload_blob(b"other")
    assert refused.value.error_code == "BlobAlreadyExists"
    blob.upload_blob(b"other", overwrite=True)
    assert blob.download_blob().readall() == b"other"


def test_a_large_blob_goes_up_in_blocks(container) -> None:
    content = os.urandom(SMALL * 3 + 17)
    client = container.upload_blob("large", content)
    assert client.download_blob().readall() == content
    committed, waiting = client.get_block_list("all")
    assert (committed, waiting) == ([], [])


def test_an_empty_blob(container) -> None:
    assert container.upload_blob("empty", b"").download_blob().readall() == b""


def test_listing(container) -> None:
    for name in ("a", "d/1", "d/2"):
        container.upload_blob(name, b"x", metadata={"n": "v"})
    assert [b.name for b in container.list_blobs()] == ["a", "d/1", "d/2"]
    assert [b.name for b in container.list_blobs(name_starts_with="d/")] == ["d/1", "d/2"]
    assert {b.name for b in container.walk_blobs()} == {"a", "d/"}
    assert [b.metadata for b in container.list_blobs(include=["metadata"])] == [{"n": "v"}] * 3
    pages = container.list_blobs(results_per_page=2).by_page()
    assert [len(list(page)) for page in pages] == [2, 1]


def test_a_name_may_have_a_newline(container) -> None:
    blob = container.upload_blob("two\nlines.txt", b"x")
    assert blob.download_blob().readall() == b"x"
    assert [each.name for each in container.list_blobs()] == ["two\nlines.txt"]


def test_a_name_that_xml_cannot_hold_is_listed(container) -> None:
    container.upload_blob("odd/\x01\ufffe%", b"x")
    assert [each.name for each in container.list_blobs("odd/")] == ["odd/\x01\ufffe%"]
    container.delete_blob("odd/\x01\ufffe%")


def test_deleting_a_blob_twice_is_not_found(container, blob) -> None:
    blob.delete_blob()
    assert not blob.exists()
    with pytest.raises(ResourceNotFoundError) as refused:
        blob.delete_blob()
    assert refused.value.error_code == "BlobNotFound"


def test_a_copy_from_a_url(container, blob) -> None:
    copied = container.get_blob_client("copy")
    assert copied.start_copy_from_url(blob.url)["copy_status"] == "success"
    assert copied.download_blob().readall() == b"hello"


@pytest.fixture
def readable(container, blob, key):
    """The URL of the blob, signed for reading."""
    sas = generate_blob_sas(
        ACCOUNT, container.container_name, blob.blob_name, account_key=key,
        permission="r", expiry=datetime.now(UTC) + timedelta(hours=1),
    )  # fmt: skip
    return f"{blob.url}?{sas}"


def test_a_blob_from_a_url_is_a_copy(container, blob, readable) -> None:
    copied = container.get_blob_client("copy")
    answered = copied.upload_blob_from_url(readable, overwrite=False)
    assert answered["etag"] == copied.get_blob_properties().etag
    assert copied.download_blob().readall() == b"hello"
    assert copied.get_blob_properties().metadata == {"upload_status": "completed", "version": "1"}
    with pytest.raises(ResourceExistsError):
        copied.upload_blob_from_url(readable, overwrite=False)


@pytest.mark.parametrize("copy", ["upload_blob_from_url", "start_copy_from_url"])
def test_a_source_that_has_changed_is_not_copied(container, blob, readable, copy) -> None:
    etag = blob.get_blob_properties().etag
    expected = {"source_etag": etag, "source_match_condition": MatchConditions.IfNotModified}
    act = getattr(container.get_blob_client("copy"), copy)
    act(readable, **expected)
    blob.upload_blob(b"other", overwrite=True)
    with pytest.raises(HttpResponseError) as refused:
        act(readable, **expected)
    assert refused.value.error_code == "SourceConditionNotMet"


def test_a_source_with_another_hash_is_not_copied(container, readable) -> None:
    copied = container.get_blob_client("copy")
    copied.upload_blob_from_url(readable, source_content_md5=HELLO_MD5)
    with pytest.raises(HttpResponseError) as refused:
        copied.upload_blob_from_url(readable, source_content_md5=b"0" * 16)
    assert refused.value.error_code == "Md5Mismatch"


def test_a_copy_keeps_the_type_and_the_content_of_its_source(container) -> None:
    source, copied = (container.get_blob_client(name) for name in ("a.json", "b.json"))
    kind = ContentSettings(content_type="application/json")
    source.upload_blob(b"{}", content_settings=kind)
    copied.start_copy_from_url(source.url)
    source.upload_blob(b"[1]", overwrite=True)
    source.delete_blob()
    assert copied.get_blob_properties().content_settings.content_type == "application/json"
    assert copied.download_blob().readall() == b"{}"
    copied.upload_blob(b"other", overwrite=True)
    assert copied.download_blob().readall() == b"other"


def test_a_blob_that_is_copied_onto_itself_stays(container, blob) -> None:
    blob.start_copy_from_url(blob.url)
    assert blob.download_blob().readall() == b"hello"


def test_a_blob_from_a_url_needs_a_signed_one(container, blob) -> None:
    with pytest.raises(HttpResponseError) as refused:
        container.get_blob_client("copy").upload_blob_from_url(blob.url)
    assert refused.value.error_code == "CannotVerifyCopySource"


def test_a_blob_from_the_url_of_none_is_not_found(container, blob, readable) -> None:
    blob.delete_blob()
    with pytest.raises(ResourceNotFoundError):
        container.get_blob_client("copy").upload_blob_from_url(readable)


def test_a_container_that_does_not_exist(cloud, key) -> None:
    with service(cloud, key, f"{cloud.url}/{ACCOUNT}") as client:
        missing = client.get_container_client("missing")
        assert not missing.exists()
        with pytest.raises(ResourceNotFoundError) as refused:
            missing.upload_blob("a", b"x")
    assert refused.value.error_code == "ContainerNotFound"


def test_containers_are_listed(cloud, key, container) -> None:
    with service(cloud, key, f"{cloud.url}/{ACCOUNT}") as client:
        assert container.container_name in [each.name for each in client.list_containers()]


def test_the_url_that_clients_compose_from_a_datastore(cloud, key, container, blob) -> None:
    host = cloud.url.replace("127.0.0.1", "localhost")
    url = f"{host}/{ACCOUNT}.blob.core.windows.net"
    with service(cloud, key, url) as client:
        found = client.get_blob_client(container.container_name, blob.blob_name)
        assert found.download_blob().readall() == b"hello"


def sas(container, key, permission):
    return generate_container_sas(
        ACCOUNT,
        container.container_name,
        account_key=key,
        permission=permission,
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def test_a_signature_gives_access_to_its_container(cloud, key, container, blob) -> None:
    url = f"{container.url}?{sas(container, key, 'rl')}"
    with ContainerClient.from_container_url(url, connection_verify=str(cloud.ca)) as client:
        assert [b.name for b in client.list_blobs()] == [blob.blob_name]
        with pytest.raises(HttpResponseError) as refused:
            client.upload_blob("new", b"x")
    assert (refused.value.status_code, refused.value.error_code) == (
        403,
        "AuthorizationPermissionMismatch",
    )


def test_a_signature_for_one_blob(cloud, key, container, blob) -> None:
    token = generate_blob_sas(
        ACCOUNT,
        container.container_name,
        blob.blob_name,
        account_key=key,
        permission="r",
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    url = f"{blob.url}?{token}"
    with BlobClient.from_blob_url(url, connection_verify=str(cloud.ca)) as client:
        assert client.download_blob().readall() == b"hello"


def test_a_wrong_key_and_no_key_are_refused(cloud, container, blob) -> None:
    wrong = "d3Jvbmc="
    with (
        service(cloud, wrong, f"{cloud.url}/{ACCOUNT}") as client,
        pytest.raises(HttpResponseError) as refused,
    ):
        list(client.get_container_client(container.container_name).list_blobs())
    assert (refused.value.status_code, refused.value.error_code) == (403, "AuthenticationFailed")
    assert cloud.http.get(blob.url, headers={"authorization": ""}).status_code == 401


def test_metadata_keeps_the_case_of_its_names(container) -> None:
    blob = container.get_blob_client("named.txt")
    blob.upload_blob(b"x", metadata={"Upload_Status": "completed", "hdi_isFolder": "true"})
    assert blob.get_blob_properties().metadata == {
        "Upload_Status": "completed", "hdi_isFolder": "true",
    }  # fmt: skip
    blob.set_blob_metadata({"FileName": "A"})
    assert blob.get_blob_properties().metadata == {"FileName": "A"}
    assert [each.metadata for each in container.list_blobs(include="metadata")] == [
        {"FileName": "A"}
    ]


def test_container_metadata_keeps_the_case_of_its_names(cloud, key) -> None:
    with service(cloud, key, f"{cloud.url}/{ACCOUNT}") as client:
        made = client.create_container("owned", metadata={"Owner": "Ann"})
        assert made.get_container_properties().metadata == {"Owner": "Ann"}
        listed = client.list_containers(name_starts_with="owned", include_metadata=True)
        assert [each.metadata for each in listed] == [{"Owner": "Ann"}]
        made.delete_container()


def test_a_copy_has_the_metadata_of_its_source_with_its_case(container) -> None:
    source = container.get_blob_client("source.txt")
    source.upload_blob(b"x", metadata={"GitCommit": "abc"})
    copy = container.get_blob_client("copy.txt")
    copy.start_copy_from_url(source.url)
    assert copy.get_blob_properties().metadata == {"GitCommit": "abc"}


def test_blocks_are_committed_with_metadata_that_keeps_its_case(container) -> None:
    blob = container.get_blob_client("blocks.bin")
    blob.upload_blob(b"x" * (3 * SMALL), metadata={"CamelCase": "yes"})
    assert blob.get_blob_properties().metadata == {"CamelCase": "yes"}


def test_metadata_names_are_identifiers(container) -> None:
    blob = container.get_blob_client("odd.txt")
    with pytest.raises(HttpResponseError) as refused:
        blob.upload_blob(b"x", metadata={"1st-name": "x"})
    assert (refused.value.status_code, refused.value.error_code) == (400, "InvalidMetadata")
