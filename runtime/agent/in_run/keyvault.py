"""``Keyvault``: secrets of the workspace, or passed to the run as variables."""

import os
import re
import typing

from . import connection
from .connection import Json
from .errors import UserErrorException

_PREFIX = "AML_SECRET_"
_NOT_FOUND = 404
_REFUSED = 400


class Keyvault:
    """Secrets by name: a variable of the run, else of the workspace's key vault.

    The variable of the secret ``db-password`` is ``AML_SECRET_DB_PASSWORD``.
    """

    def __init__(self, workspace: object, **_: object) -> None:
        self._workspace = workspace

    def get_secret(self, name: str) -> typing.Optional[str]:
        """Return a secret, ``None`` if the workspace has none of that name.

        Raises ``UserErrorException`` without a workspace.
        """
        variable = _PREFIX + re.sub(r"\W", "_", name).upper()
        if variable in os.environ:
            return os.environ[variable]
        try:
            found = _ask("GET", name)
        except UserErrorException as error:
            raise UserErrorException(
                f"The run has no secret {name!r}: set the environment variable {variable} where it"
                f" is submitted. {error}"
            ) from error
        return None if found is None else str(found["value"])

    def get_secrets(self, secrets: typing.Iterable[str]) -> typing.Dict[str, typing.Optional[str]]:
        return {name: self.get_secret(name) for name in secrets}

    def list_secrets(self) -> typing.List[typing.Dict[str, str]]:
        """Return the names of the secrets of the workspace."""
        found = (_ask("GET") or {}).get("value") or []
        return [{"name": str(each["name"])} for each in found]

    def set_secret(self, name: str, value: str, content_type: typing.Optional[str] = None) -> None:
        """Set a secret, which replaces an earlier one."""
        kind = {} if content_type is None else {"contentType": content_type}
        if _ask("PUT", "", {"name": name, "value": value, **kind}) is None:
            raise UserErrorException("The workspace keeps no secrets.")

    def set_secrets(self, secrets_batch: typing.Mapping[str, str]) -> None:
        for name, value in secrets_batch.items():
            self.set_secret(name, value)

    def delete_secret(self, name: str) -> None:
        """Delete a secret; one that is not there is no error."""
        _ask("DELETE", name)

    def delete_secrets(self, secrets: typing.Iterable[str]) -> None:
        for name in secrets:
            self.delete_secret(name)


def _ask(method: str, name: str = "", body: typing.Optional[Json] = None) -> typing.Optional[Json]:
    """Return the answer to a request, ``None`` for what is not there."""
    answer = connection.call("secrets", method=method, name=name, body=body)
    if answer["status"] == _NOT_FOUND:
        return None
    if answer["status"] >= _REFUSED:
        error = answer["body"].get("error") or answer["body"]
        raise UserErrorException(str(error.get("message") or f"status {answer['status']}"))
    return typing.cast("Json", answer["body"])
