"""Keys and secrets of key vaults, through unmodified azure-keyvault-keys and -secrets."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.timeout(300)]

PACKAGES = (
    "azure-keyvault-keys==4.11.0", "azure-keyvault-secrets==4.10.0", "azure-identity==1.27.0",
)  # fmt: skip
PROGRAMS = {"vault_keys": PACKAGES, "vault_secrets": PACKAGES}
KEYS = {
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


SECRETS = {
    "made": ["password", "one", "text/plain", {"team": "ml"}],
    "newest": ["two", "two", True],
    "names": ["password"],
    "versions": 1,
    "changed": {"team": "data"},
    "deleted": "password",
    "gone": ["ResourceNotFoundError", 404, "SecretNotFound"],
}


@pytest.mark.parametrize("what", KEYS)
def test_the_client_of_keys_sees(observe, what):
    assert observe("vault_keys")[what] == KEYS[what]


@pytest.mark.parametrize("what", SECRETS)
def test_the_client_of_secrets_sees(observe, what):
    assert observe("vault_secrets")[what] == SECRETS[what]
