"""The states of a run, named as in Azure ML, the allowed transitions, and when it has its nodes.

A run that waits only goes forward, in the order of ``WAITING``, whatever its target reports. The
exception is Queued: a run whose node is taken away is queued again, and starts over.
"""

from enum import StrEnum
from typing import Final, TypeAlias

from infra.contract.errors import UsageError


class RunState(StrEnum):
    """Azure ML's run status, in the service's spelling."""

    NOT_STARTED = "NotStarted"
    STARTING = "Starting"
    QUEUED = "Queued"
    PREPARING = "Preparing"  # the environment is being built
    PROVISIONING = "Provisioning"  # nodes are being allocated
    RUNNING = "Running"
    NOT_RESPONDING = "NotResponding"  # no heartbeat
    PAUSED = "Paused"
    CANCEL_REQUESTED = "CancelRequested"
    FINALIZING = "Finalizing"  # the script is done, outputs are being collected
    COMPLETED = "Completed"
    FAILED = "Failed"
    CANCELED = "Canceled"

    @property
    def final(self) -> bool:
        """Whether the run has ended. It never leaves a final state, though events may follow."""
        return not NEXT[self]


_S = RunState
WAITING: Final = (_S.NOT_STARTED, _S.STARTING, _S.QUEUED, _S.PROVISIONING, _S.PREPARING)
"""The states before Running, in their order; a target may leave any of them out."""

_ENDS = frozenset({_S.FAILED, _S.CANCELED, _S.CANCEL_REQUESTED})


def _after(waiting: RunState) -> frozenset[RunState]:
    later = {*WAITING[WAITING.index(waiting) + 1 :], _S.RUNNING}
    had_a_node = waiting in (_S.PROVISIONING, _S.PREPARING)
    return _ENDS | later | ({_S.QUEUED} if had_a_node else set())


NEXT: Final = {
    **{waiting: _after(waiting) for waiting in WAITING},
    # A run whose low-priority node is preempted is queued again and starts over.
    _S.RUNNING: _ENDS | {_S.FINALIZING, _S.COMPLETED, _S.NOT_RESPONDING, _S.PAUSED, _S.QUEUED},
    _S.NOT_RESPONDING: _ENDS | {_S.RUNNING, _S.FINALIZING, _S.COMPLETED, _S.QUEUED},
    _S.PAUSED: _ENDS | {_S.RUNNING, _S.QUEUED},
    _S.CANCEL_REQUESTED: frozenset({_S.CANCELED, _S.COMPLETED, _S.FAILED, _S.FINALIZING}),
    _S.FINALIZING: frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELED}),
    _S.COMPLETED: frozenset[RunState](),
    _S.FAILED: frozenset[RunState](),
    _S.CANCELED: frozenset[RunState](),
}


def move(current: RunState, to: RunState) -> RunState:
    """Return ``to``; raise ``UsageError`` if the table does not allow the transition."""
    if to in NEXT[current]:
        return to
    raise UsageError(
        f"A {current} run cannot become {to}.",
        remedy="Submit the run again; the state of a run that has ended is final.",
    )


Held: TypeAlias = tuple[tuple[float, float | None], ...]
"""From when to when a run held its nodes, in seconds since the epoch; ``None``: it still does."""
_HOLDING: Final = frozenset({RunState.PREPARING, RunState.RUNNING, RunState.FINALIZING})
_WITHOUT_NODES: Final = frozenset({*WAITING} - {RunState.PREPARING})


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
    if state in _WITHOUT_NODES and is_open and before is RunState.PREPARING:
        return tuple(earlier)
    if (state in _WITHOUT_NODES or state.final) and is_open:
        return (*earlier, (last[0], max(time, last[0])))
    return held


def seconds_held(held: Held, since: float, until: float) -> float:
    """Return how long the nodes were held between two times."""
    return sum(
        max(0.0, min(until if end is None else end, until) - max(start, since))
        for start, end in held
    )
