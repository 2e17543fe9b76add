"""Shows a run while it goes on: steps, the script's own output, and how it ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import click

from infra.contract.errors import InterruptedByUserError, RunFailedError
from runtime.cli.render import duration, print_table
from runtime.history.fold import as_number
from runtime.model.runs import RunEvent, RunRecord
from runtime.model.states import RunState
from runtime.submit.watch import Ended, Happened, Logged, Seen

_SCRIPT_LOG = "user_logs/std_log.txt"
_LOG_FOLDERS = ("azureml-logs", "user_logs")


def follow(seen: Iterable[Seen], run_id: str, *, as_talk: bool = False) -> RunRecord | None:
    """Print what is seen until the run has ended; return its record.

    What the script prints goes to stdout, ``as_talk`` to stderr: a command with ``--json`` keeps
    stdout for its one document.
    Ctrl-C stops the watching, never the run: ``InterruptedByUserError`` says how to get back.
    """
    record, metrics = None, MetricLines()
    try:
        for each in seen:
            match each:
                case Happened(_, event):
                    line = metrics.line(event) if event.kind == "metric" else event_line(event)
                    if line:
                        click.echo(line, err=True)
                case Logged(_, chunk):
                    click.echo(chunk.text, nl=False, err=as_talk or chunk.name != _SCRIPT_LOG)
                case Ended(ended):
                    record = ended
    except KeyboardInterrupt as error:
        raise InterruptedByUserError(
            f"Stopped watching; run {run_id} goes on.",
            remedy=f"Get back to it with `aml run logs -f {run_id}`, or stop it with"
            f" `aml run cancel {run_id}`.",
        ) from error
    return record


@dataclass(slots=True)
class MetricLines:
    """Tells of metrics as they are logged, of each at most once in ``every_s`` of the run's time.

    The last value is in the table at the end, whatever was passed over here.
    """

    every_s: float = 1.0
    _told: dict[str, float] = field(default_factory=dict)

    def line(self, event: RunEvent) -> str:
        """Return the line that tells of a metric, ``""`` where the last one was just now."""
        key = str(event.data["key"])
        if event.time - self._told.get(key, float("-inf")) < self.every_s:
            return ""
        self._told[key] = event.time
        step = f" (step {event.data['step']})" if event.data.get("step") else ""
        return f"[metric] {key} {float(event.data['value']):g}{step}"


def event_line(event: RunEvent) -> str:
    """Return the line that tells of an event, ``""`` for one not worth a line."""
    data = event.data
    match event.kind:
        case "step":
            return f"[{data['step']}] {data.get('text', '')}".rstrip()
        case "state":
            # what the script printed last was just shown, and stands in the message at the end
            reason = str(data.get("reason") or "").partition(" Its last lines:")[0]
            return f"-- {data['state']}" + (f": {reason}" if reason else "")
        case "message":
            return str(data["text"])
        case "node":
            return f"[node {data['node']}] {data['state']}"
        case "metric" if not data.get("run"):
            return f"[metric] {data['key']} {as_number(data['value']):g}"
    return ""


def print_end(record: RunRecord) -> None:
    """Print the table of a run that has ended."""
    rows = [
        ("run", record.run_id),
        ("state", str(record.state)),
        ("target", record.target),
        ("duration", duration(elapsed(record))),
        *((f"metric {key}", f"{value:g}") for key, value in sorted(record.metrics.items())),
        ("outputs", record.outputs or "-"),
    ]
    click.echo(err=True)
    print_table(("", ""), rows, err=True)


def elapsed(record: RunRecord) -> float | None:
    """Return the seconds from submission to the end, ``None`` while it runs."""
    return None if record.ended is None else record.ended - record.created


def raise_unless_completed(record: RunRecord, last_lines: str) -> None:
    """Raise ``RunFailedError`` for a run that failed or was canceled, with its last words."""
    if record.state is RunState.COMPLETED:
        return
    why = record.error or ""
    code = (
        "" if record.exit_code is None or "exit code" in why else f", exit code {record.exit_code}"
    )
    detail = f"Run {record.run_id} ended as {record.state}{code}. {why}".rstrip()
    if last_lines and "last lines" not in why:
        detail += f"\nIts last lines:\n{last_lines}"
    raise RunFailedError(
        detail, remedy=f"Read all of it: `aml run logs {record.run_id}`.", at=record.script
    )


def last_lines(folder: str | None, count: int = 10) -> str:
    """Return the end of what a collected run's script printed."""
    log = Path(folder or "") / _SCRIPT_LOG
    if folder is None or not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-count:])


def collected_logs(folder: Path) -> list[tuple[str, str]]:
    """Return name and text of the logs that were brought to ``folder``."""
    files = [file for place in _LOG_FOLDERS for file in sorted((folder / place).rglob("*.txt"))]
    return [
        (
            file.relative_to(folder).as_posix(),
            file.read_text(encoding="utf-8", errors="replace"),
        )
        for file in files
    ]
