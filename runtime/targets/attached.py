"""A resource that a stack attaches, as ARM describes it to whoever sends runs there."""

from typing import Final

from infra.arm.client import Client, checked
from infra.contract.errors import NotDeployedError, ProviderError
from infra.contract.json_types import Document

_GONE: Final = frozenset({"ResourceNotFound", "ResourceGroupNotFound"})
_UNSEEN: Final = "SubscriptionNotFound"


def attached(client: Client, resource_id: str, *, api_version: str, noun: str) -> Document:
    """Return an attached resource.

    Raises ``NotDeployedError`` if there is none of this id, ``ProviderError`` or
    ``CredentialError`` for all that says nothing about whether there is one.
    """
    try:
        answer = checked(client.send("GET", resource_id, api_version=api_version), at=resource_id)
    except ProviderError as error:
        if error.code in _GONE:
            raise NotDeployedError(
                f"There is no {noun} {resource_id}.",
                remedy="Correct `resource_id` in the stack file, and run `aml up`.",
            ) from None
        if error.code == _UNSEEN:
            raise ProviderError(
                f"The subscription of the {noun} {resource_id} is not to be seen: {error.detail}",
                remedy="Sign in as a user who sees it, or correct `resource_id` in the stack file"
                " and run `aml up`.",
                code=error.code,
            ) from None
        raise
    return answer.document
