"""Pulumi's passphrase secrets provider: encrypts text to a message, and back.

Keys live in memory only. What is encrypted (JSON in state, raw text in a stack file) is up to the
caller, as is prompting for the passphrase.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.contract.errors import PassphraseError, StateError

VARIABLE: Final = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE: Final = "PULUMI_CONFIG_PASSPHRASE_FILE"
MASK: Final = "[secret]"

_ITERATIONS: Final = 1_000_000
_KEY_BYTES: Final = 32
_SALT_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_PROOF: Final = "pulumi"  # encrypted in the salt string: decrypting it detects a wrong passphrase


class Cipher(Protocol):
    """Encrypts and decrypts the secrets of a state: ``salt`` is Pulumi's salt string."""

    @property
    def salt(self) -> str: ...

    def seal(self, text: str, /) -> str:
        """Return the ciphertext of ``text``."""

    def open(self, message: str, /) -> str:
        """Return the plaintext of what ``seal`` returned."""

    def with_salt(self, salt: str, /) -> "Cipher":
        """Return the same passphrase's cipher for another salt string."""


class Sealer:
    """One passphrase with one salt. The key (about 0.35 s) is derived on a thread from the start.

    Only the first ``seal``, ``open``, or, for a new salt, ``salt`` waits for it; a passphrase that
    is wrong is a ``PassphraseError`` there.
    """

    def __init__(
        self, passphrase: str, salt: str | None, stack: str, remedy: str | None = None
    ) -> None:
        """``remedy`` is for a wrong passphrase; by default, to set Pulumi's variables."""
        self._passphrase = passphrase
        self._stack = stack
        self._remedy = remedy
        self._salt = salt
        self._proof: str | None = None  # until it was opened once
        self._raw_salt = os.urandom(_SALT_BYTES)
        if salt:
            self._raw_salt, self._proof = _parse_salt(salt, stack)
        self._derived: Future[AESGCM] = Future()
        Thread(target=self._derive, name="derive-key", daemon=True).start()

    @classmethod
    def from_passphrase(
        cls,
        passphrase: str,
        salt: str | None = None,
        *,
        stack: str = "this stack",
        remedy: str | None = None,
    ) -> Self:
        """Return a sealer for an existing salt string, or for a new one (``None``)."""
        return cls(passphrase, salt, stack, remedy)

    @property
    def salt(self) -> str:
        """The salt string, as in a stack file's ``encryptionsalt`` and in a checkpoint."""
        if self._salt is None:
            self._salt = f"v1:{_encode(self._raw_salt)}:{self.seal(_PROOF)}"
        return self._salt

    def seal(self, text: str) -> str:
        """Return ``v1:<nonce>:<ciphertext and tag>``; a new nonce each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._key().encrypt(nonce, text.encode(), None)
        return f"v1:{_encode(nonce)}:{_encode(sealed)}"

    def open(self, message: str) -> str:
        """Return the text of an encrypted message. A damaged one is a ``StateError``."""
        key = self._key()
        try:
            return _open(key, message)
        except (ValueError, InvalidTag) as error:
            raise StateError(
                f"A secret of {self._stack} is damaged: it was not encrypted with this key.",
                remedy="Set it again with `aml config set --secret`, or restore a backup.",
            ) from error

    def with_salt(self, salt: str) -> "Sealer":
        """Return this sealer if the salt is its own, else a new one with a key of its own."""
        return (
            self
            if salt == self._salt
            else Sealer(self._passphrase, salt, self._stack, self._remedy)
        )

    def _derive(self) -> None:
        derived = hashlib.pbkdf2_hmac(
            "sha256", self._passphrase.encode(), self._raw_salt, _ITERATIONS, _KEY_BYTES
        )
        self._derived.set_result(AESGCM(derived))

    def _key(self) -> AESGCM:
        key = self._derived.result()
        if self._proof is not None:
            try:
                fits = _open(key, self._proof) == _PROOF
            except (ValueError, InvalidTag):
                fits = False
            if not fits:
                raise PassphraseError(
                    f"The passphrase does not fit {self._stack}.",
                    remedy=self._remedy
                    or f"Set {VARIABLE} or {FILE_VARIABLE} to the stack's own passphrase.",
                )
            self._proof = None
        return key


class Masked:
    """Reads state without a passphrase: every secret is ``[secret]``."""

    salt = ""

    def seal(self, _text: str, /) -> str:
        """Refuse: nothing can be encrypted without a passphrase."""
        raise missing_passphrase("this stack")

    def open(self, _message: str, /) -> str:
        """Return the JSON text of the mask, whatever the secret is."""
        return f'"{MASK}"'

    def with_salt(self, _salt: str, /) -> "Masked":
        return self


def passphrase_from_environment(environment: Mapping[str, str]) -> str | None:
    """Return Pulumi's passphrase, ``None`` if no variable is set. An empty one counts as set."""
    if VARIABLE in environment:
        return environment[VARIABLE]
    file = environment.get(FILE_VARIABLE)
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PassphraseError(
            f"The passphrase file cannot be read: {error}.",
            remedy=f"Correct {FILE_VARIABLE}, or set {VARIABLE}.",
            at=file,
        ) from error


def missing_passphrase(stack: str) -> PassphraseError:
    """Return the error for a passphrase that is needed and not set."""
    return PassphraseError(
        f"A passphrase is needed for the secrets of {stack}, and none is set. It also encrypts"
        " what Azure returns, such as account keys.",
        remedy=f"Set {VARIABLE} or {FILE_VARIABLE}. For a new stack choose any value; keep it, and"
        " share it with everybody who deploys the stack.",
    )


def _parse_salt(salt: str, stack: str) -> tuple[bytes, str]:
    version, _, rest = salt.partition(":")
    encoded, _, proof = rest.partition(":")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except binascii.Error:
        raw = b""
    if version != "v1" or not raw or not proof.startswith("v1:"):
        raise PassphraseError(
            f"The encryption salt of {stack} is not one of Pulumi's: it is not v1:…:v1:….",
            remedy="Restore `encryptionsalt` in the stack file from version control.",
        )
    return raw, proof


def _open(key: AESGCM, message: str) -> str:
    version, nonce, sealed = message.split(":")
    if version != "v1":
        raise ValueError(version)
    plain = key.decrypt(
        base64.b64decode(nonce, validate=True), base64.b64decode(sealed, validate=True), None
    )
    return plain.decode()


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
