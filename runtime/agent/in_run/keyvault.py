"""``Keyvault``: secrets of the workspace, which the submitter passes to the run as variables."""

import os
import re
import typing

from .errors import UserErrorException
from .late import refused

_PREFIX = "AML_SECRET_"


class Keyvault:
    """Secrets by name. The secret ``db-password`` is the variable ``AML_SECRET_DB_PASSWORD``."""

    def __init__(self, workspace: object, **_: object) -> None:
        self._workspace = workspace

    def get_secret(self, name: str) -> str:
        """Return a secret. Raises ``UserErrorException`` if it was not passed."""
        variable = _PREFIX + re.sub(r"\W", "_", name).upper()
        if variable not in os.environ:
            raise UserErrorException(
                f"The run has no secret {name!r}: set the environment variable {variable} where it"
                " is submitted."
            )
        return os.environ[variable]

    def get_secrets(self, secrets: typing.Iterable[str]) -> typing.Dict[str, str]:
        return {name: self.get_secret(name) for name in secrets}

    def list_secrets(self) -> typing.List[typing.Dict[str, str]]:
        """Return the names of the secrets, as in their variables."""
        names = [key[len(_PREFIX) :] for key in os.environ if key.startswith(_PREFIX)]
        return [{"name": name.lower().replace("_", "-")} for name in sorted(names)]

    def set_secret(self, name: str, value: str) -> None:
        raise refused("Keyvault.set_secret", "Secrets are set outside a run.")

    def set_secrets(self, secrets_batch: object) -> None:
        raise refused("Keyvault.set_secrets", "Secrets are set outside a run.")

    def delete_secret(self, name: str) -> None:
        raise refused("Keyvault.delete_secret", "Secrets are deleted outside a run.")
