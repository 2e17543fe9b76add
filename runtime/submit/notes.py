"""What a submission tells: events in the history, and steps to whoever waits for it."""

from typing import Final

from infra.contract.json_types import Document
from runtime.history.store import History
from runtime.model.runs import EventKind, RunEvent

LAST_LINES: Final = " Its last lines:"
"""What comes between an error of a run and the lines that its script printed last."""


def in_a_line(why: str) -> str:
    """Return a reason as a line: of an error with a script's last lines, the last one."""
    first, _, lines = why.partition(LAST_LINES)
    last = lines.strip().rpartition("\n")[2].strip()
    return " ".join(f"{first} {last}".split())


def silent(_: str) -> None:
    """Report nothing."""


def note(
    history: History, run_id: str, kind: EventKind, data: Document, *, time_s: float
) -> RunEvent:
    """Append an event of origin ``submit`` and return it."""
    event = RunEvent(history.next_seq(run_id, "submit"), time_s, kind, data, "submit")
    history.append(run_id, [event])
    return event
