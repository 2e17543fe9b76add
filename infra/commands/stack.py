"""`aml stack …`, `aml cancel`, `aml unprotect`: create, move, repair and unlock stacks."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from infra.commands import view
from infra.commands.history import history
from infra.commands.init import create_stack, require_new, say_passphrase
from infra.contract.command_line import stack_command
from infra.contract.errors import UsageError
from infra.contract.project import find_project, overlooked
from infra.contract.times import as_local
from infra.deploy.run.check import soft_deleted_rows
from infra.deploy.stack import stacks
from infra.deploy.stack.passphrase import ask_at_terminal
from infra.deploy.stack.secrets_provider import (
    DEFAULT_PROVIDER,
    change_provider,
    new_salt,
    set_salt,
)
from infra.deploy.stack.stacks import open_stack
from infra.deploy.stack.state_location import backend_url
from infra.engine.state.secrets import FILE_VARIABLE, passphrase_from_environment
from infra.spec.new_stack import new_stack

_STACK = click.option(
    "-s", "--stack", "name", metavar="STACK", help="Stack to use. Default: the selected stack."
)
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
_STANDARD_INPUT = Path("-")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group()
def stack() -> None:
    """Create, select, list, move and remove stacks."""


stack.add_command(history)  # as `pulumi stack history`


@stack.command()
@click.argument("name")
@click.option(
    "--secrets-provider",
    "provider",
    metavar="URL",
    default=DEFAULT_PROVIDER,
    help="What encrypts secrets: passphrase, or azurekeyvault://VAULT.vault.azure.net/keys/KEY."
    " Default: passphrase.",
)
@_JSON
def init(name: str, *, provider: str, as_json: bool) -> None:
    """Create stack NAME from the template of `aml init`, and select it.

    With a vault's key, a new data key is encrypted by it and written to the stack file.
    """
    project = find_project()
    require_new(project, name)
    salt = new_salt(project, provider)  # first: a vault may refuse
    file = create_stack(project, new_stack(name))
    if salt:
        set_salt(file, salt)
    project.select_stack(name)
    view.say(
        f"Wrote {view.short_path(file)} and selected {name!r}. Edit it, then run"
        f" {stack_command('up', name)}."
    )
    if not salt:
        say_passphrase(name)
    _data({"stack": name, "file": file}, as_json=as_json)


@stack.command()
@click.argument("name")
@_JSON
def select(name: str, *, as_json: bool) -> None:
    """Select NAME as the stack that commands use without -s."""
    project = find_project()
    stacks.existing_stack_file(project, name)
    project.select_stack(name)
    view.say(f"Selected stack {name!r}.")
    _data({"stack": name}, as_json=as_json)


@stack.command()
@click.option("--json", "as_json", is_flag=True, help="Print the stacks as JSON.")
def ls(*, as_json: bool) -> None:
    """List the project's stacks. The selected one is marked with *.

    A file that is only there for others to extend is no stack, unless it is deployed or selected.
    """
    project = find_project()
    rows = stacks.list_stacks(project)
    if as_json:
        view.print_json([asdict(row) for row in rows])
        return
    view.print_table(
        ("STACK", "RESOURCES", "LAST CHANGE", "STATE"),
        [
            (
                f"{r.name}{'*' * r.selected}",
                str(r.resources),
                as_local(r.changed) or "never",
                _state(r),
            )
            for r in rows
        ],
    )
    if hint := overlooked(project.stacks):
        view.say(hint)
    listed = {row.name for row in rows}
    for name in stacks.bases(project):
        if name not in listed:
            view.say(f"{project.stack_file(name).name} is not listed: other stacks extend it.")


def _state(row: stacks.StackRow) -> str:
    if row.locked_by:
        return f"locked by {row.locked_by}"
    return "interrupted; the next `aml up` finishes it" if row.interrupted else ""


@stack.command()
@click.argument("name")
@click.option(
    "--force", is_flag=True, help="Remove it even if it still has resources; they are not deleted."
)
@_YES
@_JSON
def rm(name: str, *, force: bool, yes: bool, as_json: bool) -> None:
    """Remove stack NAME with its state and its file."""
    project = find_project()
    stacks.existing_stack_file(project, name)
    _confirm(
        f"Remove stack {name!r}, its state and its file?", f"`aml stack rm {name} --yes`", yes=yes
    )
    stacks.remove_stack(project, name, force=force)
    view.say(f"Removed stack {name!r}.")
    _data({"stack": name}, as_json=as_json)


@stack.command(name="export")
@_STACK
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="File to write. Default: standard output.",
)
@click.option("--show-secrets", is_flag=True, help="Write secrets decrypted.")
def export_(name: str | None, file: Path | None, *, show_secrets: bool) -> None:
    """Export a stack's state as JSON, in the format of `pulumi stack export`."""
    project = find_project()
    named = stacks.existing_stack(project, name)
    text = stacks.export_stack(project, named, show_secrets=show_secrets)
    if file is None:
        view.print_text(text)
        return
    view.write_text(file, text)
    view.say(f"Wrote {view.short_path(file)}.")


