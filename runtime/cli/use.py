"""`aml use`: submit to a workspace that others deployed."""

from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.project import home_folder, select_stack
from runtime.api.workspaces.config import WorkspaceName, configured, find_config, read_config
from runtime.api.workspaces.using import use_workspace
from runtime.cli.render import print_json, say
from runtime.targets.workspace_targets import unknown_parts


@click.command()
@click.argument("workspace", required=False)
@click.option("-g", "--resource-group", metavar="NAME", default="", help="Its resource group.")
@click.option(
    "--subscription",
    metavar="ID",
    default="",
    help="Its subscription. Default: the local cloud, if one is here, then all that you can read.",
)
@click.option(
    "--targets",
    "file",
    type=click.Path(path_type=Path),
    help="What Azure does not tell of targets: the output of `aml targets --export`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the targets as JSON.")
def use(
    *,
    workspace: str | None,
    resource_group: str,
    subscription: str,
    file: Path | None,
    as_json: bool,
) -> None:
    """Submit to WORKSPACE from now on; needs no deployment, state or stack file.

    Without WORKSPACE it is the one that config.json names. The targets are the workspace's
    computes as they are now; run it again after they changed.
    """
    home = home_folder()
    named = _wanted(workspace, resource_group, subscription)
    manifest = use_workspace(home, named, file, lambda text: say(f"note: {text}"))
    name = manifest.stack
    select_stack(home, name)
    for target, parts in unknown_parts(manifest).items():
        say(
            f"warning: {target} lacks its {' and '.join(parts)}, which neither Azure nor its last"
            " deployment tells; get them from who deploys (`aml targets --export`), and give the"
            " file to --targets."
        )
    number = len(manifest.targets)
    say(
        f"Using workspace {manifest.workspace.name!r} as {name!r}, with {number}"
        f" target{'' if number == 1 else 's'}; `aml targets` lists them."
    )
    if as_json:
        print_json(manifest.document())


def _wanted(workspace: str | None, group: str, subscription: str) -> WorkspaceName:
    if workspace is not None:
        return WorkspaceName(workspace, group, subscription)
    file = find_config(Path())
    if file is None:
        raise UsageError(
            "No workspace was named, and there is no config.json here or above.",
            remedy="Run `aml use WORKSPACE -g GROUP`, or download config.json from the studio.",
        )
    named = configured(read_config(file), file)
    return WorkspaceName(
        named.name, group or named.resource_group, subscription or named.subscription_id
    )
