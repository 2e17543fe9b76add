"""Writes docs/cli.md from the commands themselves: ``python -m runtime.cli.reference``.

A test says when the page is behind. It documents; what a command does is the command's business.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import PlatformError
from runtime.cli.root import COMMANDS, aml

PAGE: Final = Path("docs/cli.md")
_HEAD: Final = """\
# Command line

Written by `python -m runtime.cli.reference` from the commands themselves; `aml COMMAND --help`
says the same.

A command prints data on stdout and talk on stderr. With `--json` stdout is exactly one JSON
document. Changes are asked for on a terminal; without one, `--yes` must be given. Most commands
take `-s STACK`; without it they mean `AML_STACK`, else what `aml stack select` chose, else `local`.
Everything of a project lies in `.aml` beside `Pulumi.yaml`, or in `AML_HOME`.
"""
EXIT_CODES: Final[Mapping[int, str]] = {
    0: "it was done; for a run that was watched: it completed",
    1: "it was tried and failed: a deployment, a run, an environment",
    2: "what was asked for cannot be: arguments, a stack file, a name, something not deployed",
    3: "the cloud does not answer, or refuses the credential; `aml cloud status`: not running",
    4: "deployment state cannot be used: locked, damaged, or sealed with another passphrase",
    5: "`--expect-no-changes` was given, and there are changes",
    6: "`aml drift`: the cloud is not as the stack was deployed",
    70: "a bug in aml-platform, with its traceback",
    130: "interrupted: Ctrl-C, or a question was answered with no",
}


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD, _exit_codes()]
    with click.Context(aml, info_name="aml") as root:
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            parts.append(f"## {section}\n")
            for name in (name for name, entry in COMMANDS.items() if entry.section == section):
                command = aml.get_command(root, name)
                assert command is not None, "it is in the table"  # noqa: S101
                parts += _sections(command, click.Context(command, root, info_name=name))
    return "\n".join(parts)


def _exit_codes() -> str:
    summaries: dict[int, list[str]] = {}
    for kind in _kinds(PlatformError):
        summaries.setdefault(kind.exit_code, []).append(kind.summary)
    rows = [
        f"| {code} | {meaning} | {', '.join(dict.fromkeys(summaries.get(code, []))) or '-'} |"
        for code, meaning in EXIT_CODES.items()
    ]
    return "\n".join(
        ["## Exit codes\n", "| code | meaning | errors |", "| --- | --- | --- |", *rows, ""]
    )


def _kinds(base: type[PlatformError]) -> Iterator[type[PlatformError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == PlatformError.__module__:
            yield kind
            yield from _kinds(kind)


def _sections(command: click.Command, ctx: click.Context) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None, "the group lists it"  # noqa: S101
            yield from _sections(child, click.Context(child, ctx, info_name=name))
        return
    usage = " ".join([ctx.command_path, *command.collect_usage_pieces(ctx)])
    yield f"### {ctx.command_path}\n"
    yield f"`{usage}`\n"
    yield "\n".join(line.strip() for line in (command.help or "").strip().splitlines()) + "\n"
    rows = [row for option in command.params if (row := option.get_help_record(ctx)) and row[1]]
    if rows:
        yield "\n".join(["| option | |", "| --- | --- |", *map(_row, rows), ""])


def _row(record: tuple[str, str]) -> str:
    option, text = (cell.replace("|", "\\|").replace("\n", " ").strip() for cell in record)
    return f"| `{option}` | {' '.join(text.split())} |"


if __name__ == "__main__":
    sys.stdout.write(f"{PAGE}\n")
    PAGE.write_text(page(), encoding="utf-8")
