"""`aml init`: a new stack file from flags or questions; questions at a terminal only."""

import sys
from pathlib import Path
from typing import Final

import click

from infra.catalogue.names import RULES
from infra.contract.errors import UsageError
from infra.contract.project import DEFAULT_STACK, Project, find_project, packaged_project
from infra.contract.project import project_root as find_root
from infra.spec.load import inspect_text
from infra.spec.new_stack import SCHEMA_FILE, NewStack, stack_text
from infra.spec.problems import StackFileError
from infra.spec.schema import schema_text

# Question, and what is meant where nobody answers; `{stack}` and `{workspace}` are filled in.
_QUESTIONS: Final = {
    "cloud": ("Cloud (local or azure)", "local"),
    "location": ("Azure region", "westeurope"),
    "workspace": ("Name of the workspace", "ml-{stack}"),
    "resource_group": ("Name of its resource group", "{workspace}-rg"),
    "compute": ("Name of a first cluster, or - for none", "cpu"),
    "vm_size": ("VM size of its nodes", "STANDARD_DS3_V2"),
    "max_nodes": ("Most nodes at once", "2"),
    "subscription": ("Azure subscription id, or nothing to set it later", ""),
}
_NONE: Final = "-"
_OF_CLUSTER: Final = frozenset({"vm_size", "max_nodes"})


@click.command()
@click.argument("stack", default=DEFAULT_STACK)
@click.option("--cloud", type=click.Choice(["local", "azure"]), help="Where it is deployed.")
@click.option("--location", help="The Azure region.")
@click.option("--workspace", help="Name of the workspace.")
@click.option("--resource-group", help="Name of its resource group.")
@click.option("--compute", help="Name of a first cluster; empty for none.")
@click.option("--vm-size", help="VM size of its nodes.")
@click.option("--max-nodes", help="Most nodes at once.")
@click.option("--subscription", help="Azure subscription id.")
@click.option("--yes", is_flag=True, help="Ask nothing: what is not given gets its default.")
def init(stack: str, *, yes: bool, **given: str | None) -> None:
    """Write a new stack file: Pulumi.STACK.yaml, in stacks/ or where the project keeps them.

    Needs no project: stack files alone run the packaged program.
    """
    problem = RULES["stack"].problem(stack)
    if problem:
        raise UsageError(problem, remedy="Choose another name.")
    project = _project()
    file = project.stack_file(stack)
    if file.exists():
        raise UsageError(
            f"Stack {stack!r} exists.",
            remedy="Edit its file, or choose another name.",
            at=str(file),
        )
    asking = not yes and sys.stdin.isatty()
    text = stack_text(_beginning(stack, given, asking=asking))
    found = inspect_text(text).problems
    if found:
        raise StackFileError(found, at=f"what {file.name} would be", remedy="Answer differently.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    (file.parent / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    project.select_stack(stack)
    click.echo(f"Wrote {file}. Next: `aml check`, then `aml up`.", err=True)


def _project() -> Project:
    folder = Path.cwd()
    return packaged_project(folder) if find_root(folder) is None else find_project(folder)


def _beginning(stack: str, given: dict[str, str | None], *, asking: bool) -> NewStack:
    answers: dict[str, str] = {"stack": stack}
    for key, (question, default) in _QUESTIONS.items():
        meant = default.format(**answers)
        value = given[key]
        needed = _is_needed(key, answers)
        if value is None:
            value = click.prompt(question, default=meant, err=True) if asking and needed else meant
        answers[key] = value.strip().removeprefix(_NONE)
    return NewStack(**answers)


def _is_needed(key: str, answers: dict[str, str]) -> bool:
    if key == "subscription":
        return answers["cloud"] == "azure"
    return key not in _OF_CLUSTER or bool(answers["compute"])
