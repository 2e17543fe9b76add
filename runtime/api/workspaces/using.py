"""Makes a workspace that others deployed usable here: its targets become a manifest in `.aml`."""

from contextlib import closing
from pathlib import Path

from infra.contract.errors import NotDeployedError, UsageError
from infra.contract.json_types import Document
from infra.contract.manifest import Manifest, read_manifest
from infra.contract.private import private_file, private_folder
from infra.contract.project import manifest_file
from infra.contract.undeployed import declared_workspaces
from runtime.api.workspaces.config import WorkspaceName, manifests
from runtime.targets.workspace_targets import Wanted, found_workspace, workspace_manifest


def use_workspace(home: Path, wanted: WorkspaceName, file: Path | None = None) -> Manifest:
    """Ask a workspace for its targets and write them where submissions look; return them.

    ``home`` is the ``.aml`` folder; ``file`` a manifest that adds what the service does not tell.
    Raises ``UnknownNameError`` with the nearest name, ``UsageError`` if several are meant.
    """
    name = Wanted(wanted.name, wanted.resource_group, wanted.subscription_id)
    client, document = found_workspace(home, name)
    with closing(client):
        stack = _stack(home, document)
        known = _known(home, stack, file)
        manifest = workspace_manifest(client, document, stack=stack, known=known)
    _write(manifest, manifest_file(home, stack))
    return manifest


def _stack(home: Path, workspace: Document) -> str:
    """Return the name to use a workspace by.

    That is the stack here which deployed it, else the one whose file declares it, else its own.
    """
    meant = str(workspace["id"]).lower()
    deployed = manifests(home)
    for name, manifest in deployed.items():
        if manifest.workspace.id.lower() == meant:
            return name
    declared = [name for name, each in declared_workspaces().items() if each.means(meant)]
    name = next(iter(declared), str(workspace["name"]))
    if name in deployed:
        raise UsageError(
            f"Stack {name!r} of this project deployed another workspace,"
            f" {deployed[name].workspace.id}.",
            remedy="Use the workspace in a folder of its own.",
        )
    return name


def _known(home: Path, stack: str, file: Path | None) -> Manifest | None:
    if file is not None:
        return read_manifest(file, stack=stack)
    try:
        return read_manifest(manifest_file(home, stack), stack=stack)
    except NotDeployedError:
        return None


def _write(manifest: Manifest, file: Path) -> None:
    private_folder(file.parent)
    draft = private_file(file.with_suffix(".tmp"))
    draft.write_text(manifest.to_json(), encoding="utf-8")
    draft.replace(file)
