"""A run as a file defines it, before anything is checked against its target."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunSpec
from runtime.submit.session import ProjectSession


@dataclass(frozen=True, slots=True)
class Defined:
    """A run that a file defines. ``name`` is its id, ``""`` for one that is made.

    ``submits`` starts what has runs below it (a sweep, of which ``spec`` is one trial), given the
    spec and the name, and returns the id of the parent; ``None`` for a plain run.
    """

    spec: RunSpec
    name: str = ""
    notes: Sequence[str] = ()
    submits: "Submits | None" = None


Submits: TypeAlias = Callable[[ProjectSession, RunSpec, str], str]


def environment_text(spec: EnvironmentSpec | None) -> str:
    """Return what an environment that is not built is called, for a person."""
    if spec is None:
        return "this interpreter"
    if spec.kind == "registered":
        place = f"{spec.registry}/" if spec.registry else ""
        return f"{place}{spec.name}:{spec.version or 'latest'}"
    if spec.image is not None:
        return f"the image {spec.image.name or spec.image.dockerfile_path}"
    return spec.interpreter or "this interpreter"
