"""Checks the inputs of a resource and fills in names, locations and versions. Pure.

A resource group's location may have to come from the service; the caller passes a function for it.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from infra.arm.bodies import API_VERSION
from infra.arm.diffing import CREATE_FIRST
from infra.catalogue.documents import value_at
from infra.catalogue.types.row import ArmType
from infra.catalogue.types.table import variant_of_inputs
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import nearest
from infra.contract.provider import UNKNOWN, AutoName, Checked, CheckFailure

_SUFFIX: Final = 8
_INNER: Final = "properties.properties"
_NO_NAME: Final = "It is required: `pulumi:autonaming` gives resources no names."


def checked_inputs(
    row: ArmType,
    named: Callable[[], str | None],
    olds: Document | None,
    news: Document,
    *,
    locate: Callable[[str], str | None],
) -> Checked:
    """Complete and validate ``news``; reports every mistake, not only the first.

    ``named`` returns the name of what is new and has none; ``None``: the program has to give one.
    ``locate`` returns the location for a resource group's name when neither inputs nor olds have
    one; for a resource group itself it is called with an empty name.
    """
    inputs = _canonical(row, news)
    row = variant_of_inputs(row, inputs)
    inputs |= _named(row, named, olds or {}, inputs)
    if row.located and not inputs.get("location"):
        group = inputs.get("resourceGroupName", "") if len(row.parameters) > 1 else ""
        location = (olds or {}).get("location") or locate(str(group))
        inputs |= {"location": location} if location else {}
    inputs[API_VERSION] = row.api_version
    return Checked(inputs, tuple(failures(row, inputs)))


def failures(row: ArmType, inputs: Document) -> Iterator[CheckFailure]:
    """Yield every mistake in checked inputs."""
    yield from _unknown_properties(row, inputs)
    for path in sorted(row.required):
        for missing in _missing(inputs, "", path.split(".")):
            yield CheckFailure(missing, "It is required.")
    name = value_at(inputs, row.name_input)
    if name is None and "." not in row.name_input and row.name_input not in row.required:
        yield CheckFailure(row.name_input, _NO_NAME)
    problem = row.name_rule.problem(name) if isinstance(name, str) and name != UNKNOWN else None
    if problem:
        yield CheckFailure(row.name_input, problem)
    kind = value_at(inputs, row.discriminator) if row.discriminator else None
    if row.discriminator and isinstance(kind, str) and kind not in {*row.variants, UNKNOWN}:
        yield CheckFailure(
            row.discriminator, f"{kind!r}: {nearest(kind, row.variants, noun='kind')}"
        )


def automatic_name(
    row: ArmType, name: str, seed: bytes, prescribed: AutoName | None = None
) -> str | None:
    """Return a unique name that starts with the program's name and fits the type's rule.

    A stack may prescribe another one, or none. What is proposed gives way where it does not fit.
    """
    if prescribed is not None and prescribed.mode == "disabled":
        return None
    if prescribed is not None and prescribed.mode == "enforce":
        return prescribed.proposed
    if prescribed is not None and row.autoname == "suffix":
        proposed = prescribed.proposed
        fitting = (proposed, proposed.lower(), _plain(proposed)[: row.name_rule.longest])
        return next((each for each in fitting if not row.name_rule.problem(each)), proposed)
    if row.autoname == "default":
        return row.autoname
    digest = hashlib.sha256(seed).hexdigest()
    if row.autoname == "uuid":
        return str(uuid.UUID(digest[:32]))
    base = name[: row.name_rule.longest - _SUFFIX]
    # As written, in lower case, and reduced to lower-case letters and digits.
    bases = (base, base.lower(), _plain(name)[: row.name_rule.longest - _SUFFIX])
    candidates = [base + digest[:_SUFFIX] for base in bases]
    return next((name for name in candidates if not row.name_rule.problem(name)), candidates[0])


def _plain(name: str) -> str:
    return "".join(c for c in name if c.isascii() and c.isalnum()).lower()


def _canonical(row: ArmType, news: Document) -> JsonObject:
    """Spell the discriminator as ARM does: clients reject other casings in answers."""
    inputs = dict(news)
    kind = value_at(inputs, row.discriminator) if row.discriminator else None
    spelled = {value.lower(): value for value in row.variants}.get(str(kind).lower())
    if row.discriminator and spelled:
        outer, _, inner = row.discriminator.partition(".")
        inputs[outer] = {**inputs[outer], inner: spelled}
    return inputs


def _named(
    row: ArmType, named: Callable[[], str | None], olds: Document, inputs: Document
) -> JsonObject:
    if value_at(inputs, row.name_input) or "." in row.name_input:
        return {}
    old = olds.get(row.name_input)
    if old:
        kept = {CREATE_FIRST: True} if olds.get(CREATE_FIRST) else {}
        return {row.name_input: old, **kept}
    made = named()
    return {row.name_input: made, CREATE_FIRST: True} if made is not None else {}


def _unknown_properties(row: ArmType, inputs: Document) -> Iterator[CheckFailure]:
    for key in inputs:
        # Two underscores mark the engine's own keys.
        if key not in row.known and key != API_VERSION and not key.startswith("__"):
            yield CheckFailure(key, _no_such(key, row.known))
    inner = value_at(inputs, _INNER)
    if row.inner is not None and isinstance(inner, Mapping):
        for key in inner:
            if key not in row.inner:
                yield CheckFailure(f"{_INNER}.{key}", _no_such(key, row.inner))


def _no_such(key: str, known: frozenset[str]) -> str:
    hint = nearest(key, dict.fromkeys(known), noun="property")
    return f"There is no property {key!r}. {hint}"


def _missing(value: object, path: str, steps: list[str]) -> Iterator[str]:
    """Yield each place where ``steps`` is missing although its parent is given.

    Not ``value_at``: one path names a place in every element of a list, and each is reported.
    """
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _missing(item, f"{path}[{index}]", steps)
    if not isinstance(value, Mapping):
        return
    here = f"{path}.{steps[0]}" if path else steps[0]
    inner = value.get(steps[0])
    if len(steps) > 1:
        yield from _missing(inner, here, steps[1:])
    elif inner is None or inner == "":
        yield here
