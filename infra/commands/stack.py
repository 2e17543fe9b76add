"""`aml stack …`, `aml cancel`, `aml unprotect`: stacks as things that are made, moved, mended."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from infra.commands import view
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy.run.check import soft_deleted_rows
from infra.deploy.stack import stacks
from infra.deploy.stack.stacks import open_stack

_STACK = click.option("-s", "--stack", "name", metavar="STACK", help="Else the selected one.")
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print what was done as data.")


@click.group()
def stack() -> None:
    """Make, select, list, move and remove stacks."""


@stack.command()
@click.argument("name")
@_JSON
def init(name: str, *, as_json: bool) -> None:
    """Make a stack NAME with a file to start from, and select it."""
    file = stacks.init_stack(find_project(), name)
    view.say(f"Wrote {view.short_path(file)} and selected {name!r}. Edit it, then run `aml up`.")
    _data({"stack": name, "file": file}, as_json=as_json)


@stack.command()
@click.argument("name")
@_JSON
def select(name: str, *, as_json: bool) -> None:
    """Make NAME the stack that commands mean without -s."""
    project = find_project()
    stacks.existing_stack_file(project, name)
    project.select_stack(name)
    view.say(f"Selected stack {name!r}.")
    _data({"stack": name}, as_json=as_json)


@stack.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as data.")
def ls(*, as_json: bool) -> None:
    """List the stacks of the project; the selected one has a star."""
    rows = stacks.list_stacks(find_project())
    if as_json:
        view.print_json([asdict(row) for row in rows])
        return
    view.print_table(
        ("STACK", "RESOURCES", "LAST CHANGE"),
        [(f"{r.name}{'*' * r.selected}", str(r.resources), r.changed or "never") for r in rows],
    )


@stack.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Forget resources that are still there.")
@_YES
@_JSON
def rm(name: str, *, force: bool, yes: bool, as_json: bool) -> None:
    """Remove stack NAME: its state and its file."""
    project = find_project()
    stacks.existing_stack_file(project, name)
    _ask(f"Remove stack {name!r}, its state and its file?", yes=yes)
    stacks.remove_stack(project, name, force=force)
    view.say(f"Removed stack {name!r}.")
    _data({"stack": name}, as_json=as_json)


@stack.command(name="export")
@_STACK
@click.option("--file", "file", type=click.Path(path_type=Path), help="Else standard output.")
@click.option("--show-secrets", is_flag=True, help="Write secrets in clear.")
def export_(name: str | None, file: Path | None, *, show_secrets: bool) -> None:
    """Write a stack's state, as JSON, as `pulumi stack export` does."""
    project = find_project()
    named = stacks.existing_stack(project, name)
    text = stacks.export_stack(project, named, show_secrets=show_secrets)
    if file is None:
        click.echo(text, nl=False)
        return
    view.write_text(file, text)
    view.say(f"Wrote {view.short_path(file)}.")


@stack.command(name="import")
@_STACK
@click.option("--file", "file", type=click.Path(path_type=Path), required=True)
@_JSON
def import_(name: str | None, file: Path, *, as_json: bool) -> None:
    """Put an exported state in the place of a stack's; a backup is kept."""
    project = find_project()
    named = stacks.existing_stack(project, name)
    stacks.import_stack(project, named, file)
    view.say(f"Imported {view.short_path(file)} into stack {named!r}.")
    _data({"stack": named, "file": file}, as_json=as_json)


@stack.command()
@_STACK
@_YES
@_JSON
def repair(name: str | None, *, yes: bool, as_json: bool) -> None:
    """Mend state that breaks its own rules: sort it, cut references to nothing."""
    project = find_project()
    backend, named = stacks.backend_of(project), stacks.existing_stack(project, name)
    problems = backend.diagnose(project.name, named).problems
    for problem in problems:
        view.say(problem)
    if problems:
        _ask("Repair it? Copies of everything are put with the backups.", yes=yes)
        backend.repair(project.name, named)
        view.say(f"Repaired {len(problems)} problem(s).")
    else:
        view.say(f"The state of stack {named!r} is sound.")
    _data({"stack": named, "repaired": list(problems)}, as_json=as_json)


@stack.command()
@_STACK
@_JSON
def parked(name: str | None, *, as_json: bool) -> None:
    """List deleted workspaces and key vaults that keep their names, and what `up` would do."""
    rows = soft_deleted_rows(open_stack(name))
    if as_json:
        view.print_json([asdict(row) for row in rows])
        return
    if not rows:
        view.say("Nothing is parked.")
        return
    view.print_table(
        ("KIND", "NAME", "REGION", "GOES", "AML UP"),
        [(r.kind, r.name, r.location, r.until or "by itself", r.fate or "-") for r in rows],
    )


@click.command()
@_STACK
@_YES
@_JSON
def cancel(name: str | None, *, yes: bool, as_json: bool) -> None:
    """Take away the lock of a run that is not there any more."""
    project = find_project()
    backend, named = stacks.backend_of(project), stacks.existing_stack(project, name)
    held = backend.holders(project.name, named)
    for lock in held:
        view.say(f"Stack {named!r} is locked by {lock}.")
    removed: Sequence[Any] = ()
    if held:
        _ask("Take the lock away? A run that holds it would go on unprotected.", yes=yes)
        removed = backend.cancel(project.name, named)
    view.say("Removed the lock." if removed else f"Nobody holds stack {named!r}.")
    _data({"stack": named, "removed": [str(lock) for lock in removed]}, as_json=as_json)


@click.command()
@_STACK
@click.option("--all", "everything", is_flag=True, help="All of the stack's resources.")
@_YES
@_JSON
@click.argument("resources", metavar="[NAME|URN]...", nargs=-1)
def unprotect(
    name: str | None, resources: tuple[str, ...], *, everything: bool, yes: bool, as_json: bool
) -> None:
    """Let protected resources be replaced or deleted.

    The stack file still says what it says: the next `aml up` protects again.
    """
    if not resources and not everything:
        raise UsageError(
            "Name the resources to unprotect.", remedy="Give their names or URNs, or `--all`."
        )
    project = find_project()
    named = stacks.existing_stack(project, name)
    what = f"all resources of stack {named!r}" if everything else ", ".join(resources)
    _ask(f"Unprotect {what}?", yes=yes)
    freed = stacks.unprotect(project, named, None if everything else frozenset(resources))
    for urn in freed:
        view.say(f"Unprotected {urn}")
    if not freed:
        view.say("Nothing of it was protected.")
    _data({"stack": named, "unprotected": list(freed)}, as_json=as_json)


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not view.can_ask():
        raise UsageError("There is no terminal to ask on.", remedy="Add `--yes`.")
    if not view.confirmed(question):
        raise click.Abort


def _data(document: Any, *, as_json: bool) -> None:
    if as_json:
        view.print_json(document)
