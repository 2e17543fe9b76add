"""The `aml` command: a table of commands, imported when called, and where every error ends.

Imports click and nothing heavy: `aml --help` reads the table and loads no command.
"""

import errno
import gc
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click
from click.shell_completion import CompletionItem

from infra.contract.errors import FileAccessError, PlatformError, UsageError
from infra.contract.load import load, nearest, one_of
from infra.contract.terminal import wants_colour
from runtime.cli.render import print_data, print_error, say

_BUG: Final = 70
_INTERRUPTED: Final = 130
# What a machine answers for its files and folders, whatever the program does.
_NOT_ACCESSIBLE: Final = frozenset(
    {
        *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR),
        *(errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EMFILE, errno.ENFILE),
    }
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a command lives, its line in `aml --help`, and the extra that installs it."""

    path: str
    help: str
    section: str
    extra: str | None = None


_DEPLOY, _RUN, _CLOUD = "Platform", "Runs", "Local cloud"

COMMANDS: Final[Mapping[str, Entry]] = {
    "init": Entry("infra.commands.init:init", "Write a new stack file.", _DEPLOY),
    "check": Entry("infra.commands.check:check", "Validate a stack file.", _DEPLOY),
    "schema": Entry(
        "infra.commands.schema:schema", "Write the JSON schema of stack files.", _DEPLOY
    ),
    "preview": Entry(
        "infra.commands.deployment:preview", "Show what `up` would change.", _DEPLOY, "infra"
    ),
    "up": Entry("infra.commands.deployment:up", "Deploy a stack.", _DEPLOY, "infra"),
    "refresh": Entry(
        "infra.commands.deployment:refresh",
        "Update the state to match the cloud.",
        _DEPLOY,
        "infra",
    ),
    "destroy": Entry(
        "infra.commands.deployment:destroy", "Delete everything a stack deployed.", _DEPLOY, "infra"
    ),
    "drift": Entry(
        "infra.commands.drift:drift",
        "Show what was changed outside the stack.",
        _DEPLOY,
        "infra",
    ),
    "compute": Entry(
        "runtime.cli.computes:compute",
        "List, start, stop and add computes.",
        _DEPLOY,
        "infra",
    ),
    "computetarget": Entry(
        "runtime.cli.computetarget:computetarget",
        "Manage computes, as `az ml computetarget` does.",
        _DEPLOY,
        "infra",
    ),
    "target": Entry(
        "infra.commands.target:target",
        "Accept the host keys of machines.",
        _DEPLOY,
        "infra",
    ),
    "import": Entry(
        "infra.commands.importing:import_", "Adopt an existing workspace.", _DEPLOY, "infra"
    ),
    "outputs": Entry("infra.commands.outputs:outputs", "Show a stack's outputs.", _DEPLOY, "infra"),
    "history": Entry(
        "infra.commands.history:history", "Show a stack's past operations.", _DEPLOY, "infra"
    ),
    "cancel": Entry("infra.commands.stack:cancel", "Remove a stack's lock.", _DEPLOY, "infra"),
    "unprotect": Entry("infra.commands.stack:unprotect", "Unprotect resources.", _DEPLOY, "infra"),
    "config": Entry(
        "infra.commands.config:config", "Read and write a stack's configuration.", _DEPLOY, "infra"
    ),
    "stack": Entry(
        "infra.commands.stack:stack", "Create, select and move stacks.", _DEPLOY, "infra"
    ),
    "cost": Entry("infra.commands.cost:cost", "Show what a stack's nodes cost.", _DEPLOY, "infra"),
    "whoami": Entry(
        "infra.commands.whoami:whoami", "Show as whom a stack is deployed.", _DEPLOY, "infra"
    ),
    "login": Entry(
        "infra.commands.login:login", "Choose where deployment state is kept.", _DEPLOY, "infra"
    ),
    "logout": Entry(
        "infra.commands.login:logout", "Forget what `aml login` set.", _DEPLOY, "infra"
    ),
    "submit": Entry(
        "runtime.cli.submit_command:submit", "Run a script, a job or a project on a target.", _RUN
    ),
    "runs": Entry("runtime.cli.runs:runs", "List runs.", _RUN),
    "run": Entry("runtime.cli.runs:run", "Show, follow, compare, rerun or cancel one run.", _RUN),
    "studio": Entry("runtime.cli.studio:studio", "Show runs in a browser.", _RUN, "studio"),
    "job": Entry(
        "runtime.cli.jobs:job", "Create, list and follow jobs, as `az ml job` does.", _RUN
    ),
    "sweep": Entry("runtime.cli.sweeps:sweep", "Draw sweeps.", _RUN),
    "pipeline": Entry(
        "runtime.cli.pipelines:pipeline", "Check and draw pipelines before they run.", _RUN
    ),
    "schedule": Entry(
        "runtime.cli.schedules:schedule",
        "Start pipelines at times, or when data changes.",
        _RUN,
        "pipelines",
    ),
    "status": Entry(
        "runtime.cli.status:status", "Show the stack, the local cloud and what .aml holds.", _RUN
    ),
    "experiment": Entry(
        "runtime.cli.az_experiments:experiment",
        "Create, list and submit experiments, as `az ml` does.",
        _RUN,
    ),
    "environment": Entry(
        "runtime.cli.az_environments:environment",
        "Manage environments of the workspace.",
        _RUN,
    ),
    "model": Entry(
        "runtime.cli.az_models:model",
        "Register, list and download models, as `az ml model` does.",
        _RUN,
    ),
    "data": Entry(
        "runtime.cli.az_data:data", "Register and list data, as `az ml data` does.", _RUN
    ),
    "env": Entry("runtime.cli.env_command:env", "Manage environments on this machine.", _RUN),
    "prepare": Entry("runtime.cli.env_command:prepare", "Build a target's environment.", _RUN),
    "targets": Entry("runtime.cli.targets:targets", "List where runs can execute.", _RUN),
    "use": Entry(
        "runtime.cli.use:use", "Submit to a workspace that others deployed.", _RUN, "azureml"
    ),
    "v1": Entry("runtime.cli.v1:v1", "Run scripts and notebooks of the Python SDK v1.", _RUN),
    "folder": Entry("runtime.cli.folder:folder", "Write a project's run configurations.", _RUN),
    "runconfiguration": Entry(
        "runtime.cli.run_configurations:run_configurations",
        "Manage run configurations.",
        _RUN,
    ),
    "cloud": Entry(
        "localcloud.commands:cloud", "Start, stop or reset the local cloud.", _CLOUD, "localcloud"
    ),
}


ALIASES: Final = {"runconfigurations": "runconfiguration"}
"""Other spellings of Azure ML's documentation → the command; not listed."""


