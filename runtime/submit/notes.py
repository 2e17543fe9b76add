"""What a submission tells: events in the history, and steps to whoever waits for it."""

from infra.contract.json_types import Document
from runtime.history.store import History
from runtime.model.runs import EventKind, RunEvent


def silent(_: str) -> None:
    """Report nothing."""


def note(
    history: History, run_id: str, kind: EventKind, data: Document, *, time_s: float
) -> RunEvent:
    """Append an event of origin ``submit`` and return it."""
    event = RunEvent(history.next_seq(run_id, "submit"), time_s, kind, data, "submit")
    history.append(run_id, [event])
    return event
