"""Makes a workspace that others deployed usable here: its targets become a manifest in `.aml`."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from infra.contract.errors import NotDeployedError, PlatformError, UsageError
from infra.contract.json_types import Document
from infra.contract.manifest import Manifest, TargetEntry, read_manifest
from infra.contract.private import private_file, private_folder
from infra.contract.project import manifest_file
from infra.contract.undeployed import declared_workspaces
from runtime.api.workspaces.config import WorkspaceName, manifests
from runtime.targets.left_manifests import left_targets
from runtime.targets.workspace_targets import (
    Wanted,
    completed,
    found_workspace,
    unknown_parts,
    workspace_manifest,
)


def use_workspace(
    home: Path,
    wanted: WorkspaceName,
    file: Path | None = None,
    remark: Callable[[str], None] = lambda _: None,
) -> Manifest:
    """Ask a workspace for its targets and write them where submissions look; return them.

    ``home`` is the ``.aml`` folder. What the service does not tell is taken from the manifest in
    ``file``, from what the deployment left in the workspace's storage, and from what is known here,
    in this order. ``remark`` gets what is worth knowing about that.
    Raises ``UnknownNameError`` with the nearest name, ``UsageError`` if several are meant.
    """
    name = Wanted(wanted.name, wanted.resource_group, wanted.subscription_id)
    client, document = found_workspace(home, name)
    with closing(client):
        stack = _stack(home, document)
        given = read_manifest(file, stack=stack) if file is not None else None
        here = _known(home, stack)
        manifest = workspace_manifest(client, document, stack=stack, known=given)
        if unknown_parts(manifest):
            manifest = _with_left(manifest, partial(left_targets, client), remark)
    if here is not None:
        manifest = replace(completed(manifest, here.targets), project=here.project)
        for target in _changed_keys(here, manifest):
            remark(f"The host key of {target} is another than the one that was known here.")
    _write(manifest, manifest_file(home, stack))
    return manifest


def _with_left(
    manifest: Manifest,
    left: Callable[[str], Mapping[str, TargetEntry]],
    remark: Callable[[str], None],
) -> Manifest:
    """Add what the deployment left in the workspace, and say what that is."""
    try:
        found = completed(manifest, left(manifest.workspace.id))
    except PlatformError as error:
        remark(f"What the deployment left in the workspace cannot be read. {error.detail}")
        return manifest
    for name, entry in found.targets.items():
        if entry != manifest.targets[name]:
            parts = [f"{key} from {each}" for key, each in sorted(entry.credentials.items())]
            parts += [f"host key {entry.host_key}"] * bool(entry.host_key)
            remark(f"Taken from the workspace's storage for {name}: {'; '.join(parts)}.")
    return found


def _changed_keys(before: Manifest, after: Manifest) -> list[str]:
    """Return the targets that now answer with another host key than before."""
    pairs = ((name, before.targets.get(name), entry) for name, entry in after.targets.items())
    return [
        name
        for name, old, new in pairs
        if old is not None and old.host_key and new.host_key and old.host_key != new.host_key
    ]


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


def _known(home: Path, stack: str) -> Manifest | None:
    try:
        return read_manifest(manifest_file(home, stack), stack=stack)
    except NotDeployedError:
        return None


def _write(manifest: Manifest, file: Path) -> None:
    private_folder(file.parent)
    draft = private_file(file.with_suffix(".tmp"))
    draft.write_text(manifest.to_json(), encoding="utf-8")
    draft.replace(file)
