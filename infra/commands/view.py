"""The only module of the infra commands that prints: plans, progress, summaries, questions.

Data goes to stdout, messages to stderr. Colour carries no meaning of its own; without a terminal
the same facts are printed as plain lines.
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import click
from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from infra.contract.errors import UsageError
from infra.contract.provider import UNKNOWN
from infra.deploy.stack.change_lines import LATER, step_lines
from infra.engine.model.events import Event, Finished, Message, Op, Started, Step, Summary
from infra.engine.model.resources import urn_name

_MARKS: Final[Mapping[Op, tuple[str, str]]] = {
    Op.SAME: (" ", "dim"),
    Op.CREATE: ("+", "green"),
    Op.UPDATE: ("~", "yellow"),
    Op.DELETE: ("-", "red"),
    Op.REPLACE: ("+-", "magenta"),
    Op.CREATE_REPLACEMENT: ("++", "green"),
    Op.DELETE_REPLACED: ("--", "red"),
    Op.READ: (">", "cyan"),
    Op.REFRESH: ("~", "cyan"),
    Op.IMPORT: ("=", "cyan"),
    Op.DISCARD: ("<", "dim"),
    Op.ADOPT: ("=", "cyan"),
}
_DOING: Final[Mapping[Op, tuple[str, str]]] = {
    Op.SAME: ("keeping", "kept"),
    Op.CREATE: ("creating", "created"),
    Op.UPDATE: ("updating", "updated"),
    Op.DELETE: ("deleting", "deleted"),
    Op.REPLACE: ("replacing", "replaced"),
    Op.CREATE_REPLACEMENT: ("creating replacement", "created replacement"),
    Op.DELETE_REPLACED: ("deleting original", "deleted original"),
    Op.READ: ("reading", "read"),
    Op.REFRESH: ("reading", "read"),
    Op.IMPORT: ("importing", "imported"),
    Op.DISCARD: ("forgetting", "forgotten"),
    Op.ADOPT: ("adopting", "adopted"),
}
_COUNTED: Final[Mapping[Op, str]] = {
    Op.CREATE: "to create",
    Op.IMPORT: "to import",
    Op.ADOPT: "to adopt",
    Op.UPDATE: "to update",
    Op.REPLACE: "to replace",
    Op.DELETE: "to delete",
    Op.DISCARD: "to forget",
}
_WORTH_SAYING_S: Final = 0.1
_COMPONENTS: Final = ("aml:platform:", "pulumi:pulumi:Stack")
_QUIET: Final = frozenset({Op.SAME, Op.READ})
_HALVES: Final = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})


def say(text: str = "") -> None:
    """Print a message, to stderr."""
    click.echo(text, err=True)


def print_data(line: str) -> None:
    """Print a line of data, to stdout."""
    click.echo(line)


def print_text(text: str) -> None:
    """Print a document as it is, to stdout."""
    click.echo(text, nl=False)


def warn(lines: Iterable[str]) -> None:
    """Print what to know before confirming."""
    for line in lines:
        click.secho(f"warning: {line}", fg="yellow", err=True)


def print_json(document: object) -> None:
    """Print data, to stdout."""
    click.echo(json.dumps(document, indent=2, sort_keys=True, default=str))


def can_ask() -> bool:
    """Return whether there is a terminal to ask on."""
    return sys.stdin.isatty()


def confirmed(question: str) -> bool:
    """Ask for a confirmation; no answer is a no."""
    return click.confirm(question, default=False, err=True)


def prompted(question: str, *, default: str | None = None, hide: bool = False) -> str:
    """Ask for a text; ``hide`` keeps it off the screen."""
    answer: str = click.prompt(question, default=default, hide_input=hide, err=True)
    return answer


def short_path(file: Path) -> str:
    """Return a path as a person in this folder would write it."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def write_text(file: Path, text: str) -> None:
    """Write a file that was named on the command line; ``UsageError`` if that fails."""
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror or error}.",
            remedy="Choose a path in an existing, writable folder.",
            at=str(file),
        ) from error


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their column headings, to stdout."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    for row in (head, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


def print_plan(steps: Iterable[Step], *, own_program: bool = False) -> None:
    """Print what would change, a line a resource, what differs about it below.

    Components have the names of the resources in them: they are counted, not listed.
    """
    changing = [step for step in steps if step.op not in _QUIET | _HALVES]
    shown = [step for step in changing if own_program or not _groups(step)]
    width = max((len(short_type(step.type)) for step in shown), default=0)
    for step in shown:
        mark, colour = _MARKS[step.op]
        line = f"  {mark:<2} {short_type(step.type):<{width}}  {urn_name(step.urn)}"
        click.secho(line, fg=colour if colour != "dim" else None, err=True)
        for detail in step_lines(step, own_program=own_program):
            say(f"        {detail}")
    if len(changing) > len(shown):
        count = len(changing) - len(shown)
        say(f"     and {count} component{'s' * (count > 1)}, which group{'s' * (count == 1)} them")