@stack.command(name="import")
@_STACK
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    default=_STANDARD_INPUT,
    help="File to read. Default: the standard input, also named -.",
)
@_JSON
def import_(name: str | None, file: Path, *, as_json: bool) -> None:
    """Replace a stack's state with an exported one. A backup is kept."""
    project = find_project()
    named = stacks.existing_stack(project, name)
    stacks.import_stack(project, named, file)
    said = "the standard input" if file == _STANDARD_INPUT else view.short_path(file)
    view.say(f"Imported {said} into stack {named!r}.")
    _data({"stack": named, "file": file}, as_json=as_json)


@stack.command()
@click.argument("url")
@_STACK
@_YES
@_JSON
def migrate(url: str, name: str | None, *, yes: bool, as_json: bool) -> None:
    """Move a stack's state and history to the backend at URL.

    URL is azblob://CONTAINER?storage_account=ACCOUNT, or file://FOLDER. Backups stay where they
    are. Both backends hold the stack's lock meanwhile.
    """
    project = find_project()
    named = stacks.existing_stack(project, name)
    _confirm(
        f"Move stack {named!r} to {url}?",
        stack_command(f"stack migrate {shlex.quote(url)} --yes", named),
        yes=yes,
    )
    stacks.move_stack(project, named, url)
    view.say(f"Moved stack {named!r}.")
    if backend_url(project) != url:
        view.say(
            f"Use it there with `aml login {shlex.quote(url)}`, or write it to `backend.url` of"
            " Pulumi.yaml."
        )
    _data({"stack": named, "backend": url}, as_json=as_json)


@stack.command(name="change-secrets-provider")
@click.argument("provider", metavar="URL|passphrase")
@_STACK
@click.option(
    "--passphrase-file",
    "new",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Holds a new passphrase, for a stack that has another. Default: asked for.",
)
@_JSON
def change_secrets_provider(
    provider: str, name: str | None, new: Path | None, *, as_json: bool
) -> None:
    """Encrypt a stack's secrets with another key, in its file and in its state.

    URL is azurekeyvault://VAULT.vault.azure.net/keys/KEY, which needs the role Key Vault Crypto
    User. The former key is needed, too. A vault's key can be given again, for a new data key.
    Earlier backups and commits stay encrypted as they were.
    """
    project = find_project()
    named = stacks.existing_stack(project, name)
    passphrase = None if new is None else _first_line(new)
    count = change_provider(project, named, provider, ask_at_terminal(), passphrase)
    file = project.stack_file(named)
    view.say(
        f"Encrypted {count} secret{'s' * (count != 1)} of {view.short_path(file)} and the state of"
        f" stack {named!r} anew. Commit the file: the others need it."
    )
    _data({"stack": named, "provider": provider, "file": file}, as_json=as_json)


def _first_line(file: Path) -> str:
    """Return the passphrase in a file, as ``PULUMI_CONFIG_PASSPHRASE_FILE`` is read."""
    found: str | None = passphrase_from_environment({FILE_VARIABLE: str(file)})
    if not found:
        raise UsageError("It is empty.", remedy="Write the passphrase into it.", at=str(file))
    return found