_UNKNOWN: Final = re.compile(
    r"(?:No such (?:command|option) '|Got unexpected extra arguments? \()([\w-]+)"
)
_MEANT: Final = "infra.contract.meant:names_meant"
_NEAREST: Final = 3
_ELSEWHERE: Final = "runtime.cli.elsewhere:instead_of"


def load_command(name: str) -> click.Command:
    """Return a command of the table, imported now; ``MissingExtraError`` without its extra."""
    entry = COMMANDS[name]
    command: click.Command = load(entry.path, extra=entry.extra)
    return command


class Table(click.Group):
    """A group whose commands are rows of a table, imported when one is called."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        name = ALIASES.get(cmd_name, cmd_name)
        return load_command(name) if name in COMMANDS else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in {*COMMANDS, *ALIASES} and not args[0].startswith("-"):
            hint = load(_ELSEWHERE)(args[0]) or nearest(args[0], COMMANDS, noun="command")
            raise UsageError(f"There is no command {args[0]!r}.", remedy=hint)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete from the table: a command's module is not imported for its line of help."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        names = (name for name in COMMANDS if name.startswith(incomplete))
        return [CompletionItem(name, help=COMMANDS[name].help) for name in names]

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        for section in dict.fromkeys(entry.section for entry in COMMANDS.values()):
            rows = [(name, e.help) for name, e in COMMANDS.items() if e.section == section]
            with formatter.section(section):
                formatter.write_dl(rows)


@click.command(cls=Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="aml-platform", prog_name="aml")
def aml() -> None:
    """Azure Machine Learning as code, with a local cloud included.

    A stack is a Pulumi.<stack>.yaml file. Commands use the stack given with -s, else AML_STACK,
    else the selected stack, else `local`. Commands that print data take --json.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code (see `infra.contract.errors`)."""
    code = run(list(sys.argv[1:] if arguments is None else arguments))
    gc.freeze()  # the process ends: what is left needs no last collection
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; errors are reported on stderr."""
    try:
        result: object = aml.main(
            arguments or ["--help"],
            prog_name="aml",
            standalone_mode=False,
            color=wants_colour(os.environ),
        )
    except Exception as error:  # noqa: BLE001 - the last net: it decides what each one means
        return _ended(error)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


def _refused(error: click.ClickException) -> UsageError:
    """Return click's message about wrong arguments as an error of ours."""
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx else "aml"
    message = error.format_message()
    name = _UNKNOWN.match(message)
    hint = load(_ELSEWHERE)(f"{command.removeprefix('aml ')} {name[1]}") if name else ""
    if name and not hint and ctx and isinstance(ctx.command, click.Group) and name[1][0] != "-":
        close: list[str] = load(_MEANT)(name[1], ctx.command.list_commands(ctx), most=_NEAREST)
        hint = f"Did you mean {one_of(close)}?" if close else ""
    return UsageError(message, remedy=hint or f"Read `{command} --help`.")


def _not_accessible(error: OSError) -> FileAccessError:
    """Return the system's refusal of a file as an error of ours."""
    return FileAccessError(
        f"It cannot be used: {error.strerror}.",
        remedy="Fix its permissions, or what is in its place or on its disk. What aml keeps in .aml"
        " can be kept elsewhere: set AML_HOME to a folder.",
        at=str(error.filename2 or error.filename),
    )


def _not_text(error: UnicodeEncodeError) -> UsageError:
    """Return the error for bytes of a command line, a variable or a file name that are no text.

    Python hands them on as halves of surrogate pairs, and whatever writes UTF-8 stops there.
    """
    name = os.fsencode(error.object).decode("utf-8", "backslashreplace")
    return UsageError(
        f"'{name}' is not valid UTF-8.",
        remedy="Write it as UTF-8; `locale` tells what your terminal writes.",
    )


def _ours(error: Exception) -> PlatformError | None:
    """Return what is reported without a traceback as an error of ours, ``None`` for a bug."""
    match error:
        case PlatformError():
            return error
        case click.ClickException():
            return _refused(error)
        case OSError(errno=number) if number in _NOT_ACCESSIBLE and error.filename:
            return _not_accessible(error)
        case UnicodeEncodeError(reason="surrogates not allowed"):
            return _not_text(error)
    return None


def _ended(error: Exception) -> int:
    match error:
        case click.exceptions.Abort():
            say("Aborted.")
            return _INTERRUPTED
        case click.exceptions.NoArgsIsHelpError():
            print_data(error.format_message())
            return 0
        case BrokenPipeError():
            return 0  # the reader (`| head`) has seen enough
    ours = _ours(error)
    if ours is not None:
        print_error(ours)
        return ours.exit_code
    load("traceback:print_exception")(error)
    say("This is a bug in aml-platform; please report it with the lines above.")
    return _BUG
