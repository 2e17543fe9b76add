"""What the functions get that a program hooks into the operations on its resources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from infra.engine.model.resources import Resource

Verb = Literal["create", "update", "delete"]

BEFORE: Final[Mapping[Verb, str]] = {
    "create": "BeforeCreate",
    "update": "BeforeUpdate",
    "delete": "BeforeDelete",
}
AFTER: Final[Mapping[Verb, str]] = {
    "create": "AfterCreate",
    "update": "AfterUpdate",
    "delete": "AfterDelete",
}
ON_ERROR: Final = "OnError"
"""The keys of a resource's hooks, as a checkpoint has them."""


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of a hook.

    ``new`` is as it will be (``done``: as it is now), ``None`` for a delete; ``old`` as it was,
    ``None`` for a create. ``errors`` are those of an operation that failed, the newest first.
    """

    verb: Verb
    new: Resource | None
    old: Resource | None
    done: bool = False
    errors: Sequence[str] = ()

    @property
    def resource(self) -> Resource:
        """Return the resource it is about: as it will be, else as it was."""
        for each in (self.new, self.old):
            if each is not None:
                return each
        raise ValueError("a hook is called about a resource")
