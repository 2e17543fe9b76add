"""Keys of key vaults, through unmodified azure-keyvault-keys."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.timeout(300)]

PROGRAMS = {"vault_keys": ("azure-keyvault-keys==4.11.0", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("vault_keys")


OBSERVED = {
    "key": ["state", "RSA", 2048, {"team": "ml"}],
    "unwrapped": True,
    "decrypted": True,
    "which": [True, True],
    "encrypted here": True,
    "versions": 2,
    "names": ["state"],
    "newest": [True, True],
    "disabled": [False, ["HttpResponseError", 403, "Forbidden"]],
    "by another version": ["HttpResponseError", 400, "BadParameter"],
    "deleted": "state",
    "gone": ["ResourceNotFoundError", 404, "KeyNotFound"],
}


@pytest.mark.parametrize("what", OBSERVED)
def test_the_client_sees(observed, what):
    assert observed[what] == OBSERVED[what]
