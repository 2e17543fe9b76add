"""`aml check`: say what is wrong with a stack file; offline without Pulumi and in an instant."""

import json

import click

from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.load import load
from infra.contract.project import find_project
from infra.spec.load import Inspection, inspect_program_stack, inspect_stack
from infra.spec.problems import file_error, online_error
from infra.spec.program import ProgramSpec
from infra.spec.rules.sizes import unlisted
from infra.spec.stack import StackSpec


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
@click.option("--online", is_flag=True, help="Ask the cloud too: names, sizes, quotas, and more.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as data.")
def check(stack: str | None, *, online: bool, as_json: bool) -> None:
    """Validate a stack file: every problem at once, each with its line.

    Offline and in an instant, unless the cloud is to be asked.

    Exit code 0: no problems; 2: there are some.
    """
    project = find_project()
    name = stack or project.selected_stack()
    file = project.stack_file(name)
    found = inspect_stack(file) if project.runs_packaged_program else inspect_program_stack(file)
    problems, remarks = found.problems, remarks_on(found)
    asking = online and not problems
    if asking:
        ask = load("infra.deploy.run.check:check_online", extra="infra")
        problems, remarks = ask(name)
    if as_json:
        document = {
            "stack": name,
            "file": str(file),
            "problems": [problem.as_dict() for problem in problems],
            "remarks": list(remarks),
            "sealed": list(found.sealed),
        }
        click.echo(json.dumps(document, indent=2))
    for remark in remarks:
        click.echo(f"note: {remark}", err=True)
    if problems:
        raise online_error(problems, file) if asking else file_error(problems, file)
    click.echo(_summary(name, found), err=True)


def remarks_on(found: Inspection) -> list[str]:
    """Return what is no problem, but may be one: sizes that are newer than the catalogue."""
    if not isinstance(found.spec, StackSpec):
        return []
    sizes = {getattr(each, "vm_size", None) for each in found.spec.computes}
    return [
        f"{unlisted(size)} `aml check --online` asks the cloud."
        for size in sorted(filter(None, sizes))
        if size.lower() not in vm_sizes()
    ]


def _summary(name: str, found: Inspection) -> str:
    if found.spec is None:
        return f"{name}: no problems in what can be read; sealed: {', '.join(found.sealed)}."
    if isinstance(found.spec, ProgramSpec):
        return f"{name}: cloud {found.spec.cloud}; the rest is for its own program to check."
    count = len(found.spec.computes)
    return (
        f"{name}: no problems. Workspace {found.spec.workspace.name} with "
        f"{count} compute{'' if count == 1 else 's'}, cloud {found.spec.cloud}."
    )
