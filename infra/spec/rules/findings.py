"""The types of rules and findings, and functions that read plain, possibly invalid values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document
from infra.spec.problems import Location

_PAIR: Final = 2

Finding = tuple[Location, str]
"""The location, relative to the value the rule reads, and what is wrong."""


class Lacking(str):
    """A message that only says what is still to be given, as a file written key by key has it."""

    __slots__ = ()


StackRule = Callable[[Document], Iterator[Finding]]


def below(prefix: Location, findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield findings with ``prefix`` added to their locations."""
    for location, message in findings:
        yield (*prefix, *location), message


def entries(stack: Document, key: str) -> Iterator[tuple[int, Document]]:
    """Yield the entries of a list that are maps, each with its index."""
    values = stack.get(key)
    for index, value in enumerate(values if isinstance(values, list | tuple) else ()):
        if isinstance(value, Mapping):
            yield index, value


def listed(owner: Document, key: str) -> list[object]:
    """Return the items of a list, or nothing if there is no list."""
    value = owner.get(key)
    return list(value) if isinstance(value, list | tuple) else []


def grants(stack: Document) -> Iterator[tuple[Location, Document]]:
    """Yield what gives a principal access: role assignments, and access policies of the vault."""
    for index, assignment in entries(stack, "role_assignments"):
        yield ("role_assignments", index), assignment
    vault = stack.get("key_vault")
    for index, policy in entries(vault if isinstance(vault, Mapping) else {}, "access_policies"):
        yield ("key_vault", "access_policies", index), policy


def is_adopted(stack: Document, name: object) -> bool:
    """Return whether a compute existed before the stack did: the service has accepted it."""
    adopted = stack.get("adopt")
    return isinstance(adopted, Mapping) and f"platform-{name}" in adopted


def whole(value: object) -> int | None:
    """Return a whole number, which may be written as text; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return int(value)
    except ValueError:
        return None


def off(value: object) -> bool:
    """Return whether a switch is off, which may be written as text."""
    return value is False or (isinstance(value, str) and value.lower() == "false")


def exactly_one(owner: Document, *keys: str) -> str | None:
    """Return what is wrong unless exactly one of the keys is given."""
    given = [key for key in keys if owner.get(key) not in (None, False)]
    choice = " or ".join(keys) if len(keys) == _PAIR else f"one of {', '.join(keys)}"
    if len(given) == 1:
        return None
    if given:
        return f"takes {choice}, not both." if len(keys) == _PAIR else f"takes only {choice}."
    return Lacking(f"needs {choice}.")
