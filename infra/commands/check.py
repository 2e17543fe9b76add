"""`aml check`: report what is wrong with a stack file; offline, it needs no Pulumi."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from infra.catalogue.locations import unlisted_region
from infra.catalogue.vm_sizes import vm_sizes
from infra.commands import view
from infra.contract.load import load, nearest
from infra.contract.project import Project, find_project
from infra.deploy.stack.configuration import read_configuration
from infra.deploy.stack.project_settings import HIDDEN, project_settings
from infra.spec.inheritance import merged_text, read_stack_document
from infra.spec.load import Inspection, inspect_program_stack, inspect_stack
from infra.spec.problems import MISSING, Problem, file_error, online_error
from infra.spec.program import ProgramSpec
from infra.spec.rules.sizes import unlisted
from infra.spec.stack import StackSpec

_SUBSCRIPTION: Final = "azure-native:subscriptionId"


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "--online", is_flag=True, help="Also query the cloud: names, VM sizes, quotas and more."
)
@click.option(
    "--show", is_flag=True, help="Print the stack file, merged with what it extends, as YAML."
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(stack: str | None, *, online: bool, show: bool, as_json: bool) -> None:
    """Validate a stack file and report all of its problems, with line numbers.

    Works offline unless --online is given.

    Exits with 0 if there are no problems, with 2 if there are.
    """
    project = find_project()
    name = stack or project.selected_stack()
    file = project.stack_file(name)
    found = inspect_stack(file) if project.runs_packaged_program else inspect_program_stack(file)
    problems = (*found.problems, *_without_subscription(found, file))
    if not found.problems:
        problems = (*problems, *_unsuitable(project, file))
    remarks: Sequence[str] = remarks_on(found)
    # A file with problems cannot be compared with a cloud.
    queried = online and not problems
    if queried:
        check_online = load("infra.deploy.run.check:check_online", extra="infra")
        problems, remarks = check_online(name)
    if as_json:
        document = {
            "stack": name,
            "file": str(file),
            "problems": [problem.as_dict() for problem in problems],
            "remarks": list(remarks),
            "sealed": list(found.sealed),
        }
        view.print_json(document)
    for remark in remarks:
        view.say(f"note: {remark}")
    if problems:
        raise online_error(problems, file) if queried else file_error(problems, file)
    if show and not as_json:
        view.print_data(merged_text(file).rstrip())
    view.say(_summary(name, found))


def _unsuitable(project: Project, file: Path) -> Sequence[Problem]:
    """Return where a stack lacks what ``Pulumi.yaml`` asks of its configuration."""
    settings = project_settings(project)
    return read_configuration(
        file, project=project.name, unseal=lambda _: HIDDEN, settings=settings
    ).problems


def _without_subscription(found: Inspection, file: Path) -> list[Problem]:
    """Return the problem of a stack on Azure that does not say in which subscription."""
    if found.spec is None or found.spec.cloud != "azure":
        return []
    if read_stack_document(file).config.get(_SUBSCRIPTION):
        return []
    return [Problem(_SUBSCRIPTION, "is required for `aml:cloud: azure`.", code=MISSING)]


def remarks_on(found: Inspection) -> list[str]:
    """Return what may be a problem: what neither the catalogue nor the file itself has."""
    if not isinstance(found.spec, StackSpec):
        return []
    names = [each.name for each in found.spec.computes]
    sizes = {getattr(each, "vm_size", None) for each in found.spec.computes}
    region = unlisted_region(found.spec.location)
    builds = found.spec.workspace.image_build_compute
    remarks = [f"azure-native:location: {region}"] if region is not None else []
    if builds is not None and builds not in names:
        remarks.append(
            f"aml:workspace.image_build_compute: the file declares no compute {builds!r}."
            f" {nearest(builds, dict.fromkeys(names), noun='compute')}"
        )
    return remarks + [
        f"{unlisted(size)} `aml check --online` looks it up."
        for size in sorted(filter(None, sizes))
        if size.lower() not in vm_sizes()
    ]


def _summary(name: str, found: Inspection) -> str:
    if found.spec is None:
        return f"{name}: no problems in what is readable; encrypted: {', '.join(found.sealed)}."
    if isinstance(found.spec, ProgramSpec):
        return (
            f"{name}: cloud {found.spec.cloud}; the other settings are for your program to check."
        )
    count = len(found.spec.computes)
    return (
        f"{name}: no problems. Workspace {found.spec.workspace.name} with "
        f"{count} compute{'' if count == 1 else 's'}, cloud {found.spec.cloud}."
    )
