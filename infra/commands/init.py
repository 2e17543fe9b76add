"""`aml init`: a new stack file, from options or prompts; it prompts at a terminal only."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from infra.catalogue.names import RULES
from infra.commands import view
from infra.commands.ci import (
    CI,
    ci_files,
    ci_service,
    deployed_stack,
    repository,
    team_stacks,
    write_missing,
)
from infra.contract.command_line import stack_command
from infra.contract.errors import UsageError
from infra.contract.load import look_up
from infra.contract.private import keep_out_of_snapshots
from infra.contract.project import DEFAULT_STACK, Project, overlooked, project_of_new_stack
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
    "group_exists": "Does the resource group exist already (yes or no)",
    "compute": f"Name of a first cluster ({NO_CELL} for none)",
    "vm_size": "VM size of its nodes",
    "max_nodes": "Maximum number of nodes",
    "subnet": f"Id of an existing subnet for its nodes ({NO_CELL} for none)",
    "subscription": "Azure subscription id (empty to set it later)",
}
_PATHS: Final = {
    "aml:cloud": "cloud",
    "azure-native:location": "location",
    "aml:workspace.name": "workspace",
    "aml:workspace.resource_group": "resource_group",
    "aml:workspace.group_exists": "group_exists",
    "aml:computes[0].name": "compute",
    "aml:computes[0].vm_size": "vm_size",
    "aml:computes[0].max_nodes": "max_nodes",
    "aml:computes[0].subnet_id": "subnet",
    "azure-native:subscriptionId": "subscription",
}
"""The question whose answer is written at each path of a new stack file."""
_OF_CLUSTER: Final = frozenset({"vm_size", "max_nodes", "subnet"})
_OF_AZURE: Final = frozenset({"group_exists", "subnet", "subscription"})
"""Questions about what exists already, which a local cloud has none of."""
_NO_CI: Final = "none"
_FIRST_OF_A_TEAM: Final = "dev"
_YES_OR_NO: Final = ("yes", "no")


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
@click.option(
    "--group-exists", type=click.Choice(_YES_OR_NO), help="Whether the resource group exists."
)
@click.option("--subnet", metavar="ID", help="Existing subnet for the cluster's nodes.")
@click.option(
    "--ci",
    type=click.Choice([*CI, _NO_CI]),
    help="Also write pipelines: preview a pull request, deploy main, look for drift every night.",
)
@click.option("--yes", is_flag=True, help="Do not prompt; use the defaults.")
def init(stack: str, *, yes: bool, ci: str | None, **given: str | None) -> None:
    """Write the stack file Pulumi.STACK.yaml. It does not become the selected stack.

    The file goes to stacks/, or wherever the project keeps its stack files. No project is needed:
    without one, stacks run the packaged program. For a stack that exists, --ci alone adds the
    pipelines.
    """
    project = project_of_new_stack()
    if ci not in {None, _NO_CI}:
        _require_deployable(project, stack)
        if project.stack_file(stack).exists() and not any(given.values()):
            view.say(f"Stack {stack!r} exists already, and was left as it is.")
            _offer_pipelines(project, ci, prompt=False)
            return
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
    ignoring = keep_out_of_snapshots(project.home)
    if ignoring is not None:
        view.say(f"Added .aml/ to {ignoring.name}, so that no client uploads it with your code.")
    _offer_pipelines(project, ci, prompt=prompt)


def _offer_pipelines(project: Project, ci: str | None, *, prompt: bool) -> None:
    """Write the files of a CI service: of the one given, else of one that is chosen if asked."""
    root = repository(project.root)
    found = ci_service(root) if root is not None else ""
    names = team_stacks(project.stacks)
    if ci is None and root is not None and prompt and deployed_stack(names):
        question = f"Write pipelines for {' or '.join(CI)} ({NO_CELL} for none)"
        ci = _value(view.prompted(question, default=found or NO_CELL)) or _NO_CI
        look_up(ci, dict.fromkeys((*CI, _NO_CI)), noun="CI service")
    deployed = deployed_stack(names)
    if ci is None and root is not None and found:
        fit = deployed or _FIRST_OF_A_TEAM
        if any(not (root / name).exists() for name in ci_files(found, names, fit)):
            view.say(f"`aml init {fit} --ci {found}` writes pipelines that preview and deploy.")
    if ci in (None, _NO_CI) or deployed is None:
        return
    written, left = write_missing(root or project.root, ci_files(str(ci), names, deployed))
    for name in left:
        view.say(f"{name} exists already, and was left as it is.")
    if written:
        view.say(f"Wrote {', '.join(written)}. A merge to main deploys stack {deployed!r}.")


def _require_deployable(project: Project, stack: str) -> None:
    """Refuse pipelines where only production would be left for a merge to deploy."""
    names = [*team_stacks(project.stacks), stack]
    if deployed_stack(names) is None:
        raise UsageError(
            f"A merge may deploy none of these stacks by itself: {', '.join(names)}.",
            remedy="Run `aml init dev --cloud azure` first; production is deployed by hand.",
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
    elsewhere = overlooked(project.stacks)
    if elsewhere:
        raise UsageError(
            "Pulumi.yaml does not say where this project keeps its stack files.",
            remedy=elsewhere,
            at=str(project.root / "Pulumi.yaml"),
        )
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
    if key == "group_exists" and answers[key] not in _YES_OR_NO:
        return [f"{answers[key]!r} is neither {' nor '.join(_YES_OR_NO)}."]
    known = dict(answers)
    for other in _QUESTIONS:
        if other not in known:
            known[other] = default(other, known)
    found = inspect_text(stack_text(NewStack(**known))).problems
    return [problem.message for problem in found if _PATHS.get(problem.path) == key]


def _is_needed(key: str, answers: Mapping[str, str]) -> bool:
    if key in _OF_AZURE and answers["cloud"] != "azure":
        return False
    return key not in _OF_CLUSTER or bool(answers["compute"])
