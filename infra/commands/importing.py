"""`aml import`: a stack file for a workspace that exists; its first `up` takes it over."""

import click

from infra.catalogue.names import ArmId
from infra.commands import view
from infra.commands.operations import Asking
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.project import find_project
from infra.deploy.importing.fetch import fetched, write_file
from infra.deploy.run.operations import Operations, Request
from infra.deploy.stack.stacks import open_stack


@click.command("import")
@click.argument("workspace_id", metavar="[ID]", required=False)
@click.option("-g", "--resource-group", help="Instead of ID: where the workspace is.")
@click.option("-w", "--workspace", help="Instead of ID: what it is called.")
@click.option("--subscription", help="Of Azure; without it, the local cloud's.")
@click.option("--compute", "only", multiple=True, help="Take this compute alone; repeatable.")
@click.option("-s", "--stack", metavar="STACK", help="The stack, new or not; else the selected.")
@click.option("-y", "--yes", is_flag=True, help="Take over without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as data.")
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
    """Write a stack file for a workspace and its computes, and take them over.

    ID is the workspace's ARM id. Its group, storage, vault, insights and registry stay as they are
    and are not deleted with the stack.
    """
    project = find_project()
    name = stack or project.selected_stack()
    file = project.stack_file(name)
    wanted = workspace_id or _id(resource_group, workspace, subscription)
    found = fetched(project, wanted, file, only)
    write_file(found, file)
    if as_json:
        view.print_json({"file": str(file), "computes": found.computes, "adopt": found.adopt})
    view.say(f"{view.short_path(file)}: {found.workspace['name']}, {len(found.computes)} computes.")
    for line in found.left:
        view.say(f"note: left out: {line}.")
    if found.variables:
        view.say(f"Set {', '.join(found.variables)}, which no service tells; then `aml up`.")
        return
    opened = open_stack(name)
    with view.Progress(quiet=as_json) as progress:
        asking = Asking("up", opened, progress, yes=yes, quiet=yes and as_json)
        done = Operations(opened, progress, asking).up(Request())
    view.say(view.done_line(done.result.changes) if done.result else "Nothing was taken over.")


def _id(group: str | None, workspace: str | None, subscription: str | None) -> str:
    if not (group and workspace):
        raise UsageError(
            "Which workspace?", remedy="Give its ARM id, or --resource-group and --workspace."
        )
    kind = ("Microsoft.MachineLearningServices", ("workspaces",))
    return str(ArmId(subscription or SUBSCRIPTION, group, *kind, (workspace,)))
