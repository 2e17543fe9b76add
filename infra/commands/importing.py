"""`aml import`: write a stack file for an existing workspace, and adopt it into the stack."""

import click

from infra.catalogue.names import ArmId
from infra.commands import plans, view
from infra.commands.live_view import Progress
from infra.commands.operation import Confirmation
from infra.contract.command_line import stack_command
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.project import project_of_new_stack
from infra.deploy.importing.entries import ImportedWorkspace
from infra.deploy.importing.fetch import Beside, fetched, write_file
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
    "--registry",
    "registries",
    multiple=True,
    help="Adopt this ML registry of the workspace's resource group too (repeatable).",
)
@click.option(
    "--kubernetes-cluster",
    "clusters",
    multiple=True,
    help="Adopt this AKS cluster of the workspace's resource group too (repeatable).",
)
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
    registries: tuple[str, ...],
    clusters: tuple[str, ...],
    stack: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Write a stack file for a workspace, its computes, datastores, connections; adopt them.

    No project is needed: as with `aml init`, the file makes one of the folder.

    ID is the workspace's ARM id. Its resource group, storage account, key vault, Application
    Insights and container registry are referenced by id; the stack never changes or deletes them.
    An ML registry or AKS cluster that you name becomes the stack's as if the stack had created it.
    """
    project = project_of_new_stack()
    name = stack or project.selected_stack()
    file = project.stack_file(name)
    wanted = workspace_id or _id(resource_group, workspace, subscription)
    found = fetched(project, wanted, file, only, Beside(registries, clusters))
    write_file(found, file)
    if as_json:
        view.print_json({"file": str(file), **_lists(found), "adopt": found.adopt})
    what = f"{view.short_path(file)}: workspace {found.workspace['name']}"
    view.say(f"{what} with {_counted(found)}.")
    for other in stacks_of_workspace(project.home, wanted, but=name):
        view.say(
            f"note: stack {other!r} deployed this workspace. Both will manage it: what one changes"
            f" is drift in the other, and {stack_command('destroy', other)} deletes it."
        )
    for line in found.left:
        view.say(f"note: not imported: {line}{'' if line.endswith('?') else '.'}")
    if found.variables:
        view.say(
            f"The stack file refers to credentials that it does not hold: set"
            f" {', '.join(found.variables)}, then run {stack_command('up', name)}."
        )
        return
    opened = open_stack(name)
    with Progress(quiet=as_json) as progress:
        named = {"compute": only, "registry": registries, "kubernetes-cluster": clusters}
        options = [f"--{key} {each}" for key, names in named.items() for each in names]
        typed = " ".join([wanted, *options])
        confirm = Confirmation(
            "import", opened, progress, yes=yes, quiet=yes and as_json, arguments=typed
        )
        done = StackOperations(opened, progress, confirm).up(OperationRequest())
    view.say(plans.done_line(done.result.changes) if done.result else "Nothing was adopted.")


def _lists(found: ImportedWorkspace) -> JsonObject:
    return {
        "computes": found.computes,
        "datastores": found.datastores,
        "connections": found.connections,
        "registries": found.registries,
        "kubernetes_clusters": found.clusters,
    }


def _counted(found: ImportedWorkspace) -> str:
    """Return how much of each was found; beside computes only what there is any of."""
    counts = (
        ("compute", "computes", len(found.computes)),
        ("datastore", "datastores", len(found.datastores)),
        ("connection", "connections", len(found.connections)),
        ("registry", "registries", len(found.registries)),
        ("Kubernetes cluster", "Kubernetes clusters", len(found.clusters)),
    )
    *parts, last = [
        f"{count} {one if count == 1 else several}"
        for one, several, count in counts
        if count or one == "compute"
    ]
    return f"{', '.join(parts)} and {last}" if parts else last


def _id(group: str | None, workspace: str | None, subscription: str | None) -> str:
    if not (group and workspace):
        raise UsageError(
            "No workspace was given.",
            remedy="Give its ARM id, or --resource-group and --workspace.",
        )
    kind = ("Microsoft.MachineLearningServices", ("workspaces",))
    return str(ArmId(subscription or SUBSCRIPTION, group, *kind, (workspace,)))
