"""Generates docs/cli.md and docs/jobs.md: ``python -m runtime.cli.reference``.

A test fails when a page is out of date.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import PlatformError
from runtime.cli import jobs_page
from runtime.cli.root import COMMANDS, aml, load_command

PAGE: Final = Path("docs/cli.md")
_HEAD: Final = """\
# Command line

Generated from the commands by `python -m runtime.cli.reference`; `aml COMMAND --help` prints the
same.

Commands print data to stdout and messages to stderr. With `--json`, stdout is exactly one JSON
document; numbers that JSON does not have are the text `"NaN"`, `"Infinity"` and `"-Infinity"`, as
in MLflow's REST API. Commands that change something ask for confirmation on a terminal; without a
terminal they need `--yes`. Most commands take `-s STACK`; without it they use `AML_STACK`, else the
stack chosen with `aml stack select`, else `local`. A project's state, history and local cloud are
kept in `.aml` beside `Pulumi.yaml`, or in `AML_HOME`; `.aml/.gitignore` keeps all of it out of git,
and `aml init` names it in `.amlignore` or `.gitignore` for Microsoft's clients, which read no
other. Commit `Pulumi.yaml`, the stack files and `stack.schema.json`.

`NO_COLOR` and `TERM=dumb` turn colour off, `FORCE_COLOR` turns it on where output is no terminal.
On a terminal too narrow for a table, each row is printed as a block of lines.

## Completion

Commands, subcommands and options are completed in bash 4.4 or later, zsh and fish. Add to the
shell's start file:

```sh
eval "$(_AML_COMPLETE=bash_source aml)"                # ~/.bashrc
eval "$(_AML_COMPLETE=zsh_source aml)"                 # ~/.zshrc, after compinit
_AML_COMPLETE=fish_source aml | source                 # ~/.config/fish/config.fish
```
"""
EXIT_CODES: Final[Mapping[int, str]] = {
    0: "success; if a run was watched, it completed",
    1: "a deployment, a run or an environment build failed",
    2: "invalid request: arguments, an unusable file, an unknown name, something not deployed",
    3: "the cloud is unreachable or rejects the credential; `aml cloud status`: not running",
    4: "deployment state is locked, damaged, or encrypted with another passphrase",
    5: "there are changes although `--expect-no-changes` was given",
    6: "`aml drift` found drift",
    70: "a bug in aml-platform, reported with its traceback",
    130: "interrupted with Ctrl-C, or a confirmation was declined",
}


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD, _exit_codes()]
    with click.Context(aml, info_name="aml") as root:
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            parts.append(f"## {section}\n")
            for name in (name for name, entry in COMMANDS.items() if entry.section == section):
                command = load_command(name)
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
            if child is not None and not child.hidden:
                yield from _sections(child, click.Context(child, ctx, info_name=name))
        return
    usage = " ".join([ctx.command_path, *filter(None, command.collect_usage_pieces(ctx))])
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
    for file, text in ((PAGE, page()), (jobs_page.PAGE, jobs_page.page())):
        sys.stdout.write(f"{file}\n")
        file.write_text(text, encoding="utf-8")
