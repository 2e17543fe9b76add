"""`aml check`: say what is wrong with a stack file, offline, without Pulumi and in an instant."""

import json

import click

from infra.contract.project import find_project
from infra.spec.load import Inspection, inspect_program_stack, inspect_stack
from infra.spec.problems import file_error
from infra.spec.program import ProgramSpec


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as data.")
def check(stack: str | None, *, as_json: bool) -> None:
    """Validate a stack file offline: every problem at once, each with its line.

    Exit code 0: no problems; 2: there are some.
    """
    project = find_project()
    name = stack or project.selected_stack()
    file = project.stack_file(name)
    found = inspect_stack(file) if project.runs_packaged_program else inspect_program_stack(file)
    if as_json:
        document = {
            "stack": name,
            "file": str(file),
            "problems": [problem.as_dict() for problem in found.problems],
            "sealed": list(found.sealed),
        }
        click.echo(json.dumps(document, indent=2))
    if found.problems:
        raise file_error(found.problems, file)
    click.echo(_summary(name, found), err=True)


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
