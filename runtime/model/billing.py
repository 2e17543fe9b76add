"""What a run is billed for: nodes of a size in a region, for as long as it holds them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from infra.contract.json_types import Document
from runtime.model.states import RunState

Held: TypeAlias = tuple[tuple[float, float | None], ...]
"""From when to when a run held its nodes, in seconds since the epoch; ``None``: it still does."""
_HOLDING: Final = frozenset({RunState.PREPARING, RunState.RUNNING, RunState.FINALIZING})
_WAITING: Final = frozenset(
    {RunState.NOT_STARTED, RunState.STARTING, RunState.QUEUED, RunState.PROVISIONING}
)


class Place(NamedTuple):
    """What Azure bills at a target: ``vm_size`` is empty where a run brings or finds its own."""

    vm_size: str
    region: str
    low_priority: bool = False


@dataclass(frozen=True, slots=True)
class Billed:
    """The nodes of a run as they were known when it was submitted, to outlive their compute.

    ``kind`` is that of the target called ``target``, ``sizes`` how many nodes of each VM size.
    ``why_not``: why it has no nodes that are billed for it.
    """

    target: str
    kind: str
    sizes: Mapping[str, int] = field(default_factory=dict)
    region: str = ""
    low_priority: bool = False
    why_not: str = ""

    @property
    def nodes(self) -> int:
        """Return how many nodes there are."""
        return sum(self.sizes.values())


def read_billed(document: Document | None) -> Billed | None:
    """Return what was kept as JSON; keys of later releases are left out."""
    if document is None:
        return None
    known = Billed.__dataclass_fields__
    return Billed(**{key: value for key, value in document.items() if key in known})


def read_held(document: object) -> Held:
    """Return the times that were kept as JSON."""
    return tuple((start, end) for start, end in document) if isinstance(document, list) else ()


def held_after(held: Held, before: RunState, state: RunState, time: float) -> Held:
    """Return the times of a run that came from state ``before`` to ``state`` at ``time``.

    A wait in the queue is no time of a node. Where the service builds an image before it queues the
    run, that is none either; what is prepared after the queue is prepared on the node.
    """
    *earlier, last = held or ((0.0, 0.0),)
    is_open = last[1] is None
    if state in _HOLDING:
        return held if is_open else (*held, (time, None))
    if state in _WAITING and is_open and before is RunState.PREPARING:
        return tuple(earlier)
    if (state in _WAITING or state.final) and is_open:
        return (*earlier, (last[0], max(time, last[0])))
    return held


def seconds_held(held: Held, since: float, until: float) -> float:
    """Return how long the nodes were held between two times."""
    return sum(
        max(0.0, min(until if end is None else end, until) - max(start, since))
        for start, end in held
    )
