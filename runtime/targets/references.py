"""Reads the credentials that a manifest refers to, when they are needed.

``env:NAME``, ``file:PATH`` (relative to the project's folder) and ``keyvault:URL``, as in a stack
file. What is read is kept nowhere.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from infra.contract.errors import CredentialError
from infra.contract.load import load
from infra.contract.project import home_folder

_VAULT = "infra.components.key_vault:read_vault_secret"
_LOCAL_VAULT = "infra.components.key_vault:read_local_secret"
_LOCAL = "localvault"
"""The source of a ``keyvault:`` reference whose vault is one of the local cloud."""
_SOURCES = ("env:", "file:", "keyvault:")


def on_local_cloud(credentials: Mapping[str, str]) -> dict[str, str]:
    """Return the references of a target of the local cloud: its vaults are that cloud's own."""
    return {key: _locally(reference) for key, reference in credentials.items()}


def secret_of(text: str, *, local: bool = False) -> str:
    """Return a secret, or what it refers to; files are relative to the current folder.

    ``local``: it is for the local cloud, whose vaults are meant then.
    """
    if local and text.startswith("keyvault:"):
        return read_reference(_locally(text), Path(), os.environ)
    return read_reference(text, Path(), os.environ) if text.startswith(_SOURCES) else text


def _locally(reference: str) -> str:
    source, _, name = reference.partition(":")
    return f"{_LOCAL}:{name}" if source == "keyvault" else reference


def read_reference(reference: str, folder: Path, environ: Mapping[str, str]) -> str:
    """Return the text that a reference stands for. Raises ``CredentialError``."""
    source, _, name = reference.partition(":")
    if source == "keyvault":
        return str(load(_VAULT, extra="azureml")(name))
    if source == _LOCAL:
        return str(load(_LOCAL_VAULT)(home_folder(folder), name))
    if source == "file":
        return _content(folder / Path(name).expanduser(), reference)
    value = environ.get(name)
    if source != "env" or not value:
        raise CredentialError(
            f"`{reference}` is to be read, and the variable is not set.",
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
            f"`{reference}` is to be read, and cannot be: {why}.",
            remedy="Correct the path; those of a stack file are relative to Pulumi.yaml.",
            at=str(file),
        ) from error
