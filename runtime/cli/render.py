"""The only place of the runtime's command line that prints: errors, tables, durations, sizes."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from infra.contract.errors import PlatformError
from runtime.model.runs import RunRecord


def print_error(error: PlatformError) -> None:
    """Say what went wrong, where, and what to do; meaning never rests on colour alone."""
    where = f" at {error.at}" if error.at else ""
    click.secho(f"error: {error.summary}{where}", fg="red", err=True)
    click.echo(f"\n{error.detail}\n", err=True)
    click.secho(f"hint: {error.remedy}", fg="cyan", err=True)


def print_json(document: Any) -> None:
    """Print data for a program: JSON on stdout and nothing else there."""
    click.echo(json.dumps(document, indent=2, sort_keys=True, default=str))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> None:
    """Print rows under their heads in columns as wide as their widest cell; no heads, no line."""
    lines = [head, *rows] if any(head) else list(rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo(text.rstrip(), err=err)


def run_document(record: RunRecord) -> dict[str, Any]:
    """Return a run as data for ``--json``."""
    return {
        "run_id": record.run_id,
        "experiment": record.experiment,
        "target": record.target,
        "stack": record.stack,
        "state": str(record.state),
        "script": record.script,
        "arguments": list(record.arguments),
        "created": timestamp(record.created),
        "started": timestamp(record.started),
        "ended": timestamp(record.ended),
        "exit_code": record.exit_code,
        "error": record.error,
        "metrics": dict(record.metrics),
        "params": dict(record.params),
        "tags": dict(record.tags),
        "properties": dict(record.properties),
        "outputs": record.outputs,
    }


def timestamp(seconds: float | None) -> str | None:
    """Return seconds since the epoch as RFC 3339 in UTC."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def duration(seconds: float | None) -> str:
    """Return ``4.2 s``, ``3 min 05 s`` or ``2 h 04 min``; a dash where there is none."""
    if seconds is None:
        return "-"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004 - an hour
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def size(count: float) -> str:
    """Return a number of bytes as people write it: ``512 B``, ``1.4 MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004 - binary units
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
