"""`aml folder`: attach a project folder to the workspace of a stack."""

from pathlib import Path

import click

from infra.contract.errors import NotDeployedError, UsageError
from infra.contract.manifest import Manifest, read_manifest
from runtime.cli.render import print_data, print_json, say
from runtime.cli.session import command_session
from runtime.definitions.attaching import Attached, Workspace, attach_folder
from runtime.targets.azureml_bodies import IMAGE


@click.group()
def folder() -> None:
    """Prepare a project folder: run configurations and ignore rules."""


@folder.command()
@click.option("-w", "--workspace-name", metavar="NAME", help="Workspace; must be the stack's.")
@click.option("-g", "--resource-group", metavar="NAME", help="Its resource group.")
@click.option("--subscription-id", metavar="ID", help="Its subscription.")
@click.option(
    "-e",
    "--experiment-name",
    metavar="NAME",
    help="Experiment of the folder's runs. Default: the folder's name.",
)
@click.option(
    "--path",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Folder to attach. Default: the current folder.",
)
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "--manifest", type=click.Path(path_type=Path), help="Read the targets from this manifest file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the files as JSON.")
def attach(
    *,
    workspace_name: str | None,
    resource_group: str | None,
    subscription_id: str | None,
    experiment_name: str | None,
    path: Path,
    stack: str | None,
    manifest: Path | None,
    as_json: bool,
) -> None:
    """Write run configurations, one for each target.

    They go to .azureml/, with config.json and a conda file. Also writes .amlignore. A
    file that exists is left as it is, and reported.
    """
    session = command_session(stack, manifest)
    asked = {
        "workspace": workspace_name,
        "resource group": resource_group,
        "subscription": subscription_id,
    }
    experiment = experiment_name or path.resolve().name
    try:
        found = read_manifest(session.targets.manifest_file, stack=session.stack)
    except NotDeployedError as error:
        workspace = _named(asked, experiment, error)
        targets = {}
    else:
        _require_same(asked, found)
        workspace = Workspace(found.workspace.id, experiment)
        targets = {name: entry.kind for name, entry in found.targets.items()}
    files = attach_folder(path, workspace, targets, image=IMAGE)
    if as_json:
        print_json({str(each.file): _state(each) for each in files})
        return
    for each in files:
        print_data(f"{_state(each):9}  {each.file}")


def _named(
    asked: dict[str, str | None], experiment: str, error: NotDeployedError
) -> Workspace | None:
    """Return the workspace that is named in full, for a stack that is not deployed."""
    names = {key: value for key, value in asked.items() if value}
    if not names:
        say(f"{error.detail} config.json and the clusters' run configurations are left out.")
        return None
    missing = [key for key, value in asked.items() if not value]
    if missing:
        raise UsageError(
            f"{error.detail} Without it, a workspace needs a {' and a '.join(missing)}, too.",
            remedy="Deploy the stack with `aml up`, or give -w, -g and --subscription-id.",
        )
    return Workspace(
        f"/subscriptions/{names['subscription']}/resourceGroups/{names['resource group']}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/{names['workspace']}",
        experiment,
    )


def _require_same(asked: dict[str, str | None], found: Manifest) -> None:
    """Raise ``UsageError`` if another workspace than the stack's is named."""
    parts = found.workspace.id.strip("/").split("/")
    ids = dict(zip(map(str.lower, parts[::2]), parts[1::2], strict=False))
    actual = {
        "workspace": found.workspace.name,
        "resource group": ids.get("resourcegroups", ""),
        "subscription": ids.get("subscriptions", ""),
    }
    for noun, name in asked.items():
        if name and name.lower() != actual[noun].lower():
            raise UsageError(
                f"The {noun} of stack {found.stack!r} is {actual[noun]!r}, not {name!r}.",
                remedy="Choose the stack of that workspace with `-s STACK`, or run `aml import`"
                " to make one.",
            )


def _state(each: Attached) -> str:
    return "kept" if each.kept else "unchanged" if each.unchanged else "written"
