"""The only module of the runtime's command line that prints: errors, data, tables, messages."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import PlatformError, UsageError
from infra.contract.json_text import json_text
from infra.contract.load import load
from infra.contract.terminal import table_lines, wants_colour, width_of

_PNG_OF: Final = "runtime.cli.png:png_of"


def print_error(error: PlatformError) -> None:
    """Print what went wrong, where, and what to do; colour carries no meaning of its own."""
    where = f" at {error.at}" if error.at else ""
    colour = wants_colour(os.environ)
    click.secho(f"error: {error.summary}{where}", fg="red", err=True, color=colour)
    click.echo(f"\n{error.detail}\n", err=True)
    click.secho(f"hint: {error.remedy}", fg="cyan", err=True, color=colour)


def say(text: str = "") -> None:
    """Print a message, to stderr."""
    click.echo(text, err=True)


def say_outdated(error: PlatformError) -> None:
    """Print why what follows may be outdated: a target does not answer."""
    say(f"note: {error.detail} Showing the last known state.")


def write_picture(file: Path, svg: str) -> None:
    """Write a picture to a file that was named on the command line, as its ending says."""
    ending = file.suffix.lower()
    if ending not in {"", ".svg", ".png"}:
        raise UsageError(
            f"A picture is an SVG or a PNG, not a {file.suffix} file.",
            remedy=f"Name it {file.with_suffix('.svg').name} or {file.with_suffix('.png').name}.",
            at=str(file),
        )
    content = load(_PNG_OF, extra="studio")(svg) if ending == ".png" else svg.encode()
    try:
        file.write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"The file cannot be written: {error.strerror or error}.",
            remedy="Choose a path in an existing, writable folder.",
            at=str(file),
        ) from error
    say(f"Wrote {file}.")


def print_data(line: str) -> None:
    """Print a line of data, to stdout."""
    click.echo(line)


def print_text(text: str, *, err: bool = False) -> None:
    """Print what a run wrote, as it is."""
    click.echo(text, nl=False, err=err)


def print_output(content: bytes, *, err: bool = False) -> None:
    """Print what a process of a run wrote, at once."""
    click.echo(content, nl=False, err=err)


def same_destination() -> bool:
    """Return whether stdout and stderr go to the same terminal or file."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False  # one of them is closed, or not a file


def print_json(document: object) -> None:
    """Print a JSON document, to stdout."""
    click.echo(json_text(document))


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False) -> int:
    """Print rows in columns, under their headings if there are any; return the lines printed."""
    lines = list(table_lines(head, rows, width_of(sys.stderr if err else sys.stdout)))
    for line in lines:
        click.echo(line, err=err)
    return len(lines)


def move_up(lines: int) -> None:
    """Have the next lines replace the last ones in a terminal; elsewhere they follow them."""
    if sys.stdout.isatty():
        click.echo(f"\x1b[{lines}A\x1b[J", nl=False)
