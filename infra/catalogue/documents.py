"""One way to read and write at a path in a JSON document (``properties.vmSize``). Pure.

A path names one place: dotted keys, and list indices in brackets (``items[0].name``) where it is
read. Other grammars have modules of their own, because they name other things: Pulumi's property
paths, with quoted keys and ``[*]`` (``infra.engine.model.paths``); stack file paths, with quoted
keys (``infra.spec.editing``); and patterns with ``*`` that match many places
(``localcloud.calls.paths``, and the paths of secrets in ``infra.engine.model.values``). The check
for required properties (``infra.arm.checking``) walks through the elements of lists, and needs the
places where nothing is.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from infra.contract.json_types import Document, JsonObject

_STEP: Final = re.compile(r"[^.\[\]]+")


def value_at(document: object, path: str) -> Any:
    """Return the value at ``path``, or ``None`` where there is none.

    >>> value_at({"items": [{"name": "a"}]}, "items[0].name")
    'a'
    """
    for step in _STEP.findall(path):
        if isinstance(document, Mapping):
            document = document.get(step)
        elif isinstance(document, Sequence) and not isinstance(document, str):
            found = step.isdigit() and int(step) < len(document)
            document = document[int(step)] if found else None
        else:
            return None
    return document


def with_value_at(document: Document, path: str, value: object) -> JsonObject:
    """Return a copy with ``value`` at a path without indices; ``None`` removes what is there."""
    step, _, rest = path.partition(".")
    inner = document.get(step)
    if rest:
        value = with_value_at(inner if isinstance(inner, Mapping) else {}, rest, value)
    others = {key: item for key, item in document.items() if key != step}
    return others if value is None else {**others, step: value}


def set_at(document: JsonObject, path: str, value: object) -> None:
    """Set ``value`` at a path without indices, in place; missing objects on the way are added."""
    *above, last = path.split(".")
    for step in above:
        document = document.setdefault(step, {})
    document[last] = value
