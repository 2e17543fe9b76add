"""Property values as a checkpoint represents them: secrets encrypted, NaN and infinities marked.

Pure except the cipher. Assets, resource references and other marked objects pass unchanged, as
do marks this release does not know.
"""

import json
import math
import struct
from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.errors import StateError
from infra.contract.json_types import Document
from infra.engine.model.values import SECRET, SIGNATURE, Secret, plain, secret
from infra.engine.state.secrets import MASK, Cipher

NUMBER: Final = "8ad145fe-0d11-4827-bfd7-1abcbf086f5c"
_SHORTEST: Final = 3  # hiding shorter ones would make every text unreadable
_GO_EXPONENT_FROM: Final = 1e21  # below it, Go writes integral numbers digit by digit


class Vault:
    """Encrypts and decrypts the secrets of one state; an unchanged one keeps its ciphertext.

    A ciphertext is reused only at the same place (URN and path): it must not be visible that the
    secrets at two places are equal.
    """

    def __init__(self, cipher: Cipher) -> None:
        self._cipher = cipher
        self._sealed: dict[tuple[str, str], str] = {}

    def seal(self, place: str, value: object) -> str:
        text = canonical(value)
        known = self._sealed.get((place, text))
        if known is None:
            known = self._sealed[place, text] = self._cipher.seal(text)
        return known

    def open(self, place: str, ciphertext: str) -> object:
        value = _parsed(self._cipher.open(ciphertext), place)
        self._sealed[place, canonical(value)] = ciphertext
        return value

    def hiding(self, text: str) -> str:
        """Return a text without the secrets that were met so far: a service may quote one."""
        known = {word for _, value in self._sealed for word in _words(json.loads(value))}
        for word in sorted(known, key=len, reverse=True):
            text = text.replace(word, MASK)
        return text


class Redacting(Vault):
    """Hides the secrets of what is shown; nothing is encrypted, and nothing can be read back."""

    def __init__(self) -> None:
        """Need no cipher."""

    def seal(self, _place: str, _value: object) -> str:
        return "[secret]"

    def open(self, place: str, _ciphertext: str) -> object:
        raise NotImplementedError(place)


def _words(value: object) -> Iterator[str]:
    """Return the texts of a secret that are long enough to be told from other words."""
    if isinstance(value, str):
        yield from [value] * (len(value) >= _SHORTEST)
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _words(each)


def canonical(value: object) -> str:
    """Return compact JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def encoded(value: object, vault: Vault, place: str) -> object:
    """Return ``value`` as JSON for a checkpoint, maps sorted as Pulumi sorts them."""
    match value:
        case Secret():
            bare = encoded(plain(value.value), vault, place)
            return {SIGNATURE: SECRET, "ciphertext": vault.seal(place, bare)}
        case Mapping():
            return {key: encoded(value[key], vault, f"{place}.{key}") for key in sorted(value)}
        case list() | tuple():
            return [encoded(item, vault, f"{place}[{at}]") for at, item in enumerate(value)]
        case float():
            return _number(value)
    return value


def decoded(value: object, vault: Vault, place: str) -> object:
    """Return the value of a checkpoint's JSON; the inverse of ``encoded``."""
    match value:
        case dict():
            mark = value.get(SIGNATURE)
            if mark == SECRET:
                return secret(decoded(_unsealed(value, vault, place), vault, place))
            if mark == NUMBER:
                return _special(value, place)
            return {key: decoded(item, vault, f"{place}.{key}") for key, item in value.items()}
        case list():
            return [decoded(item, vault, f"{place}[{at}]") for at, item in enumerate(value)]
    return value


def _unsealed(marked: Document, vault: Vault, place: str) -> object:
    if isinstance(marked.get("ciphertext"), str):
        return vault.open(place, marked["ciphertext"])
    if isinstance(marked.get("plaintext"), str):  # an export with its secrets shown
        return _parsed(marked["plaintext"], place)
    raise StateError(
        f"The secret at {place} has neither ciphertext nor plaintext.",
        remedy="Restore a backup of the stack's state.",
    )


def _parsed(text: str, place: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise StateError(
            f"The secret at {place} does not hold JSON.",
            remedy="Restore a backup of the stack's state.",
        ) from error


def _number(value: float) -> object:
    if not math.isfinite(value):
        return {SIGNATURE: NUMBER, "value": struct.pack(">d", value).hex()}
    return int(value) if value.is_integer() and abs(value) < _GO_EXPONENT_FROM else value


def _special(marked: Document, place: str) -> float:
    try:
        number: float = struct.unpack(">d", bytes.fromhex(marked["value"]))[0]
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise StateError(
            f"The number at {place} is not 16 hexadecimal digits.",
            remedy="Restore a backup of the stack's state.",
        ) from error
    return number
