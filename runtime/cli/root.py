"""The `aml` command: a table of commands, loaded when called, and the one place errors end.

Imports click and nothing heavy: `aml --help` reads the table and loads no command.
"""

import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import click

from infra.contract.errors import PlatformError, UsageError
from infra.contract.load import load, nearest
from runtime.cli.render import print_error

_BUG: Final = 70
_INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, what `--help` says of it, and the extra that installs it."""

    path: str
    help: str
    section: str
    extra: str | None = None


_DEPLOY, _RUN, _CLOUD = "Platform", "Runs", "Local cloud"

COMMANDS: Final[Mapping[str, Entry]] = {
    "init": Entry("infra.commands.init:init", "Write a new stack file.", _DEPLOY),
    "check": Entry("infra.commands.check:check", "Validate a stack file offline.", _DEPLOY),
    "schema": Entry(
        "infra.commands.schema:schema", "Write the JSON schema of stack files.", _DEPLOY
    ),
    "preview": Entry(
        "infra.commands.deployment:preview", "Show what `up` would change.", _DEPLOY, "infra"
    ),
    "up": Entry("infra.commands.deployment:up", "Deploy a stack.", _DEPLOY, "infra"),
    "refresh": Entry(
        "infra.commands.deployment:refresh", "Read the cloud back into state.", _DEPLOY, "infra"
    ),
    "destroy": Entry(
        "infra.commands.deployment:destroy", "Delete what a stack deployed.", _DEPLOY, "infra"
    ),
    "drift": Entry(
        "infra.commands.drift:drift",
        "Show what was changed behind the stack's back.",
        _DEPLOY,
        "infra",
    ),
    "compute": Entry(
        "infra.commands.compute:compute",
        "Look at computes; start, stop, add them.",
        _DEPLOY,
        "infra",
    ),
    "import": Entry(
        "infra.commands.importing:import_", "Take over a workspace that exists.", _DEPLOY, "infra"
    ),
    "outputs": Entry("infra.commands.outputs:outputs", "Show a stack's outputs.", _DEPLOY, "infra"),
    "cancel": Entry("infra.commands.stack:cancel", "Take a stack's lock away.", _DEPLOY, "infra"),
    "unprotect": Entry(
        "infra.commands.stack:unprotect", "Let a protected resource go.", _DEPLOY, "infra"
    ),
    "config": Entry(
        "infra.commands.config:config", "Read and write a stack's configuration.", _DEPLOY, "infra"
    ),
    "stack": Entry("infra.commands.stack:stack", "Make, select, move stacks.", _DEPLOY, "infra"),
    "submit": Entry("runtime.cli.submit:submit", "Run a script on a target.", _RUN),
    "runs": Entry("runtime.cli.runs:runs", "List runs.", _RUN),
    "run": Entry("runtime.cli.runs:run", "Show, follow, cancel, download one run.", _RUN),
    "targets": Entry("runtime.cli.targets:targets", "List where runs can go.", _RUN),
    "cloud": Entry(
        "localcloud.commands:cloud", "Start, stop, reset the local cloud.", _CLOUD, "localcloud"
    ),
}


class Table(click.Group):
    """A group whose commands are rows of a table, imported when one is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = load(entry.path, extra=entry.extra)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint = nearest(args[0], COMMANDS, noun="command")
            raise UsageError(f"There is no command {args[0]!r}.", remedy=hint)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(name, e.help) for name, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


@click.command(cls=Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aml-platform", prog_name="aml")
def aml() -> None:
    """Azure Machine Learning as code, with a local cloud included.

    Stacks are Pulumi.<stack>.yaml files; -s chooses one, else AML_STACK, else the selected stack,
    else `local`. Every command takes --json where it has data to give.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code (see `infra.contract.errors`)."""
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong was said on stderr."""
    try:
        result: Any = aml.main(arguments, prog_name="aml", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - the last net, which knows what to do with each
        return _ended(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def _refused(error: click.ClickException) -> UsageError:
    """Return what click says of wrong arguments in our own form."""
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx else "aml"
    return UsageError(error.format_message(), remedy=f"Read `{command} --help`.")


def _ended(error: Exception) -> int:
    match error:
        case PlatformError():
            print_error(error)
            return error.exit_code
        case click.exceptions.Abort():
            click.echo("Aborted.", err=True)
            return _INTERRUPTED
        case click.ClickException():
            print_error(_refused(error))
            return UsageError.exit_code
        case BrokenPipeError():
            return 0  # whoever read has seen enough
    traceback.print_exception(error)
    click.echo("This is a bug in aml-platform; please report it with the lines above.", err=True)
    return _BUG
