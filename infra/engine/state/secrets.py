"""Pulumi's secrets providers: a key encrypts text to a message, and back.

The key is derived from a passphrase, or is a random one that a vault's key encrypts. Keys live in
memory only. What is encrypted (JSON in state, raw text in a stack file) is up to the caller, as are
prompting for the passphrase and asking the vault.
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Thread
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.contract.errors import PassphraseError, StateError
from infra.contract.wrapped_key import WrappedKey

VARIABLE: Final = "PULUMI_CONFIG_PASSPHRASE"
FILE_VARIABLE: Final = "PULUMI_CONFIG_PASSPHRASE_FILE"
_ANY_BYTES: Final = "surrogateescape"  # as the CLI reads both
MASK: Final = "[secret]"

_ITERATIONS: Final = 1_000_000
KEY_BYTES: Final = 32
_SALT_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_PROOF: Final = "pulumi"  # encrypted in the salt string: decrypting it detects a wrong passphrase


class Cipher(Protocol):
    """Encrypts and decrypts the secrets of a state.

    ``salt`` names the key: Pulumi's salt string, or the text of a ``WrappedKey``.
    """

    @property
    def salt(self) -> str: ...

    def seal(self, text: str, /) -> str:
        """Return the ciphertext of ``text``."""

    def open(self, message: str, /) -> str:
        """Return the plaintext of what ``seal`` returned."""

    def with_salt(self, salt: str, /) -> "Cipher":
        """Return the cipher for another salt: of the same passphrase, or of a vault's key."""

    def unlock(self) -> None:
        """Get the key now, so that what is wrong with it is known before anything else is done."""


Other = Callable[[str], Cipher]
"""Returns the cipher for the salt of another kind of provider."""


class Sealer:
    """One passphrase with one salt. The key (about 0.35 s) is derived on a thread from the start.

    A process derives it once, however many sealers have the same passphrase and salt.
    Only the first ``seal``, ``open``, or, for a new salt, ``salt`` waits for it; a passphrase that
    is wrong is a ``PassphraseError`` there.
    """

    def __init__(
        self,
        passphrase: str,
        salt: str | None,
        stack: str,
        remedy: str | None = None,
        other: Other | None = None,
    ) -> None:
        """``remedy`` is for a wrong passphrase; by default, to set Pulumi's variables.

        ``other`` gives the cipher for what a vault's key encrypted.
        """
        self._passphrase = passphrase
        self._stack = stack
        self._remedy = remedy
        self._other = other
        self._salt = salt
        self._proof: str | None = None  # until it was opened once
        self._raw_salt = os.urandom(_SALT_BYTES)
        if salt:
            self._raw_salt, self._proof = _parse_salt(salt, stack)
        self._derived = _derived(passphrase, self._raw_salt)

    @classmethod
    def from_passphrase(
        cls,
        passphrase: str,
        salt: str | None = None,
        *,
        stack: str = "this stack",
        remedy: str | None = None,
        other: Other | None = None,
    ) -> Self:
        """Return a sealer for an existing salt string, or for a new one (``None``)."""
        return cls(passphrase, salt, stack, remedy, other)

    @property
    def salt(self) -> str:
        """The salt string, as in a stack file's ``encryptionsalt`` and in a checkpoint."""
        if self._salt is None:
            self._salt = f"v1:{_encode(self._raw_salt)}:{self.seal(_PROOF)}"
        return self._salt

    def seal(self, text: str) -> str:
        """Return ``v1:<nonce>:<ciphertext and tag>``; a new nonce each time."""
        return _sealed(self._key(), text)

    def open(self, message: str) -> str:
        """Return the text of an encrypted message. A damaged one is a ``StateError``."""
        return _opened(self._key(), message, self._stack)

    def with_salt(self, salt: str) -> Cipher:
        """Return this sealer if the salt is its own, else a cipher with a key of its own."""
        if salt == self._salt:
            return self
        if self._other is not None and WrappedKey.parse(salt):
            return self._other(salt)
        return Sealer(self._passphrase, salt, self._stack, self._remedy, self._other)

    def unlock(self) -> None:
        """Wait for the key. A wrong passphrase is a ``PassphraseError``."""
        self._key()

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


class DataKeySealer:
    """A random key that a vault's key encrypted; ``unwrap`` returns its 32 bytes.

    It is called when a secret is first met, and then once.
    """

    def __init__(
        self, wrapped: WrappedKey, unwrap: Callable[[], bytes], *, stack: str, other: Other
    ) -> None:
        self.salt = str(wrapped)
        self._wrapped = wrapped
        self._unwrap = unwrap
        self._stack = stack
        self._other = other

    def seal(self, text: str) -> str:
        """Return ``v1:<nonce>:<ciphertext and tag>``; a new nonce each time."""
        return _sealed(self._key, text)

    def open(self, message: str) -> str:
        """Return the text of an encrypted message. A damaged one is a ``StateError``."""
        return _opened(self._key, message, self._stack)

    def with_salt(self, salt: str) -> Cipher:
        """Return this sealer for its own data key, whatever URL decrypts it."""
        wrapped = WrappedKey.parse(salt)
        own = wrapped is not None and wrapped.encrypted == self._wrapped.encrypted
        return self if own else self._other(salt)

    def unlock(self) -> None:
        """Ask the vault, unless it was asked."""
        self.seal("")

    @cached_property
    def _key(self) -> AESGCM:
        return AESGCM(self._unwrap())


class Masked:
    """Reads state without a passphrase: every secret is ``[secret]``."""

    salt = ""

    def seal(self, _text: str, /) -> str:
        """Refuse: nothing can be encrypted without a passphrase."""
        raise missing_passphrase("this stack")

    def open(self, _message: str, /) -> str:
        """Return the JSON text of the mask, whatever the secret is."""
        return f'"{MASK}"'

    def with_salt(self, _salt: str, /) -> Cipher:
        return self

    def unlock(self) -> None:
        """Refuse, as ``seal`` does."""
        self.seal("")


def passphrase_from_environment(environment: Mapping[str, str]) -> str | None:
    """Return Pulumi's passphrase, ``None`` if no variable is set. An empty one counts as set."""
    if VARIABLE in environment:
        return environment[VARIABLE]
    file = environment.get(FILE_VARIABLE)
    if not file:
        return None
    try:
        return Path(file).read_text(encoding="utf-8", errors=_ANY_BYTES).strip()
    except OSError as error:
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


@lru_cache(maxsize=64)
def _derived(passphrase: str, raw_salt: bytes) -> Future[AESGCM]:
    """Derive a key on a thread."""
    derived: Future[AESGCM] = Future()
    said = passphrase.encode(errors=_ANY_BYTES)

    def derive() -> None:
        key = hashlib.pbkdf2_hmac("sha256", said, raw_salt, _ITERATIONS, KEY_BYTES)
        derived.set_result(AESGCM(key))

    Thread(target=derive, name="derive-key", daemon=True).start()
    return derived


# A child has no thread that would end what its parent began to derive.
os.register_at_fork(after_in_child=_derived.cache_clear)


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


def _sealed(key: AESGCM, text: str) -> str:
    nonce = os.urandom(_NONCE_BYTES)
    return f"v1:{_encode(nonce)}:{_encode(key.encrypt(nonce, text.encode(), None))}"


def _opened(key: AESGCM, message: str, stack: str) -> str:
    try:
        return _open(key, message)
    except (ValueError, InvalidTag) as error:
        raise StateError(
            f"A secret of {stack} is damaged: it was not encrypted with this key.",
            remedy="Set it again with `aml config set --secret`, or restore a backup.",
        ) from error


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
