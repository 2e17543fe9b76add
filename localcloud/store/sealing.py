"""Encryption of secrets with a key in a file of its own, readable by its owner only.

The key that signs tokens is derived from the same file. Neither key is ever in the database.
"""

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path

from cryptography.fernet import Fernet

from infra.contract.json_types import Document, JsonObject
from infra.contract.private import private_folder

_KEY_BYTES = 32


class Sealing:
    """Encrypts and decrypts documents, and signs messages."""

    def __init__(self, key_file: Path) -> None:
        key = _read_or_make(key_file)
        self._fernet = Fernet(base64.urlsafe_b64encode(_derived(key, b"sealed column")))
        self._signing = _derived(key, b"tokens")

    def seal(self, document: Document) -> bytes:
        return self._fernet.encrypt(json.dumps(document).encode())

    def open(self, sealed: bytes) -> JsonObject:
        document: JsonObject = json.loads(self._fernet.decrypt(sealed))
        return document

    def signature(self, message: bytes) -> bytes:
        """Return the HMAC-SHA256 of ``message`` under the signing key."""
        return hmac.digest(self._signing, message, "sha256")


def _derived(key: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(purpose, key=key, digest_size=32).digest()


def _read_or_make(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        private_folder(file.parent)
        key = os.urandom(_KEY_BYTES)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            sink.write(key)
        return key
