"""Maps pydantic's error locations to paths in the stack file and to the keys allowed there.

A location includes the tags of unions; a path in the stack file does not.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin

from infra.spec.base import SpecModel
from infra.spec.stack import StackSpec

_DISCRIMINATORS: Final = ("kind", "type")


@dataclass(frozen=True, slots=True)
class SchemaPath:
    """A path in the stack file. ``choices`` are tags of a union, ``discriminator`` their key."""

    path: tuple[str | int, ...]
    keys: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    discriminator: str = ""


def schema_path(location: Sequence[str | int]) -> SchemaPath:
    """Return the path of a pydantic location; unknown steps have no keys."""
    here: Any = StackSpec
    path: list[str | int] = []
    for step in location:
        models = tuple(_models(here))
        if len(models) > 1 and isinstance(step, str) and _container(here) is None:
            here = _tagged(models)[1].get(step)
            continue
        path.append(step)
        here = _inwards(here, models, step)
    models = tuple(_models(here))
    if len(models) == 1:
        return SchemaPath(tuple(path), tuple(models[0].model_fields))
    discriminator, choices = _tagged(models)
    return SchemaPath(tuple(path), (), tuple(choices), discriminator)


def _inwards(here: Any, models: Sequence[type[SpecModel]], step: str | int) -> Any:
    container = _container(here)
    if container is not None:
        return get_args(container)[-1 if get_origin(container) is dict else 0]
    if len(models) == 1 and step in models[0].model_fields:
        field = models[0].model_fields[str(step)]
        return field.annotation
    return None


def _container(annotation: Any) -> Any:
    """Return the list or map in an annotation, which may be optional or annotated."""
    if get_origin(annotation) in (tuple, dict):
        return annotation
    if isinstance(annotation, type):
        return None
    return next((found for each in get_args(annotation) if (found := _container(each))), None)


def _models(annotation: Any) -> Iterator[type[SpecModel]]:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        if issubclass(annotation, SpecModel):
            yield annotation
        return
    for each in get_args(annotation):
        yield from _models(each)


def _tagged(models: Sequence[type[SpecModel]]) -> tuple[str, Mapping[str, type[SpecModel]]]:
    for key in _DISCRIMINATORS:
        if models and all(key in model.model_fields for model in models):
            return key, {get_args(m.model_fields[key].annotation)[0]: m for m in models}
    return "", {}
