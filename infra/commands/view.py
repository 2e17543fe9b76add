"""Where the infra commands print and ask: data to stdout, messages and questions to stderr.

Colour carries no meaning of its own. The live display of a deployment is in `live_view`; this
module imports click alone, because `aml check` and `aml init` run without the rest installed.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.json_text import json_text
from infra.contract.terminal import table_lines, width_of


def say(text: str = "", *, colour: str | None = None) -> None:
    """Print a message, to stderr."""
    click.secho(text, fg=colour, err=True)


def print_data(line: str) -> None:
    """Print a line of data, to stdout."""
    click.echo(line)


def print_text(text: str) -> None:
    """Print a document as it is, to stdout."""
    click.echo(text, nl=False)


def warn(lines: Iterable[str]) -> None:
    """Print what to know before confirming."""
    for line in lines:
        say(f"warning: {line}", colour="yellow")


def print_json(document: object) -> None:
    """Print data, to stdout."""
    click.echo(json_text(document))


def can_ask() -> bool:
    """Return whether stdin is a terminal."""
    return sys.stdin.isatty()


def no_terminal(command: str) -> UsageError:
    """Return the error for a confirmation that nobody can give; ``command`` needs none."""
    return UsageError(
        "Confirmation is needed, but stdin is not a terminal; pass --yes.",
        remedy=f"Run {command} to go ahead without asking.",
    )


def confirmed(question: str) -> bool:
    """Ask for a confirmation; no answer is a no."""
    return click.confirm(question, default=False, err=True)


def prompted(question: str, *, default: str | None = None, hide: bool = False) -> str:
    """Ask for a text; ``hide`` keeps it off the screen."""
    answer: str = click.prompt(question, default=default, hide_input=hide, err=True)
    return answer


def short_path(file: Path) -> str:
    """Return a path relative to the current folder, if it is below it."""
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
    for line in table_lines(head, rows, width_of(sys.stdout)):
        click.echo(line)
