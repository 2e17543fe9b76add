"""The order in which a plan is shown: as it will be done, and the same every time. Pure.

The engine works on independent resources at once, so that they finish in any order.
"""

from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Final

from infra.engine.model.events import Op, Step

_DELETIONS: Final = frozenset({Op.DELETE, Op.DISCARD})


def in_order(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps: each after what it depends on, deletions last and the other way round.

    Steps that are independent are in the order of their types and names; those of one resource,
    such as the parts of a replacement, are as they were.
    """
    deletions = [step for step in steps if step.op in _DELETIONS]
    others = [step for step in steps if step.op not in _DELETIONS]
    return (*_sorted(others), *reversed(_sorted(deletions)))


def _sorted(steps: Sequence[Step]) -> list[Step]:
    by_urn: dict[str, list[Step]] = {}
    for step in steps:
        by_urn.setdefault(step.urn, []).append(step)
    graph = {
        urn: {each for step in own for each in step.after if each in by_urn and each != urn}
        for urn, own in by_urn.items()
    }
    order, sorter = [], TopologicalSorter(graph)
    sorter.prepare()
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda urn: (by_urn[urn][0].type, urn))
        order += ready
        sorter.done(*ready)
    return [step for urn in order for step in by_urn[urn]]
