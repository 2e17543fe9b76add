"""Reads a Pulumi program's configuration into ``StackSpec``, like the stack file.

Pulumi passes strings to a program: structured values as JSON, secrets decrypted, and the set of
keys that hold secrets.
"""

import json
from collections.abc import Collection, Mapping

from infra.spec.credentials import OpenedText
from infra.spec.problems import Problem, StackFileError, path_text
from infra.spec.reading import read_values
from infra.spec.stack import STRUCTURED, StackSpec


def spec_from_config(
    config: Mapping[str, str], secret_keys: Collection[str], *, stack: str
) -> StackSpec:
    """Return the spec; ``config`` maps ``namespace:key`` to text.

    Text under a key of ``secret_keys`` may be a credential, because it was encrypted.
    Raises ``StackFileError`` with every problem.
    """
    values = {key: _value(key, text, opened=key in secret_keys) for key, text in config.items()}
    reading = read_values(values)
    if reading.spec is None:
        raise StackFileError(
            [Problem(path_text(f.location), f.message, code=f.code) for f in reading.findings],
            at=f"the configuration of stack {stack!r}",
            remedy=f"Run `aml check -s {stack}`, to see the lines.",
        )
    return reading.spec


def _value(key: str, text: str, *, opened: bool) -> object:
    if not opened:
        return text
    if key in STRUCTURED:
        try:
            return _opened(json.loads(text))
        except ValueError:
            pass  # the models report text that is not JSON
    return OpenedText(text)


def _opened(value: object) -> object:
    match value:
        case str():
            return OpenedText(value)
        case dict():
            return {key: _opened(item) for key, item in value.items()}
        case list():
            return [_opened(item) for item in value]
    return value
