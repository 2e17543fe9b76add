"""`aml import`: write a stack file for an existing workspace, and adopt it into the stack."""

import click

from infra.catalogue.names import ArmId
from infra.commands import plans, view
from infra.commands.live_view import Progress
from infra.commands.operation import Confirmation
from infra.contract.command_line import stack_command
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy.importing.fetch import fetched, write_file
from infra.deploy.run.manifests import stacks_of_workspace
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.stack_operations import StackOperations
from infra.deploy.stack.stacks import open_stack


@click.command("import")
@click.argument("workspace_id", metavar="[ID]", required=False)
@click.option("-g", "--resource-group", help="Resource group of the workspace, instead of ID.")
@click.option("-w", "--workspace", help="Name of the workspace, instead of ID.")
@click.option("--subscription", help="Azure subscription id. Default: the local cloud.")
@click.option("--compute", "only", multiple=True, help="Import only this compute (repeatable).")
@click.option(
    "-s",
    "--stack",
    metavar="STACK",
    help="Stack to import into, new or existing. Default: the selected stack.",
)
@click.option("-y", "--yes", is_flag=True, help="Adopt without asking for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def import_(
    *,
    workspace_id: str | None,
    resource_group: str | None,
    workspace: str | None,
    subscription: str | None,
    only: tuple[str, ...],
    stack: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Write a stack file for an existing workspace and its computes, and adopt them.

    ID is the workspace's ARM id. Its resource group, storage account, key vault, Application
    Insights and container registry are referenced by id; the stack never changes or deletes them.
    """
    project = find_project()
    name = stack or project.selected_stack()
    file = project.stack_file(name)
    wanted = workspace_id or _id(resource_group, workspace, subscription)
    found = fetched(project, wanted, file, only)
    write_file(found, file)
    if as_json:
        view.print_json({"file": str(file), "computes": found.computes, "adopt": found.adopt})
    count = len(found.computes)
    view.say(
        f"{view.short_path(file)}: workspace {found.workspace['name']}"
        f" with {count} compute{'s' * (count != 1)}."
    )
    for other in stacks_of_workspace(project.home, wanted, but=name):
        view.say(
            f"note: stack {other!r} deployed this workspace. Both will manage it: what one changes"
            f" is drift in the other, and {stack_command('destroy', other)} deletes it."
        )
    for line in found.left:
        view.say(f"note: not imported: {line}.")
    if found.variables:
        view.say(
            f"No API returns these credentials: set {', '.join(found.variables)},"
            f" then run {stack_command('up', name)}."
        )
        return
    opened = open_stack(name)
    with Progress(quiet=as_json) as progress:
        typed = " ".join([wanted, *(f"--compute {each}" for each in only)])
        confirm = Confirmation(
            "import", opened, progress, yes=yes, quiet=yes and as_json, arguments=typed
        )
        done = StackOperations(opened, progress, confirm).up(OperationRequest())
    view.say(plans.done_line(done.result.changes) if done.result else "Nothing was adopted.")


def _id(group: str | None, workspace: str | None, subscription: str | None) -> str:
    if not (group and workspace):
        raise UsageError(
            "No workspace was given.",
            remedy="Give its ARM id, or --resource-group and --workspace.",
        )
    kind = ("Microsoft.MachineLearningServices", ("workspaces",))
    return str(ArmId(subscription or SUBSCRIPTION, group, *kind, (workspace,)))
