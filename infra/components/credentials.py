"""Reads the credentials of a stack file as secret outputs, when the program needs them."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pulumi

from infra.components.key_vault import read_vault_secret
from infra.contract.errors import CredentialError
from infra.spec.credentials import Known, Reference, Sealed


class CredentialReader:
    """Reads ``env:``, ``file:`` and ``keyvault:`` references; paths are relative to ``folder``.

    ``vault_secret`` returns the text of a secret by its identifier.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        vault_secret: Callable[[str], str] = read_vault_secret,
    ) -> None:
        self._environment = environment
        self._folder = folder
        self._vault_secret = cache(vault_secret)

    def __call__(self, credential: Reference | Sealed | Known) -> pulumi.Output[str]:
        """Return the credential as a secret; raise ``CredentialError`` if it cannot be read."""
        return pulumi.Output.secret(self._text(credential))

    def _text(self, credential: Reference | Sealed | Known) -> str:
        match credential:
            case Known(value):
                return value
            case Reference("env", name):
                return self._variable(name)
            case Reference("keyvault", name):
                return self._vault_secret(name)
            case Reference(_, name):
                return self._content(self._folder / Path(name).expanduser())
        raise AssertionError("the engine decrypts secrets before the program runs")

    def _variable(self, name: str) -> str:
        value = self._environment.get(name)
        if not value:
            raise CredentialError(
                f"The stack refers to env:{name}, but the variable is not set.",
                remedy=f"Set {name} in the environment of the deployment.",
            )
        return value

    def _content(self, file: Path) -> str:
        try:
            # The final newline comes from the editor, not from the password.
            return file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialError(
                f"The stack refers to a file that cannot be read: {error}.",
                remedy="Correct the `file:` reference; paths are relative to Pulumi.yaml.",
                at=str(file),
            ) from error
