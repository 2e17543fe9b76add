"""JSON as text that every reader accepts."""

import json
import math
from collections.abc import Mapping


def json_text(document: object, *, indent: int | None = 2) -> str:
    """Return a document as JSON, its keys sorted.

    JSON has no NaN and no infinities, which Python would write as they are; jq and every strict
    reader refuse that. They are text here, as in MLflow's REST API: ``"NaN"``, ``"Infinity"``,
    ``"-Infinity"``. What JSON has no form for (a date, a path) is text as well.
    """
    try:
        return json.dumps(document, indent=indent, sort_keys=True, default=str, allow_nan=False)
    except ValueError:
        clean = _finite(document)
        return json.dumps(clean, indent=indent, sort_keys=True, default=str, allow_nan=False)


def _finite(value: object) -> object:
    """Return a document with text for the numbers that JSON does not have."""
    match value:
        case float() if math.isnan(value):
            return "NaN"
        case float() if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        case Mapping():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value
