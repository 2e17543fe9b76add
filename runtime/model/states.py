"""The states of a run: Azure ML's words, and which state may follow which."""

from enum import StrEnum
from typing import Final

from infra.contract.errors import UsageError


class RunState(StrEnum):
    """Azure ML's run status, spelled as the service spells it."""

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
        """A run never leaves a final state; node and storage events may still follow it."""
        return not NEXT[self]


_S = RunState
_ENDS = frozenset({_S.FAILED, _S.CANCELED, _S.CANCEL_REQUESTED})
_BEFORE = frozenset({_S.STARTING, _S.QUEUED, _S.PREPARING, _S.PROVISIONING, _S.RUNNING})

NEXT: Final = {
    _S.NOT_STARTED: _BEFORE | _ENDS,
    _S.STARTING: (_BEFORE - {_S.STARTING}) | _ENDS,
    _S.QUEUED: (_BEFORE - {_S.QUEUED}) | _ENDS,
    _S.PREPARING: (_BEFORE - {_S.PREPARING}) | _ENDS,
    _S.PROVISIONING: (_BEFORE - {_S.PROVISIONING}) | _ENDS,
    # a low-priority node that is taken away sends its run back to the queue, from the beginning
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
    """Return ``to``, or refuse a step that is not in the table."""
    if to in NEXT[current]:
        return to
    raise UsageError(
        f"A {current} run cannot become {to}.",
        remedy="Submit the run again; a run that has ended stays as it is.",
    )
