"""Fields of MLflow's requests and answers: numbers, pairs, pages. Pure."""

from __future__ import annotations

import math
import typing
from collections.abc import Callable, Iterable, Sequence

from runtime.agent.documents import JsonObject
from runtime.agent.wire import RefusalError

_LONGEST = 18  # digits of a 64-bit integer


def needed(body: JsonObject, name: str) -> object:
    """Return a required field of a request."""
    if body.get(name) in (None, ""):
        raise _invalid(f"Missing value for required parameter '{name}'.")
    value: object = body[name]
    return value


def count(body: JsonObject, name: str, default: int = 0) -> int:
    """Return a field that is a number >= 0, or ``default`` if it is absent, empty or 0."""
    value = body.get(name)
    if value in (None, "", 0):
        return default
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= _LONGEST):
        raise _invalid(f"Invalid value {digits[:40]!r} for parameter '{name}'.")
    return int(digits)


def number(body: JsonObject, metric: str) -> float:
    """Return the value of a metric, possibly NaN or infinite."""
    value = body.get("value")
    try:
        return float(typing.cast("float", value))
    except (TypeError, ValueError, OverflowError):
        raise _invalid(
            f"The value of metric {metric!r} is {value!r}, which is not a number. "
            "Log numbers as metrics and everything else as parameters or tags."
        ) from None


def json_number(value: float) -> float | str:
    """Return a number as JSON can represent it: NaN and infinities are text, as in MLflow."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def read_pairs(items: Iterable[JsonObject] | None) -> dict[str, str]:
    """Return ``[{"key", "value"}, …]`` as a mapping."""
    return {str(needed(item, "key")): str(item.get("value", "")) for item in items or ()}


def as_pairs(values: dict[str, str]) -> list[JsonObject]:
    return [{"key": key, "value": value} for key, value in values.items()]


def in_view(document: JsonObject, view: str) -> bool:
    """Return whether a view (``ACTIVE_ONLY``, ``DELETED_ONLY``, ``ALL``) includes a document."""
    return view == "ALL" or (document["lifecycle_stage"] == "deleted") == (view == "DELETED_ONLY")


def paged(
    body: JsonObject,
    name: str,
    found: Sequence[JsonObject],
    most: int,
    show: Callable[[JsonObject], JsonObject] = dict,
) -> JsonObject:
    """Return the page of an answer that a request asks for."""
    start, limit = count(body, "page_token"), count(body, "max_results", most)
    answered: JsonObject = {name: [show(each) for each in found[start : start + limit]]}
    if start + limit < len(found):
        answered["next_page_token"] = str(start + limit)
    return answered


def _invalid(message: str) -> RefusalError:
    return RefusalError("INVALID_PARAMETER_VALUE", message)
