"""Credentials of a blob container that cannot be used are refused before anything is sent."""

import pytest

from infra.contract.errors import CredentialError
from infra.engine.state.address import blob_address
from infra.engine.state.azblob import open_container

KEY = {"AZURE_STORAGE_KEY": "a2V5"}
EMULATOR = "azblob://states?storage_account=a&protocol=http&domain=127.0.0.1:1"


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({}, "tokens are not sent over http"),
        ({"AZURE_STORAGE_KEY": "not-base64"}, "AZURE_STORAGE_KEY is not the key"),
        ({"AZURE_STORAGE_KEY": "odd=="}, "AZURE_STORAGE_KEY is not the key"),
    ],
)
def test_credentials_that_cannot_be_used_are_refused(environment, problem):
    with pytest.raises(CredentialError, match=problem):
        open_container(blob_address(EMULATOR, environment), environment)


@pytest.mark.parametrize("query", ["domain=127.0.0.1:1", "domain=cdn.example&cdn=true"])
def test_a_key_is_of_the_account_whatever_its_domain(query):
    address = blob_address(f"azblob://states?storage_account=a&{query}", KEY)
    assert open_container(address, KEY)
