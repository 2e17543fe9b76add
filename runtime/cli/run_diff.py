"""`aml run diff`: what differs between two runs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import click

from infra.contract.json_types import JsonObject
from infra.contract.terminal import NO_CELL
from runtime.agent.files import printable
from runtime.cli.counted_back import CountedBack
from runtime.cli.render import print_data, print_json, print_table, say
from runtime.cli.session import command_session, found
from runtime.history.fold import as_text, number_text
from runtime.submit.comparing import compared, file_diff, run_before
from runtime.submit.differences import Differences, FileChange, Value

_MARKS: Final = {"added": "+", "removed": "-", "changed": "~", "renamed": ">"}
_HASH: Final = re.compile("[0-9a-f]{32,64}")
_SHORT: Final = 12
_SECTIONS: Final = ("run", "arguments", "environment", "packages", "git", "params", "tags")


@click.command(cls=CountedBack)
@click.argument("run_id", metavar="RUN")
@click.argument("other", metavar="[OTHER]", required=False)
@click.option("--files", "with_text", is_flag=True, help="Print the changed lines of text files.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(run_id: str, other: str | None, *, with_text: bool, as_json: bool) -> None:
    """Show what differs between two runs.

    It compares files, arguments, environments, parameters and metrics.

    OTHER is by default the run before RUN in its experiment. The earlier run is shown first.
    """
    session = command_session(None)
    history = session.history
    for error in session.refresh():
        say(f"note: {error.detail} Comparing the last known state.")
    record = found(session, history.named(run_id))
    second = found(session, history.named(other)) if other else run_before(history, record)
    differing = compared(session.home, record, second)
    if as_json:
        print_json(_document(session.home, differing, with_text=with_text))
        return
    _print(session.home, differing, with_text=with_text)


def _print(home: Path, found: Differences, *, with_text: bool) -> None:
    print_data(f"before: {found.before}")
    print_data(f"after:  {found.after}")
    if found.files is None:
        say("note: A snapshot is not on this machine; files are not compared.")
    elif found.files:
        _heading("files")
        for change in found.files:
            _print_file(home, change, with_text=with_text)
    for name in _SECTIONS:
        _print_values(name, _section(found, name))
    if found.declared:
        _heading("declared environment")
        for line in found.declared[2:]:
            print_data(f"  {printable(line)}")
    _print_values("metrics", found.metrics)
    if not _any(found):
        say("The runs do not differ.")


def _any(found: Differences) -> bool:
    metrics = any(value.before != value.after for value in found.metrics.values())
    sections = any(_section(found, name) for name in _SECTIONS)
    return bool(found.files is None or found.files or sections or found.declared or metrics)


def _section(found: Differences, name: str) -> Mapping[str, Value]:
    values: Mapping[str, Value] = getattr(found, name)
    return values


def _heading(name: str) -> None:
    print_data("")
    print_data(name)


def _print_file(home: Path, change: FileChange, *, with_text: bool) -> None:
    lines = file_diff(home, change)
    print_data(f"  {_MARKS[change.kind]} {_title(change)}{_count(change, lines)}")
    if with_text:
        for line in _body(lines):
            print_data(f"      {line}")


def _title(change: FileChange) -> str:
    if change.kind == "renamed" and change.before and change.after:
        return f"{printable(change.before.path)} → {printable(change.after.path)}"
    return printable(change.path)


def _count(change: FileChange, lines: Sequence[str] | None) -> str:
    """Return how many lines were added and removed, or the sizes of what is no text."""
    if change.kind == "renamed":
        return ""
    if lines is None:
        sizes = [f"{file.size:,} B" for file in (change.before, change.after) if file]
        return f" ({' → '.join(sizes)})"
    body = list(_body(lines))
    added = sum(line.startswith("+") for line in body)
    removed = sum(line.startswith("-") for line in body)
    return f" (+{added} -{removed})" if added or removed else " (mode)"


def _body(lines: Sequence[str] | None) -> Iterator[str]:
    """Yield the lines of a diff without the two that name its files."""
    yield from (printable(line) for line in (lines or ())[2:])


def _print_values(name: str, values: Mapping[str, Value]) -> None:
    if not values:
        return
    _heading(name)
    rows = [[f"  {key}", _cell(value.before), _cell(value.after), _change(value)]
            for key, value in values.items()]  # fmt: skip
    shown = 4 if any(row[-1] for row in rows) else 3
    print_table(("", "BEFORE", "AFTER", "CHANGE")[:shown], [row[:shown] for row in rows])


def _cell(value: str | float | None) -> str:
    if value is None:
        return NO_CELL
    if not isinstance(value, str):
        return number_text(value)
    return value[:_SHORT] if _HASH.fullmatch(value) else printable(value)


def _change(value: Value) -> str:
    return f"{value.change:+g}" if value.change else ""


def _document(home: Path, found: Differences, *, with_text: bool) -> JsonObject:
    files = None
    if found.files is not None:
        files = [_file_document(home, change, with_text=with_text) for change in found.files]
    sections: JsonObject = {name: _values(_section(found, name)) for name in _SECTIONS}
    return {
        "before": found.before,
        "after": found.after,
        "files": files,
        **sections,
        "declared": list(found.declared),
        "metrics": _values(found.metrics),
    }


def _file_document(home: Path, change: FileChange, *, with_text: bool) -> JsonObject:
    document: JsonObject = {"path": change.path, "change": change.kind}
    for name, file in (("before", change.before), ("after", change.after)):
        if file is not None:
            document[name] = {"path": file.path, "sha256": file.sha256, "size": file.size}
    if with_text:
        document["diff"] = file_diff(home, change)
    return document


def _values(values: Mapping[str, Value]) -> JsonObject:
    return {
        key: {"before": _plain(v.before), "after": _plain(v.after)} for key, v in values.items()
    }


def _plain(value: str | float | None) -> str | float | None:
    return as_text(value) if isinstance(value, float) else value