def plan_line(changes: Mapping[Op, int]) -> str:
    """Return ``8 to create, 1 to update, 3 unchanged``, or ``no changes``."""
    parts = [f"{changes[op]} {words}" for op, words in _COUNTED.items() if changes.get(op)]
    if not parts:
        return f"no changes ({changes.get(Op.SAME, 0)} unchanged)"
    kept = changes.get(Op.SAME, 0)
    return ", ".join([*parts, *([f"{kept} unchanged"] if kept else [])])


def done_line(changes: Mapping[Op, int]) -> str:
    """Return ``8 created, 1 updated, 3 unchanged``, or ``no changes``."""
    parts = [f"{n} {_DOING[op][1]}" for op, n in changes.items() if n and op in _COUNTED]
    if not parts:
        return f"no changes ({changes.get(Op.SAME, 0)} unchanged)"
    kept = changes.get(Op.SAME, 0)
    return ", ".join([*parts, *([f"{kept} unchanged"] if kept else [])])


def shown(value: Any) -> Any:
    """Return ``value`` with words in the place of what is known after deployment only."""
    match value:
        case str():
            return LATER if value == UNKNOWN else value
        case Mapping():
            return {key: shown(item) for key, item in value.items()}
        case list() | tuple():
            return [shown(item) for item in value]
    return value


def step_document(step: Step) -> dict[str, Any]:
    """Return a step as data for ``--json``; secrets in it are hidden already.

    An unchanged resource has its id and nothing else.
    """
    document: dict[str, Any] = {"op": str(step.op), "urn": step.urn, "type": step.type}
    if step.op is Op.SAME:
        return document | ({"id": step.id} if step.id else {})
    document |= {
        key: value
        for key, value in {
            "id": step.id,
            "diffs": dict(step.diffs),
            "replaces": list(step.replaces),
            "reason": step.reason,
            "notes": dict(step.notes),
            "old": shown(step.old),
            "new": shown(step.new),
        }.items()
        if value
    }
    return document


class Progress:
    """Progress of an operation: live on a terminal, as lines elsewhere. A listener of the engine.

    Called from several threads, inside ``with`` only. What stays on the screen at the end is one
    line for each resource that changed.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._console = Console(stderr=True, highlight=False)
        self._live: Live | None = None
        self._lock = threading.RLock()  # a signal's handler may speak while its thread does
        self._running: dict[tuple[str, Op], tuple[Step, float]] = {}
        self.failures: list[tuple[str, str]] = []
        self.changes: Counter[Op] = Counter()

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            self._live = Live(
                get_renderable=self._tree,
                console=self._console,
                transient=True,
                refresh_per_second=8,
            )
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop redrawing while a question is asked."""
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._live.start()

    def __call__(self, event: Event) -> None:
        with self._lock:
            match event:
                case Started(step) if step.op not in _QUIET:
                    self._running[step.urn, step.op] = (step, time.monotonic())
                case Finished(step, seconds, error):
                    self._running.pop((step.urn, step.op), None)
                    self._finished(step, seconds, error)
                case Message(severity, text, _):
                    self._print(text if severity == "info" else f"{severity}: {text}")
                case Summary(changes):
                    self.changes = Counter(changes)
                case _:
                    pass

    def _finished(self, step: Step, seconds: float, error: str) -> None:
        if error:
            self.failures.append((step.urn, error))
            doing = _DOING[step.op][0]
            self._print(
                f"  !! {short_type(step.type)} {urn_name(step.urn)}: {doing} failed\n{error}"
            )
        elif step.op not in _QUIET and step.op is not Op.REPLACE and not _groups(step):
            mark, colour = _MARKS[step.op]
            took = f" ({seconds:.1f} s)" if seconds >= _WORTH_SAYING_S else ""
            what = f"{short_type(step.type)} {urn_name(step.urn)}"
            self._print(f"  {mark:<2} {what} {_DOING[step.op][1]}{took}", colour)

    def _print(self, text: str, style: str = "") -> None:
        if not self._quiet:
            self._console.print(Text(text, style=style), soft_wrap=True)

    def _tree(self) -> Group:
        with self._lock:
            running = list(self._running.values())
        now = time.monotonic()
        return Group(
            *(
                Spinner(
                    "dots",
                    f"{_DOING[step.op][0]} {short_type(step.type)} {urn_name(step.urn)}"
                    f" ({now - began:.0f} s)",
                )
                for step, began in running
            )
        )


def short_type(type_: str) -> str:
    """Return a type token without its package: ``machinelearningservices:Compute``."""
    return type_.partition(":")[2] if type_.count(":") > 1 else type_


def _groups(step: Step) -> bool:
    """Say whether a step is about a component of the platform, or the stack: nothing in Azure."""
    return step.type.startswith(_COMPONENTS)
