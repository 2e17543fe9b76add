import pytest

from infra.contract.errors import UsageError
from infra.engine.state.address import blob_address


@pytest.mark.parametrize("where", ["s3://b", "gs://b", "https://api.pulumi.com"])
def test_a_backend_of_the_cli_alone_is_refused_by_name(where):
    with pytest.raises(UsageError) as caught:
        blob_address(where, {})
    assert where in caught.value.detail
    assert "one of the Pulumi CLI's backends" in caught.value.detail
    assert "--engine pulumi" in caught.value.remedy


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("azblob://states", "storage account"),
        ("azblob://s?storage_account=a", "container"),
        ("azblob://Under_score?storage_account=a", "container"),
        ("azblob://states?account=a", "unknown parameters: account"),
        ("azblobs://states", "known"),
        ("azblob://states?storage_account=a&protocol=ftp", "protocol='ftp'"),
        ("azblob://states?storage_account=a&localemu=yes", "localemu='yes'"),
        ("azblob://states?storage_account=a&cdn=maybe", "cdn='maybe'"),
    ],
)
def test_a_container_that_cannot_be_is_refused(where, problem):
    with pytest.raises(UsageError, match=problem):
        blob_address(where, {})


@pytest.mark.parametrize("where", ["state", "/srv/state", "file://~", "file://./state"])
def test_a_folder_is_no_container(where):
    assert blob_address(where, {}) is None


@pytest.mark.parametrize(
    ("where", "service", "prefix"),
    [
        ("azblob://states?storage_account=a", "https://a.blob.core.windows.net", ""),
        ("azblob://states/team/x?storage_account=a", "https://a.blob.core.windows.net", "team/x/"),
        (
            "azblob://states?storage_account=a&protocol=http&domain=127.0.0.1:1&localemu=true",
            "http://127.0.0.1:1/a",
            "",
        ),
        ("azblob://states?storage_account=a&domain=b.usgov", "https://a.b.usgov", ""),
        ("azblob://states?storage_account=a&domain=localhost:1", "https://localhost:1/a", ""),
        ("azblob://states?storage_account=a&domain=cdn.net&cdn=true", "https://cdn.net", ""),
    ],
)
def test_a_container_is_found_as_the_cli_finds_it(where, service, prefix):
    address = blob_address(where, {})
    assert (address.service, address.prefix, address.container) == (service, prefix, "states")


def test_the_account_may_come_from_its_variable():
    address = blob_address("azblob://states", {"AZURE_STORAGE_ACCOUNT": "other"})
    assert address.account == "other"
