"""Credentials in a stack file: references to them, never the text itself.

``env:NAME``, ``file:PATH`` and ``keyvault:URL`` are read during a deployment; a Pulumi secret
(``secure:``) is decrypted with the passphrase. This module reads none of them.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PUBLIC_KEY = re.compile(r"(ssh-(rsa|ed25519|dss)|ecdsa-sha2-\S+|sk-\S+@openssh\.com) \S+( .*)?")
_VAULT_SECRET = re.compile(
    r"https://[A-Za-z0-9-]{3,24}\.vault\.(azure\.net|azure\.cn|usgovcloudapi\.net)"
    r"/secrets/[0-9A-Za-z-]{1,127}(/[0-9a-f]{32})?"
)
PLAIN_SECRET: Final = "plain_secret"  # noqa: S105 - the code of a problem
PRIVATE_KEY: Final = "private_key"
MALFORMED: Final = "malformed_reference"


class OpenedText(str):
    """Text from a Pulumi secret, which the engine decrypted for the program."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A Pulumi secret in a stack file, as ciphertext."""

    ciphertext: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a credential.

    ``name`` is a variable, a path whose ``~`` is not expanded yet, or the identifier of a key vault
    secret as Azure shows it, with or without a version.
    """

    source: Literal["env", "file", "keyvault"]
    name: str

    def __str__(self) -> str:
        return f"{self.source}:{self.name}"


@dataclass(frozen=True, slots=True)
class Known:
    """A credential in plain text, in memory only: a decrypted secret, or a public key."""

    value: str = field(repr=False)


def parse_credential(value: object) -> Reference | Sealed | Known:
    """Return the credential in ``value``; rejects text that is neither reference nor secret."""
    if isinstance(value, Sealed | Reference | Known):
        return value
    if not isinstance(value, str):
        raise PydanticCustomError(
            MALFORMED, "is not a reference; write env:NAME, file:PATH or keyvault:URL."
        )
    source, colon, name = value.partition(":")
    if colon and source == "env":
        if not _ENV_NAME.fullmatch(name):
            raise PydanticCustomError(MALFORMED, "env: must be followed by the name of a variable.")
        return Reference("env", name)
    if colon and source == "file":
        if not name:
            raise PydanticCustomError(MALFORMED, "file: must be followed by the path of a file.")
        return Reference("file", name)
    if colon and source == "keyvault":
        if not _VAULT_SECRET.fullmatch(name):
            message = (
                "keyvault: must be followed by https://<vault>.vault.azure.net/secrets/<name>."
            )
            raise PydanticCustomError(MALFORMED, message)
        return Reference("keyvault", name)
    if isinstance(value, OpenedText):
        return Known(str(value))
    raise PydanticCustomError(PLAIN_SECRET, "is plain text; a stack file holds no credentials.")


def parse_public_key(value: object) -> Reference | Sealed | Known:
    """Return the public key in ``value``, which may be plain text."""
    if isinstance(value, str) and _PUBLIC_KEY.fullmatch(value.strip()):
        return Known(value.strip())
    if isinstance(value, str) and "PRIVATE KEY" in value:
        raise PydanticCustomError(PRIVATE_KEY, "is a private key; use the public key.")
    try:
        return parse_credential(value)
    except PydanticCustomError as error:
        if error.type != PLAIN_SECRET:
            raise
        raise PydanticCustomError(
            MALFORMED, "is not a public key; use the content of the .pub file, or file:PATH."
        ) from None


_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": "^(env|file|keyvault):.+$"},
        {
            "type": "object",
            "properties": {"secure": {"type": "string"}},
            "required": ["secure"],
            "additionalProperties": False,
        },
    ]
}

Credential = Annotated[
    Reference | Sealed | Known, PlainValidator(parse_credential), WithJsonSchema(_SCHEMA)
]
PublicKey = Annotated[
    Reference | Sealed | Known,
    PlainValidator(parse_public_key),
    WithJsonSchema({"anyOf": [*_SCHEMA["anyOf"], {"type": "string", "pattern": "^(ssh|ecdsa)-"}]}),
]
