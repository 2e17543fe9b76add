"""`aml stack …`, `aml cancel`, `aml unprotect`: stacks as things that are made, moved, mended."""

from dataclasses import asdict
from pathlib import Path

import click

from infra.commands import view
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy import stacks

_STACK = click.option("-s", "--stack", "name", metavar="STACK", help="Else the selected one.")


@click.group()
def stack() -> None:
    """Make, select, list, move and remove stacks."""


@stack.command()
@click.argument("name")
def init(name: str) -> None:
    """Make a stack NAME with a file to start from, and select it."""
    file = stacks.init_stack(find_project(), name)
    view.say(f"Wrote {view.short_path(file)} and selected {name!r}. Edit it, then run `aml up`.")


@stack.command()
@click.argument("name")
def select(name: str) -> None:
    """Make NAME the stack that commands mean without -s."""
    project = find_project()
    stacks.existing_stack_file(project, name)
    project.select_stack(name)
    view.say(f"Selected stack {name!r}.")


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
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def rm(name: str, *, force: bool, yes: bool) -> None:
    """Remove stack NAME: its state and its file."""
    project = find_project()
    stacks.existing_stack_file(project, name)
    _ask(f"Remove stack {name!r}, its state and its file?", yes=yes)
    stacks.remove_stack(project, name, force=force)
    view.say(f"Removed stack {name!r}.")


@stack.command(name="export")
@_STACK
@click.option("--file", "file", type=click.Path(path_type=Path), help="Else standard output.")
@click.option("--show-secrets", is_flag=True, help="Write secrets in clear.")
def export_(name: str | None, file: Path | None, *, show_secrets: bool) -> None:
    """Write a stack's state as `pulumi stack export` does."""
    project = find_project()
    text = stacks.export_stack(project, name or project.selected_stack(), show_secrets=show_secrets)
    if file is None:
        click.echo(text, nl=False)
        return
    file.write_text(text, encoding="utf-8")
    view.say(f"Wrote {view.short_path(file)}.")


@stack.command(name="import")
@_STACK
@click.option("--file", "file", type=click.Path(path_type=Path), required=True)
def import_(name: str | None, file: Path) -> None:
    """Put an exported state in the place of a stack's; a backup is kept."""
    project = find_project()
    stack = name or project.selected_stack()
    stacks.import_stack(project, stack, file)
    view.say(f"Imported {view.short_path(file)} into stack {stack!r}.")


@stack.command()
@_STACK
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def repair(name: str | None, *, yes: bool) -> None:
    """Mend state that breaks its own rules: sort it, cut references to nothing."""
    project = find_project()
    backend, stack = stacks.backend_of(project), name or project.selected_stack()
    problems = backend.diagnose(project.name, stack).problems
    for problem in problems:
        view.say(problem)
    if not problems:
        view.say(f"The state of stack {stack!r} is sound.")
        return
    _ask("Repair it? Copies of everything are put with the backups.", yes=yes)
    backend.repair(project.name, stack)
    view.say(f"Repaired {len(problems)} problem(s).")


@click.command()
@_STACK
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def cancel(name: str | None, *, yes: bool) -> None:
    """Take away the lock of a run that is not there any more."""
    project = find_project()
    if not stacks.backend_of(project).holders(project.name, name or project.selected_stack()):
        view.say("There is no lock.")
        return
    _ask("Take the lock away? A run that holds it would go on unprotected.", yes=yes)
    removed = stacks.backend_of(project).cancel(project.name, name or project.selected_stack())
    for lock in removed:
        view.say(f"Removed the lock of {lock}.")


@click.command()
@_STACK
@click.option("--all", "everything", is_flag=True, help="All of the stack's resources.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.argument("urns", metavar="[URN]...", nargs=-1)
def unprotect(name: str | None, urns: tuple[str, ...], *, everything: bool, yes: bool) -> None:
    """Let protected resources be replaced or deleted."""
    if not urns and not everything:
        raise UsageError("Name the resources to unprotect.", remedy="Give their URNs, or `--all`.")
    _ask("Unprotect them?", yes=yes)
    project = find_project()
    wanted = None if everything else frozenset(urns)
    for urn in stacks.unprotect(project, name or project.selected_stack(), wanted):
        view.say(f"Unprotected {urn}")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not view.can_ask():
        raise UsageError("There is no terminal to ask on.", remedy="Add `--yes`.")
    if not view.confirmed(question):
        raise click.Abort
