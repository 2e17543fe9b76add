"""Configuration values → ``StackSpec``, or every problem at once; shared by file and program.

A value is as YAML or JSON gives it. A text under a structured key is JSON: ``pulumi config set``
writes it so. Lines and files are the caller's business.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from infra.spec import wording
from infra.spec.check import contradictions
from infra.spec.credentials import Sealed
from infra.spec.problems import (
    CONTRADICTION,
    INVALID,
    MISSING,
    UNKNOWN_KEY,
    Location,
    did_you_mean,
)
from infra.spec.stack import KEYS, STRUCTURED, StackSpec

_FIELDS: Final = {key: name for name, key in KEYS.items()}
_OURS: Final = "aml:"
_LOCATION: Final = KEYS["location"]
_MEANT_LOCATION: Final = frozenset({"aml:location", "aml:region", "location"})


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before it has a line."""

    location: Location
    message: str
    code: str = INVALID


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the values.

    ``spec`` is ``None`` with findings, and where something other than a credential is sealed:
    ``sealed`` names those places, which nobody can check without the passphrase.
    """

    spec: StackSpec | None
    findings: tuple[Finding, ...] = ()
    sealed: tuple[Location, ...] = ()


def read_values(config: Mapping[str, Any]) -> Reading:
    """Check the values of ``config`` (``aml:workspace`` → map, …); pure."""
    findings = list(_unknown_keys(config))
    stack: dict[str, Any] = {}
    for key, name in _FIELDS.items():
        if key in config:
            try:
                stack[name] = _parsed(key, config[key])
            except ValueError as error:
                findings.append(Finding((key,), str(error)))
                stack[name] = _Unusable()
    spec, sealed = None, []
    try:
        spec = StackSpec.model_validate(stack)
    except ValidationError as error:
        for complaint in error.errors(include_url=False):
            if _is_sealed(complaint):
                sealed.append(wording.place(complaint))
            elif not (isinstance(complaint["input"], _Unusable) or wording.misspelt(complaint)):
                findings.append(_finding(complaint, config))
    for location, says in contradictions(stack):
        at = (KEYS[str(location[0])], *location[1:])
        findings.append(Finding(at, says, CONTRADICTION))
    return Reading(None if findings else spec, tuple(findings), tuple(sealed))


class _Unusable:
    """Stands for a value that was already complained about."""


def _parsed(key: str, value: Any) -> Any:
    if key not in STRUCTURED or not isinstance(value, str):
        return value
    if not value.lstrip().startswith(("{", "[")):
        return value
    try:
        return json.loads(value, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"is not JSON: {error.msg} at character {error.pos + 1}. Write it as a map instead."
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice.")
    return mapping


def _is_sealed(complaint: wording.Complaint) -> bool:
    given = complaint["input"]
    if complaint["type"] == "union_tag_invalid" and isinstance(given, Mapping):
        given = given.get("kind")
    return isinstance(given, Sealed)


def _unknown_keys(config: Mapping[str, Any]) -> Iterator[Finding]:
    known = [key for key in _FIELDS if key.startswith(_OURS)]
    for key in config:
        bare = key.removeprefix(_OURS)
        if key in _FIELDS or (":" in key and not key.startswith(_OURS)):
            continue
        if ":" not in key:
            if f"{_OURS}{key}" in _FIELDS:
                says = f"lacks its namespace. Write `{_OURS}{key}`."
                yield Finding((key,), says, UNKNOWN_KEY)
            continue
        if any(mark in bare for mark in ".["):
            says = f"is a path used as a key. Run `aml config set --path '{key}' VALUE` instead."
        else:
            says = f"is not a known key.{did_you_mean(key, known) or _all(known)}"
        yield Finding((key,), says, UNKNOWN_KEY)


def _all(known: list[str]) -> str:
    return f" Known: {', '.join(known)}."


def _finding(complaint: wording.Complaint, config: Mapping[str, Any]) -> Finding:
    at = wording.place(complaint)
    if at == (_LOCATION,) and _LOCATION not in config:
        return _no_location(config)
    return Finding(at, wording.sentence(complaint), wording.code(complaint))


def _no_location(config: Mapping[str, Any]) -> Finding:
    for key in config:
        if key in _MEANT_LOCATION or did_you_mean(key, [_LOCATION]):
            return Finding((key,), f"is not the region's key; write {_LOCATION!r}.", UNKNOWN_KEY)
    return Finding((_LOCATION,), "is required: the Azure region, such as westeurope.", MISSING)
