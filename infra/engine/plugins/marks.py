"""What plugins are sent and answer: secrets marked where they know marks, paths of the secret ones.

Pure.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document, JsonObject
from infra.engine.model.values import RESOURCE, SIGNATURE, Secret, marked_like, plain

_SHORTEST_MASKED: Final = 3  # masking one or two characters would make every message unreadable


def sent(values: Document, pattern: Document, *, secrets: bool, resources: bool) -> JsonObject:
    """Return plain values as a plugin gets them.

    ``secrets``: it knows secret marks, and gets them where ``pattern`` has them. ``resources``: it
    knows references to resources; otherwise it gets the id, or the URN of a component.
    """
    marked = marked_like(dict(values), dict(pattern)) if secrets else dict(values)
    if resources:
        return marked
    return {key: _without_references(value) for key, value in marked.items()}


def secret_paths(outputs: Document) -> list[str]:
    """Return the paths of the secrets among outputs, as ``Existing.secrets`` has them.

    A path splits at dots: where a name contains one, all of what has it is secret.
    """
    return [path for key, value in outputs.items() for path in _paths(value, key)]


def secret_texts(*documents: Document) -> frozenset[str]:
    """Return the texts that are secret, as no message may contain them."""
    texts = {text for document in documents for text in _texts(dict(document), hidden=False)}
    return frozenset(text for text in texts if len(text) >= _SHORTEST_MASKED)


def masked(text: str, secrets: frozenset[str]) -> str:
    """Return a message of a plugin without the secrets it was sent."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    return text


def _paths(value: object, path: str) -> Iterator[str]:
    if isinstance(value, Secret):
        yield path
    elif isinstance(value, Mapping):
        named = not any("." in str(key) or key == "*" for key in value)
        found = [each for key, item in value.items() for each in _paths(item, f"{path}.{key}")]
        yield from found if named else [path] * bool(found)
    elif isinstance(value, list):
        yield from dict.fromkeys(each for item in value for each in _paths(item, f"{path}.*"))


def _texts(value: object, *, hidden: bool) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _texts(value.value, hidden=True)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, hidden=hidden)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, hidden=hidden)
    elif hidden and isinstance(value, str):
        yield value


def _without_references(value: object) -> object:
    if isinstance(value, Secret):
        return Secret(plain(_without_references(value.value)))
    if isinstance(value, list):
        return [_without_references(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    if value.get(SIGNATURE) == RESOURCE:
        return value.get("id") if value.get("id") is not None else value.get("urn")
    return {key: _without_references(item) for key, item in value.items()}
