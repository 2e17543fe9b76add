"""Shows a run as it happens: its steps, the script's output, and how it ended."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from infra.contract.errors import InterruptedByUserError, RunFailedError
from infra.contract.load import load
from infra.contract.times import duration
from runtime.agent.exit_codes import exit_text
from runtime.cli.render import print_table, print_text, same_destination, say
from runtime.cli.shown_runs import elapsed
from runtime.history.fold import as_number, number_text
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import NEXT, RunState
from runtime.submit.notes import LAST_LINES
from runtime.submit.watch import Ended, Happened, Logged, Seen

_SCRIPT_LOG = "user_logs/std_log.txt"
_RANK_LOGS = "user_logs/std_log_process_"
_NODE_LOGS = "user_logs/std_log_node_"
_SHORT = 60
_OF_ITSELF = frozenset({"metric", "state", "message"})


def follow(seen: Iterable[Seen], run_id: str, *, quiet: bool = False) -> RunRecord:
    """Print what is seen until the run has ended; return its record.

    The script's output goes to stdout; with ``quiet`` to stderr, because a command with ``--json``
    keeps stdout for its one document. Ctrl-C stops watching, never the run:
    ``InterruptedByUserError`` says how to resume.
    """
    record, events, logs, ranks = None, EventLines(), set[str](), RankLines()
    try:
        for each in seen:
            match each:
                case Happened(_, event):
                    if line := events.line(event):
                        say(line)
                case Logged(_, chunk):
                    logs.add(chunk.name)
                    if said_again(chunk.name, logs):
                        continue
                    text = ranks.whole(chunk.name, chunk.text)
                    print_text(text, err=quiet or not _of_all(chunk.name))
                case Ended(ended):
                    record = ended
                    print_text("" if any(map(_of_all, logs)) else ranks.rest(), err=True)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError(
            f"Stopped watching; run {run_id} continues.",
            remedy=f"Watch it again with `aml run logs -f {run_id}`, or stop it with"
            f" `aml run cancel {run_id}`.",
        ) from error
    if record is None:
        raise AssertionError("watching ends with the run")
    return record


def said_again(log: str, logs: Collection[str]) -> bool:
    """Return whether a log has one rank's lines, which another of ``logs`` has with all ranks'."""
    return log.startswith(_RANK_LOGS) and any(map(_of_all, logs))


def _of_all(log: str) -> bool:
    """Return whether a log has the output of all ranks, here or on one of several machines."""
    return log == _SCRIPT_LOG or log.startswith(_NODE_LOGS)


@dataclass(slots=True)
class RankLines:
    """Whole lines of the logs of ranks: a log with those of all has a line only when it ends."""

    _begun: dict[str, str] = field(default_factory=dict)

    def whole(self, log: str, text: str) -> str:
        """Return what is to be shown of new text."""
        if not log.startswith(_RANK_LOGS):
            return text
        lines, newline, self._begun[log] = (self._begun.pop(log, "") + text).rpartition("\n")
        return lines + newline

    def rest(self) -> str:
        """Return the lines that never ended."""
        return "\n".join(filter(None, self._begun.values()))


@dataclass(slots=True)
class MetricLines:
    """Shows metrics as they are logged, each at most once per ``every_s`` of the run's time.

    The table at the end has every last value, whatever was skipped here.
    """

    every_s: float = 1.0
    _shown: dict[str, float] = field(default_factory=dict)

    def line(self, event: RunEvent) -> str:
        """Return the line that shows a metric, ``""`` if the last one was just shown."""
        key, kind = str(event.data["key"]), event.data.get("type")
        if event.time - self._shown.get(key, float("-inf")) < self.every_s:
            return ""
        self._shown[key] = event.time
        step = f" (step {event.data['step']})" if event.data.get("step") else ""
        if kind:
            return f"[metric] {key} ({str(kind).replace('_', ' ')})"
        return f"[metric] {key} {number_text(as_number(event.data['value']))}{step}"


@dataclass(slots=True)
class EventLines:
    """Shows events of a run, but not what the runs below it log and come to.

    A state that the run does not move to is left out: a driver that follows another one begins
    with those that the run has had.
    """

    _metrics: MetricLines = field(default_factory=MetricLines)
    _state: RunState | None = None

    def line(self, event: RunEvent) -> str:
        """Return the line that shows an event, ``""`` for one that is not shown."""
        if event.data.get("run") and event.kind in _OF_ITSELF:
            return ""
        if event.kind == "metric":
            return self._metrics.line(event)
        if event.kind == "state":
            state = RunState(event.data["state"])
            if self._state is not None and state not in NEXT[self._state]:
                return ""
            self._state = state
        return event_line(event)


def event_line(event: RunEvent) -> str:
    """Return the line that shows an event, ``""`` for one that is not shown."""
    data = event.data
    match event.kind:
        case "step":
            return f"[{data['step']}] {data.get('text', '')}".rstrip()
        case "state":
            # The last lines were just printed, and the error at the end repeats them.
            reason = str(data.get("reason") or "").partition(LAST_LINES)[0]
            return f"-- {data['state']}" + (f": {reason}" if reason else "")
        case "message":
            return str(data["text"])
        case "node":
            return f"[node {data['node']}] {data['state']}"
    return ""


def print_end(record: RunRecord) -> None:
    """Print the table of a run that has ended; why a run failed is the error that follows."""
    completed = record.state is RunState.COMPLETED
    rows = [
        ("run", record.run_id),
        ("state", str(record.state)),
        *([("note", record.error)] if completed and record.error else []),
        ("target", record.target),
        ("duration", duration(elapsed(record))),
        *((f"metric {key}", number_text(value)) for key, value in sorted(record.metrics.items())),
        ("outputs", record.outputs or ""),
    ]
    say()
    print_table(("", ""), rows, err=True)


def raise_unless_completed(record: RunRecord, last_lines: str, *, quiet: bool = False) -> None:
    """Raise ``RunFailedError`` for a run that failed or was canceled, with its last lines.

    The lines are left out if its output, printed as ``follow`` does with ``quiet``, is above.
    """
    if record.state is RunState.COMPLETED:
        return
    why, shown = record.error or "", quiet or same_destination()
    if shown:
        why = why.partition(LAST_LINES)[0]
    code = (
        "" if record.exit_code is None or "exit code" in why else f", {exit_text(record.exit_code)}"
    )
    detail = f"Run {record.run_id} ended as {record.state}{code}. {why}".rstrip()
    if last_lines and not shown and "last lines" not in why:
        detail += f"\nIts last lines:\n{last_lines}"
    raise RunFailedError(
        detail,
        remedy=f"See the full log: `aml run logs {record.run_id}`.",
        at=_in_short(record.script),
    )


def _in_short(script: str) -> str:
    """Return a script, or the beginning of a line of the shell."""
    first, *rest = script.splitlines() or [""]
    cut = first[:_SHORT]
    return cut if cut == first and not rest else f"{cut.rstrip()} …"


def last_lines(folder: str | None, count: int = 10) -> str:
    """Return the last lines that a collected run's script printed, and what matters before."""
    log = Path(folder or "") / _SCRIPT_LOG
    if folder is None or not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    found: tuple[str, ...] = load("runtime.agent.last_words:telling_lines")(lines, count)
    return "\n".join(found)
