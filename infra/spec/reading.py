"""Validates configuration values into ``StackSpec``, or reports every problem.

Shared by stack files and programs. Values are as YAML or JSON yields them; text under a structured
key is JSON, as ``pulumi config set`` writes it. The caller knows files and lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pydantic import ValidationError

from infra.contract.bounded_yaml import json_value
from infra.contract.inheritance import EXTENDS
from infra.contract.json_types import Document, JsonObject
from infra.contract.meant import names_meant
from infra.spec import messages
from infra.spec.check import contradictions
from infra.spec.credentials import Sealed
from infra.spec.other_names import section_called
from infra.spec.problems import (
    CONTRADICTION,
    INVALID,
    MISSING,
    UNKNOWN_KEY,
    Location,
)
from infra.spec.program import ProgramSpec
from infra.spec.rules.findings import Lacking
from infra.spec.stack import KEYS, STRUCTURED, StackSpec

_FIELDS: Final = {key: name for name, key in KEYS.items()}
_OURS: Final = "aml:"
_LOCATION: Final = KEYS["location"]
_REGION_WORDS: Final = frozenset({"location", "region"})
_UNMERGED: Final = (
    "is merged by `aml` alone. For the Pulumi CLI, put what `aml check --show` prints in the file."
)
_MOST_FINDINGS: Final = 200
"""Finding what was probably meant takes time; nobody reads more at once."""


@dataclass(frozen=True, slots=True)
class LocatedProblem:
    """A problem at a location in the configuration, without a line yet."""

    location: Location
    message: str
    code: str = INVALID


@dataclass(frozen=True, slots=True)
class ConfigReading:
    """The result of reading configuration values.

    ``spec`` is ``None`` if there are findings, or if a value other than a credential is encrypted:
    ``sealed`` has the locations that cannot be checked without the passphrase.
    """

    spec: StackSpec | None
    findings: tuple[LocatedProblem, ...] = ()
    sealed: tuple[Location, ...] = ()


def read_values(config: Document) -> ConfigReading:
    """Validate the values of ``config`` (``aml:workspace`` → map, …). Pure."""
    # `aml` merges what a file extends before this; the Pulumi CLI passes the key on.
    unmerged = [LocatedProblem((EXTENDS,), _UNMERGED)] if EXTENDS in config else []
    findings = unmerged + [
        LocatedProblem((key,), _unknown(key), UNKNOWN_KEY)
        for key in islice(_unknown_keys(config), _MOST_FINDINGS)
    ]
    # A misspelt key explains the missing one, which is then not reported as well.
    meant = {_meant(finding.location[0]) for finding in findings}
    stack: JsonObject = {}
    for key, name in _FIELDS.items():
        if key in config:
            try:
                stack[name] = _parsed(key, config[key])
            except ValueError as error:
                findings.append(LocatedProblem((key,), str(error)))
                stack[name] = _Unusable()
    spec, sealed = None, []
    try:
        spec = StackSpec.model_validate(stack)
    except ValidationError as error:
        for complaint in islice(error.errors(include_url=False), _MOST_FINDINGS):
            at = messages.place(complaint)
            if _is_sealed(complaint):
                sealed.append(at)
            elif isinstance(complaint["input"], _Unusable) or messages.explained(complaint):
                continue  # already reported
            elif not (complaint["type"] == "missing" and at[0] in meant and len(at) == 1):
                findings.append(
                    LocatedProblem(at, messages.sentence(complaint), messages.code(complaint))
                )
    found = contradictions(stack, subscription=_subscription(config))
    for location, message in islice(found, _MOST_FINDINGS):
        at = (KEYS[str(location[0])], *location[1:])
        code = MISSING if isinstance(message, Lacking) else CONTRADICTION
        findings.append(LocatedProblem(at, message, code))
    return ConfigReading(None if findings else spec, tuple(findings), tuple(sealed))


def _subscription(config: Document) -> str | None:
    value = config.get("azure-native:subscriptionId")
    return value if isinstance(value, str) else None


def read_program_values(
    config: Document,
) -> tuple[ProgramSpec | None, list[LocatedProblem]]:
    """Validate the keys of this product in a stack of another program. Pure."""
    keys = {name: KEYS[name] for name in ProgramSpec.model_fields}
    given = {name: config[key] for name, key in keys.items() if key in config}
    try:
        return ProgramSpec.model_validate({n: _parsed(keys[n], v) for n, v in given.items()}), []
    except ValidationError as error:
        return None, [
            LocatedProblem(messages.place(each), messages.sentence(each), messages.code(each))
            for each in error.errors(include_url=False)
        ]
    except ValueError as error:
        return None, [LocatedProblem((keys["soft_delete"],), str(error))]


class _Unusable:
    """Stands for a value whose problem is already reported."""


def _parsed(key: str, value: object) -> object:
    if key not in STRUCTURED or not isinstance(value, str):
        return value
    if not value.lstrip().startswith(("{", "[")):
        return value
    return json_value(value)


def _is_sealed(complaint: messages.Complaint) -> bool:
    given = complaint["input"]
    if complaint["type"] == "union_tag_invalid" and isinstance(given, Mapping):
        given = given.get("kind")
    return isinstance(given, Sealed)


def _unknown_keys(config: Document) -> Iterator[str]:
    """Yield unknown keys of this product, and keys probably meant to be of this product."""
    for key in config:
        if key in _FIELDS or key == EXTENDS:
            continue
        meant = _meant(key)
        bare = ":" not in key  # Pulumi adds the project's namespace, which has no keys
        if key.startswith(_OURS) or (meant and (bare or meant not in config)):
            yield key


def _meant(key: object) -> str | None:
    """Return the key that was probably meant; other namespaces are ignored."""
    space, _, bare = str(key).rpartition(":")
    if bare in _REGION_WORDS and space in ("", "aml", "azure-native"):
        return _LOCATION
    if space == "azure-native":
        return _LOCATION if names_meant(bare, ["location"]) else None
    if space not in ("", "aml"):
        return None
    known = [name.removeprefix(_OURS) for name in _FIELDS if name.startswith(_OURS)]
    if not space:
        return f"{_OURS}{bare.lower()}" if bare.lower() in known else None
    near = names_meant(bare, known, most=1)
    return section_called(bare) or (f"{_OURS}{near[0]}" if near else None)


def _unknown(key: str) -> str:
    if key.startswith(_OURS) and any(mark in key for mark in ".["):
        return f"is a path used as a key. Run `aml config set --path '{key}' VALUE`."
    meant = _meant(key)
    if meant:
        return f"is not a known key. Did you mean {meant!r}?"
    return f"is not a known key. Known keys: {', '.join(KEYS.values())}."
