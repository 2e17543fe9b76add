"""A credential of azure-core around a function that returns a bearer token."""

import time
from collections.abc import Callable
from typing import Final

from azure.core.credentials import AccessToken

_SECONDS: Final = 600


class TokenIdentity:
    """What Azure's own clients take as the identity of whoever submits."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        """Return a token; whoever gives it renews it in time."""
        del scopes, options
        return AccessToken(self._token(), int(time.time()) + _SECONDS)
