"""The manifest of a deployed stack: read from its outputs, kept for submitting runs.

Also left in the workspace's own storage, where clones that never deploy find what Azure does not
tell.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from infra.arm.client import Client
from infra.arm.credentials import azure_credential
from infra.arm.workspace_store import STORAGE_SCOPE, WorkspaceStore
from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError, PlatformError
from infra.contract.json_types import Document
from infra.contract.manifest import Manifest, parse_manifest, read_manifest
from infra.contract.private import private_file, private_folder
from infra.contract.project import MANIFESTS
from infra.deploy.stack.endpoints import Destination
from infra.deploy.stack.stacks import Stack, stack_outputs

OUTPUT: Final = "manifest"


def manifest_of(outputs: Document, *, stack: str) -> Manifest:
    """Return the manifest among a stack's outputs; ``NotDeployedError`` if there is none."""
    if not isinstance(outputs.get(OUTPUT), Mapping):
        raise NotDeployedError(
            f"Stack {stack!r} has no output {OUTPUT!r}.",
            remedy=f"Run {stack_command('up', stack)}; a program of your own exports it with"
            " `pulumi.export('manifest', platform.manifest)`.",
        )
    return parse_manifest(outputs[OUTPUT], at=f"outputs of stack {stack!r}", stack=stack)


def stacks_of_workspace(home: Path, workspace: str, *, but: str) -> list[str]:
    """Return the project's other stacks that deployed this workspace from here, sorted."""
    found = []
    for file in sorted((home / MANIFESTS).glob("*.json")):
        with suppress(PlatformError, OSError):
            deployed = read_manifest(file, stack=file.stem).workspace.id
            if file.stem != but and deployed.lower() == workspace.lower():
                found.append(file.stem)
    return found


def write_manifest(manifest: Manifest | None, file: Path) -> None:
    """Write the manifest where submissions look for it, atomically.

    ``None``: the program exports none, and the file says so to later submissions.
    """
    private_folder(file.parent)
    # Renamed when complete, so that a submission never reads half a manifest.
    draft = private_file(file.with_suffix(".tmp"))
    draft.write_text(manifest.to_json() if manifest else "null\n", encoding="utf-8")
    draft.replace(file)


def keep_manifest_in_state(stack: Stack) -> None:
    """Make the manifest here what a stack's state has, after another program deployed the stack."""
    file = stack.project.manifest_file(stack.name)
    try:
        outputs = stack_outputs(stack, show_secrets=False)
    except NotDeployedError:
        file.unlink(missing_ok=True)
        return
    write_manifest(manifest_of(outputs, stack=stack.name) if OUTPUT in outputs else None, file)


def leave_in_workspace(manifest: Manifest, to: Destination) -> str:
    """Leave a manifest in its workspace's default datastore, if it knows more than the workspace.

    It holds no secret. Returns why it could not be written, "" if it was or need not be: storage
    behind a firewall is no reason for a deployment to fail.
    """
    if not manifest.beyond_arm:
        return ""
    try:
        with _store(manifest, to) as store:
            store.write(manifest.blob, manifest.to_json().encode())
    except PlatformError as error:
        return (
            "What Azure does not tell of targets could not be left in the workspace for those who"
            f" submit: {error.detail} Give them the output of `aml targets --export`."
        )
    return ""


def remove_from_workspace(manifest: Manifest, to: Destination) -> None:
    """Remove what ``leave_in_workspace`` wrote, if the workspace outlives the stack."""
    if manifest.beyond_arm:
        # What stays would be about computes that are no more: nobody reads it.
        with suppress(PlatformError), _store(manifest, to) as store:
            store.delete(manifest.blob)


@contextmanager
def _store(manifest: Manifest, to: Destination) -> Iterator[WorkspaceStore]:
    def identity() -> str:
        return azure_credential(scope=STORAGE_SCOPE).token()

    with closing(Client(to.endpoint, to.credential)) as client:
        yield WorkspaceStore(client, manifest.workspace.id, identity)
