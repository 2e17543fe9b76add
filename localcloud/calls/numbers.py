"""Numbers of JSON documents: some clients send ``2.0`` where others can only read ``2``."""

from infra.contract.json_types import Document, JsonObject

_EXACT_INTEGERS = 2**53  # above it a double no longer holds every integer


def with_integers(document: Document) -> JsonObject:
    """Return a document in which ``2.0`` has become ``2``, at any depth."""
    return {key: _integral(value) for key, value in document.items()}


def _integral(value: object) -> object:
    match value:
        case float() if value.is_integer() and abs(value) < _EXACT_INTEGERS:
            return int(value)
        case dict():
            return with_integers(value)
        case list():
            return [_integral(item) for item in value]
    return value
