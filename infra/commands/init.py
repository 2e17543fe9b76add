"""`aml init`: a new stack file, from options or prompts; it prompts at a terminal only."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from infra.catalogue.names import RULES
from infra.commands import view
from infra.contract.command_line import stack_command
from infra.contract.errors import UsageError
from infra.contract.project import DEFAULT_STACK, Project, find_project, packaged_project
from infra.contract.project import project_root as find_root
from infra.contract.terminal import NO_CELL
from infra.spec.load import inspect_text
from infra.spec.new_stack import SCHEMA_FILE, NewStack, default, stack_text
from infra.spec.problems import StackFileError
from infra.spec.schema import schema_text

_QUESTIONS: Final = {
    "cloud": "Cloud (local or azure)",
    "location": "Azure region",
    "workspace": "Workspace name",
    "resource_group": "Resource group",
    "compute": f"Name of a first cluster ({NO_CELL} for none)",
    "vm_size": "VM size of its nodes",
    "max_nodes": "Maximum number of nodes",
    "subscription": "Azure subscription id (empty to set it later)",
}
_PATHS: Final = {
    "aml:cloud": "cloud",
    "azure-native:location": "location",
    "aml:workspace.name": "workspace",
    "aml:workspace.resource_group": "resource_group",
    "aml:computes[0].name": "compute",
    "aml:computes[0].vm_size": "vm_size",
    "aml:computes[0].max_nodes": "max_nodes",
    "azure-native:subscriptionId": "subscription",
}
"""The question whose answer is written at each path of a new stack file."""
_OF_CLUSTER: Final = frozenset({"vm_size", "max_nodes"})


@click.command()
@click.argument("stack", default=DEFAULT_STACK)
@click.option("--cloud", type=click.Choice(["local", "azure"]), help="Cloud to deploy to.")
@click.option("--location", help="Azure region.")
@click.option("--workspace", help="Workspace name.")
@click.option("--resource-group", help="Resource group of the workspace.")
@click.option("--compute", help="Name of a first cluster; empty for none.")
@click.option("--vm-size", help="VM size of the cluster's nodes.")
@click.option("--max-nodes", help="Maximum number of nodes.")
@click.option("--subscription", help="Azure subscription id.")
@click.option("--yes", is_flag=True, help="Do not prompt; use the defaults.")
def init(stack: str, *, yes: bool, **given: str | None) -> None:
    """Write the stack file Pulumi.STACK.yaml. It does not become the selected stack.

    The file goes to stacks/, or wherever the project keeps its stack files. No project is needed:
    without one, stacks run the packaged program.
    """
    project = _project()
    require_new(project, stack)
    prompt = not yes and sys.stdin.isatty()
    file = create_stack(project, _answers(stack, given, prompt=prompt))
    view.say(
        f"Wrote {view.short_path(file)}. Next, run {stack_command('check', stack)},"
        f" then {stack_command('up', stack)}."
    )
    if stack != project.selected_stack():
        view.say(f"`aml stack select {stack}` makes it the stack that commands use without -s.")
    say_passphrase(stack)
    view.say(
        f"Commit {view.short_path(file)} and {SCHEMA_FILE} beside it;"
        " .aml holds state and keys of this machine, and git ignores it."
    )


def say_passphrase(stack: str) -> None:
    """Say what a stack other than `local`, which has one of its own, needs before `aml up`."""
    if stack != DEFAULT_STACK:
        view.say(
            f"Stack {stack!r} needs a passphrase to deploy: set PULUMI_CONFIG_PASSPHRASE to a value"
            " you choose. It encrypts secrets and what Azure returns, such as account keys; keep"
            " it, and share it with everybody who deploys the stack."
        )


def require_new(project: Project, stack: str) -> None:
    """Refuse a stack name that is not allowed, or taken."""
    problem = RULES["stack"].problem(stack)
    if problem:
        raise UsageError(problem, remedy="Choose another name.")
    file = project.stack_file(stack)
    if file.exists():
        raise UsageError(
            f"Stack {stack!r} exists already.",
            remedy=f"Select it with `aml stack select {stack}`, or choose another name.",
            at=str(file),
        )


def create_stack(project: Project, wanted: NewStack) -> Path:
    """Write a new stack's file, with the schema that editors use beside it.

    ``StackFileError`` reports every answer that would make the file invalid; then nothing is
    written.
    """
    require_new(project, wanted.stack)
    file, text = project.stack_file(wanted.stack), stack_text(wanted)
    found = inspect_text(text).problems
    if found:
        # The lines are those of a file that nobody has.
        raise StackFileError(
            [replace(each, path=_option(each.path), line=0) for each in found],
            at=f"{file.name}, which was not written",
            remedy="Choose other values.",
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    (file.parent / SCHEMA_FILE).write_text(schema_text(), encoding="utf-8")
    return file


def _option(path: str) -> str:
    return f"--{_PATHS[path].replace('_', '-')}" if path in _PATHS else path


def _project() -> Project:
    folder = Path.cwd()
    return packaged_project(folder) if find_root(folder) is None else find_project(folder)


def _answers(stack: str, given: Mapping[str, str | None], *, prompt: bool) -> NewStack:
    """Return the new stack: what was given, else what is answered, else the default."""
    answers: dict[str, str] = {"stack": stack}
    for key, question in _QUESTIONS.items():
        meant, value = default(key, answers), given[key]
        if value is None:
            asked = prompt and _is_needed(key, answers)
            value = _asked(key, question, meant, answers) if asked else meant
        answers[key] = _value(value)
    return NewStack(**answers)


def _value(answer: str) -> str:
    answer = answer.strip()
    return "" if answer == NO_CELL else answer


def _asked(key: str, question: str, meant: str, answers: Mapping[str, str]) -> str:
    """Ask until the answer is a valid value."""
    while True:
        value = view.prompted(question, default=meant)
        known = {**answers, key: _value(value)}
        problems = _problems_of(key, known)
        if not problems:
            return value
        for problem in problems:
            view.say(problem)


def _problems_of(key: str, answers: Mapping[str, str]) -> list[str]:
    """Return what is wrong with one answer; those that are still to come have their defaults."""
    known = dict(answers)
    for other in _QUESTIONS:
        if other not in known:
            known[other] = default(other, known)
    found = inspect_text(stack_text(NewStack(**known))).problems
    return [problem.message for problem in found if _PATHS.get(problem.path) == key]


def _is_needed(key: str, answers: Mapping[str, str]) -> bool:
    if key == "subscription":
        return answers["cloud"] == "azure"
    return key not in _OF_CLUSTER or bool(answers["compute"])
