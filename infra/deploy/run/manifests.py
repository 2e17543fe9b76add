"""The manifest of a deployed stack: read from its outputs, kept for submitting runs."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.command_line import stack_command
from infra.contract.errors import NotDeployedError, PlatformError
from infra.contract.json_types import Document
from infra.contract.manifest import Manifest, parse_manifest, read_manifest
from infra.contract.private import private_file, private_folder

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
    for file in sorted((home / "manifests").glob("*.json")):
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
