"""What the URL of a vault's key means, and what it may not be."""

import pytest

from infra.contract.errors import UsageError
from infra.deploy.stack.vault_keys import parse_vault_key

VERSION = "0123456789abcdef" * 2
MEANT = {
    "azurekeyvault://ours.vault.azure.net/keys/state": (
        "https://ours.vault.azure.net/keys/state/encrypt",
        "https://vault.azure.net/.default",
    ),
    f"azurekeyvault://ours.vault.azure.net/keys/state/{VERSION}": (
        f"https://ours.vault.azure.net/keys/state/{VERSION}/encrypt",
        "https://vault.azure.net/.default",
    ),
    "azurekeyvault://ours.vault.azure.cn/keys/state?algorithm=RSA-OAEP-256": (
        "https://ours.vault.azure.cn/keys/state/encrypt",
        "https://vault.azure.cn/.default",
    ),
}


@pytest.mark.parametrize("url", MEANT)
def test_a_url_says_where_the_key_is_and_what_a_token_is_for(url):
    key = parse_vault_key(url)
    assert (key.url("encrypt"), key.scope) == MEANT[url]


def test_a_vault_of_the_local_cloud_is_below_its_address():
    key = parse_vault_key("azurekeyvault://127.0.0.1:49213/ours.vault/keys/state")
    assert key.local == "127.0.0.1:49213"
    assert key.url("decrypt") == "https://127.0.0.1:49213/ours.vault/keys/state/decrypt"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "azurekeyvault://ours.vault.azure.net/secrets/state",
        "azurekeyvault://ours.vault.azure.net/keys/state/newest",
        "azurekeyvault://ours.vault.azure.net/keys/state?algorithm=RSA1_5",
        "azurekeyvault://ours.vault.azure.net.example.org/keys/state",
        "azurekeyvault://example.org/ours.vault.azure.net/keys/state",
        "azurekeyvault://10.0.0.1:443/ours.vault/keys/state",
        "https://ours.vault.azure.net/keys/state",
        "gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k",
    ],
)
def test_a_token_goes_nowhere_else(url):
    with pytest.raises(UsageError, match="not a secrets provider that can be used here"):
        parse_vault_key(url)