@stack.command()
@_STACK
@_YES
@_JSON
def repair(name: str | None, *, yes: bool, as_json: bool) -> None:
    """Repair damaged state: restore the order of resources, drop dangling references."""
    project = find_project()
    backend, named = stacks.backend_of(project), stacks.existing_stack(project, name)
    problems = backend.diagnose(project.name, named).problems
    for problem in problems:
        view.say(problem)
    if problems:
        _confirm(
            "Repair it? The damaged state is kept as a backup.",
            stack_command("stack repair --yes", named),
            yes=yes,
        )
        backend.repair(project.name, named)
        view.say(f"Repaired {len(problems)} problem{'s' * (len(problems) != 1)}.")
    else:
        view.say(f"The state of stack {named!r} is fine.")
    _data({"stack": named, "repaired": list(problems)}, as_json=as_json)


@stack.command()
@_STACK
@_JSON
def deleted(name: str | None, *, as_json: bool) -> None:
    """List soft-deleted workspaces and key vaults, and what `aml up` would do about each."""
    rows = soft_deleted_rows(open_stack(name, secrets="hidden"))
    if as_json:
        view.print_json([asdict(row) for row in rows])
        return
    if not rows:
        view.say("There are no soft-deleted workspaces or key vaults.")
        return
    view.print_table(
        ("KIND", "NAME", "REGION", "PURGED ON", "AML UP"),
        [(r.kind, r.name, r.location, as_local(r.until), r.fate or "") for r in rows],
    )


# The former name; scripts may still use it.
stack.add_command(
    click.Command("parked", callback=deleted.callback, params=deleted.params, hidden=True)
)


@click.command()
@click.argument("run", required=False, metavar="")
@_STACK
@_YES
@_JSON
def cancel(run: str | None, name: str | None, *, yes: bool, as_json: bool) -> None:
    """Remove the lock of a deployment that is no longer running.

    `aml run cancel RUN` cancels a run.
    """
    if run is not None:
        raise UsageError(
            f"`aml cancel` removes a stack's lock; {run!r} is not one.",
            remedy=f"To cancel a run, use `aml run cancel {run}`; to name a stack, `-s {run}`.",
        )
    project = find_project()
    backend, named = stacks.backend_of(project), stacks.existing_stack(project, name)
    held = backend.holders(project.name, named)
    for lock in held:
        view.say(f"Stack {named!r} is locked by {lock}.")
    removed: Sequence[object] = ()
    if held:
        _confirm(
            "Remove the lock? If that operation still runs, it would continue unlocked.",
            stack_command("cancel --yes", named),
            yes=yes,
        )
        removed = backend.cancel(project.name, named)
    view.say("Removed the lock." if removed else f"Stack {named!r} is not locked.")
    _data({"stack": named, "removed": [str(lock) for lock in removed]}, as_json=as_json)


@click.command()
@_STACK
@click.option("--all", "everything", is_flag=True, help="Unprotect all of the stack's resources.")
@_YES
@_JSON
@click.argument("resources", metavar="[NAME|URN]...", nargs=-1)
def unprotect(
    name: str | None, resources: tuple[str, ...], *, everything: bool, yes: bool, as_json: bool
) -> None:
    """Allow protected resources to be replaced or deleted.

    The stack file is not changed: the next `aml up` protects them again.
    """
    if not resources and not everything:
        raise UsageError("No resource was given.", remedy="Give names or URNs, or `--all`.")
    project = find_project()
    named = stacks.existing_stack(project, name)
    what = f"all resources of stack {named!r}" if everything else ", ".join(resources)
    typed = "--all" if everything else " ".join(resources)
    _confirm(f"Unprotect {what}?", stack_command(f"unprotect {typed} --yes", named), yes=yes)
    freed = stacks.unprotect(project, named, None if everything else frozenset(resources))
    for urn in freed:
        view.say(f"Unprotected {urn}")
    if not freed:
        view.say("None of these resources was protected.")
    _data({"stack": named, "unprotected": list(freed)}, as_json=as_json)


def _confirm(question: str, without_asking: str, *, yes: bool) -> None:
    if yes:
        return
    if not view.can_ask():
        raise view.no_terminal(without_asking)
    if not view.confirmed(question):
        raise click.Abort


def _data(document: object, *, as_json: bool) -> None:
    if as_json:
        view.print_json(document)
