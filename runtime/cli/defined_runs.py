"""A run as a file defines it, before anything is checked against its target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunSpec
from runtime.submit.session import ProjectSession
from runtime.targets.finding import LOCAL


@dataclass(frozen=True, slots=True)
class Defined:
    """A run that a file defines. ``name`` is its id, ``""`` for one that is made.

    ``parent`` has runs below it, of which ``spec`` is one: a sweep; ``None`` for a plain run.
    """

    spec: RunSpec
    name: str = ""
    notes: Sequence[str] = ()
    parent: "Parent | None" = None


class Parent(Protocol):
    """What a file defines that has runs below it."""

    def plan(self, session: ProjectSession, spec: RunSpec) -> str:
        """Return what ``submit`` would start, as a sentence, or raise what it would raise."""

    def submit(self, session: ProjectSession, spec: RunSpec, name: str) -> str:
        """Start it and return its id, which is ``name`` unless that is empty."""


def environment_text(spec: EnvironmentSpec | None, target: str) -> str:
    """Return what an environment that is not built is called, for a person."""
    own = "this interpreter" if target == LOCAL else "the Python that the target has"
    if spec is None:
        return own
    if spec.kind == "registered":
        place = f"{spec.registry}/" if spec.registry else ""
        return f"{place}{spec.name}:{spec.version or 'latest'}"
    if spec.image is not None:
        return f"the image {spec.image.name or spec.image.dockerfile_path}"
    return spec.interpreter or own
