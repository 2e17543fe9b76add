"""`aml history`: the operations of a stack, those of the Pulumi CLI among them."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from textwrap import indent
from typing import Final

import click

from infra.commands import view
from infra.commands.plans import done_line
from infra.contract.json_types import JsonObject
from infra.contract.times import duration, local_text
from infra.deploy.stack.past_failures import past_failures
from infra.deploy.stack.stacks import open_stack
from infra.engine.model.events import Op
from infra.engine.state.archive import FAILURES

_HEAD: Final = ("NUMBER", "OPERATION", "RESULT", "STARTED", "TOOK", "CHANGES", "MESSAGE")
_KNOWN: Final = frozenset(Op)
_SECURE: Final = "secure"


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "-n",
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Number of operations to show, the newest first.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, as `pulumi stack history --json` does."
)
def history(stack: str | None, *, limit: int, as_json: bool) -> None:
    """Show a stack's operations, the newest first, those of the Pulumi CLI among them.

    Below the table is why an operation failed.
    """
    opened = open_stack(stack, secrets="hidden")
    entries = opened.backend.history(opened.project.name, opened.name)
    if as_json:
        view.print_json([_document(entry) for entry in entries[:limit]])
        return
    if not entries:
        view.say(f"Stack {opened.name!r} has no history.")
        return
    numbered = zip(range(len(entries), 0, -1), entries, strict=True)
    shown = [*numbered][:limit]
    view.print_table(_HEAD, [_row(number, entry) for number, entry in shown])
    for number, entry in shown:
        for line in _reasons(number, entry):
            view.print_data(line)


def _reasons(number: int, entry: JsonObject) -> Iterator[str]:
    """Return the lines that say why an operation failed."""
    failures = past_failures(entry)
    if failures:
        yield f"\n{number} {entry['kind']} failed:"
    for each in failures:
        what = f"{each.type} {each.name}: " if each.name else ""
        yield from indent(f"{what}{each.message}", "  ").splitlines()


def _row(number: int, entry: JsonObject) -> tuple[str, ...]:
    counts = (entry.get("resourceChanges") or {}).items()
    message, *_ = [*str(entry.get("message") or "").splitlines(), ""]
    return (
        str(number),
        str(entry["kind"]),
        str(entry["result"]),
        local_text(entry["startTime"]),
        duration(entry["endTime"] - entry["startTime"]),
        done_line({Op(name): count for name, count in counts if name in _KNOWN}),
        message,
    )


def _document(entry: JsonObject) -> JsonObject:
    """Return an entry as the CLI prints it, which shows no secret and times as text."""
    config = entry.get("config") or {}
    shown: JsonObject = {
        "version": entry.get("version", 0),
        "kind": entry["kind"],
        "startTime": _moment(entry["startTime"]),
        "message": entry.get("message") or "",
        "environment": entry.get("environment") or {},
        "config": {key: _setting(value) for key, value in sorted(config.items())},
        "result": entry["result"],
        "endTime": _moment(entry["endTime"]),
    }
    changes = entry.get("resourceChanges")
    failures = entry.get(FAILURES)
    return (
        shown
        | ({"resourceChanges": changes} if changes else {})
        | ({FAILURES: failures} if failures else {})
    )


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.000Z"


def _setting(value: object) -> JsonObject:
    if _holds_secret(value):
        return {"secret": True}
    if isinstance(value, str):
        return {"value": value, "secret": False}
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, Mapping | list):
        return {"value": text, "objectValue": value, "secret": False}
    return {"value": text, "secret": False}


def _holds_secret(value: object) -> bool:
    if isinstance(value, Mapping):
        return value.keys() == {_SECURE} or any(map(_holds_secret, value.values()))
    return isinstance(value, list) and any(map(_holds_secret, value))
