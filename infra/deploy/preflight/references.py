"""What a stack refers to by its ARM id: resources that others made and that are to exist. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pydantic import BaseModel

from infra.catalogue.names import parse_arm_id
from infra.contract.errors import UsageError
from infra.engine.model.events import Op, Step
from infra.spec.problems import Location
from infra.spec.stack import KEYS, StackSpec

_ROOT: Final = "/subscriptions/"
_UNTOUCHED: Final = frozenset({Op.SAME, Op.READ, Op.DELETE, Op.DELETE_REPLACED, Op.DISCARD})


def references(spec: StackSpec) -> Mapping[Location, str]:
    """Return the ids of resources that are not the stack's own, by their place in the file."""
    parts = {key: getattr(spec, name) for name, key in KEYS.items() if name != "adopt"}
    found = {at: id_ for key, part in parts.items() for at, id_ in _ids(part, (key,))}
    return {at: id_ for at, id_ in found.items() if parse_arm_id(id_).namespace}


def used_ids(steps: Iterable[Step]) -> frozenset[str]:
    """Return the ids, in lower case, in what a plan creates or changes."""
    changed = (step.new for step in steps if step.op not in _UNTOUCHED)
    return frozenset(id_.lower() for inputs in changed for _, id_ in _ids(inputs, ()))


def ids_in(inputs: object) -> Iterator[str]:
    """Yield the ids of resources in inputs, subscriptions and groups left out."""
    return (id_ for _, id_ in _ids(inputs, ()) if _is_resource(id_))


def _is_resource(text: str) -> bool:
    try:
        return parse_arm_id(text).namespace is not None
    except UsageError:
        return False  # of a program of one's own any text may begin like an id


def _ids(value: object, at: Location) -> Iterator[tuple[Location, str]]:
    match value:
        case str() if value.lower().startswith(_ROOT):
            yield at, value
        case BaseModel():
            yield from _ids(dict(value), at)
        case Mapping():
            for key, item in value.items():
                yield from _ids(item, (*at, str(key)))
        case list() | tuple():
            for index, item in enumerate(value):
                yield from _ids(item, (*at, index))
