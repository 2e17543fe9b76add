"""Reads the credentials that a manifest refers to, when they are needed.

``env:NAME``, ``file:PATH`` (relative to the project's folder) and ``keyvault:URL``, as in a stack
file. What is read is kept nowhere.
"""

from collections.abc import Mapping
from pathlib import Path

from infra.contract.errors import CredentialError
from infra.contract.load import load

_VAULT = "infra.components.key_vault:read_vault_secret"


def read_reference(reference: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Return the text that a reference stands for. Raises ``CredentialError``."""
    source, _, name = reference.partition(":")
    if source == "keyvault":
        return str(load(_VAULT, extra="azureml")(name))
    if source == "file":
        return _content(folder / Path(name).expanduser(), reference)
    value = environ.get(name)
    if source != "env" or not value:
        raise CredentialError(
            f"The stack refers to {reference}, but the variable is not set.",
            remedy=f"Set {name} where you submit and watch runs.",
        )
    return value


def _content(file: Path, reference: str) -> str:
    try:
        # The final newline comes from the editor, not from the password.
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise CredentialError(
            f"The stack refers to {reference}, which cannot be read: {why}.",
            remedy="Correct the reference; paths are relative to Pulumi.yaml.",
            at=str(file),
        ) from error
