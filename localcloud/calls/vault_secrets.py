"""Secrets of key vaults as they are stored, for Resource Manager and for the vaults themselves."""

from typing import Final

from localcloud.calls.messages import Call
from localcloud.store.resources import StoredResource

SECRETS: Final = "Microsoft.KeyVault/vaults/secrets"
VALUE: Final = "properties.value"
VERSION: Final = "version"


def secret_url(call: Call, secret: StoredResource) -> str:
    """Return the URL of a secret in its vault, without its version."""
    vault = secret.id.split("/")[-3]
    return f"{call.cloud.url}/{vault}.vault/secrets/{secret.name}"
