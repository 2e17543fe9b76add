"""Finds `config.json`, the file by which azureml-core's scripts name their workspace.

It is only read here; the workspace is one that a stack of the project deployed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.discovery import find_cloud
from infra.contract.errors import PlatformError
from infra.contract.json_types import JsonObject
from infra.contract.manifest import Manifest, read_manifest
from infra.contract.project import MANIFESTS, selected_stack
from runtime.api.exceptions import UserErrorException, WorkspaceNotFoundException

FOLDER: Final = ".azureml"
FILE: Final = "config.json"
# Where a file is looked for in a folder, in azureml-core's order; `project.json` is older.
_PLACES: Final = (FOLDER, "aml_config", "")
_FILES: Final = (FILE, "project.json")
_KEYS: Final = ("subscription_id", "resource_group", "workspace_name")


@dataclass(frozen=True, slots=True)
class WorkspaceName:
    """Which workspace is meant; empty parts may be anything. ``at`` is where it is written."""

    name: str
    resource_group: str = ""
    subscription_id: str = ""
    at: str | None = None

    def means(self, manifest: Manifest) -> bool:
        """Return whether a stack deployed this workspace; Azure ignores the case of names."""
        parts = _parts(manifest.workspace.id)
        mine = (self.subscription_id, self.resource_group, self.name)
        return all(not want or want.lower() == has for want, has in zip(mine, parts, strict=True))

    def __str__(self) -> str:
        where = [
            f" in resource group {self.resource_group!r}" * bool(self.resource_group),
            f" of subscription {self.subscription_id}" * bool(self.subscription_id),
        ]
        return f"{self.name!r}" + "".join(where)


def find_config(start: Path, file_name: str | None = None) -> Path | None:
    """Return the file for ``start``: itself, or the nearest one in it and in the folders above."""
    if start.is_file():
        return start
    folder = start.absolute()
    names = (file_name,) if file_name else _FILES
    candidates = (
        each / place / name
        for each in (folder, *folder.parents)
        for place in _PLACES
        for name in names
    )
    return next((file for file in candidates if file.is_file()), None)


def read_config(file: Path) -> JsonObject:
    """Return the document in ``file``, a JSON object."""
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserErrorException(
            f"It is not JSON: {error}.",
            remedy="Write it again with `Workspace.write_config()`.",
            at=str(file),
        ) from error
    if not isinstance(document, dict):
        raise UserErrorException(
            "It does not hold a JSON object.",
            remedy=f"Give it the keys {', '.join(_KEYS)}.",
            at=str(file),
        )
    return document


def configured(document: JsonObject, file: Path) -> WorkspaceName:
    """Return the workspace that a document names, in either of its two forms."""
    if "Scope" in document:
        subscription, group, name = _parts(str(document["Scope"]))
        return WorkspaceName(name, group, subscription, str(file))
    missing = [key for key in _KEYS if not document.get(key)]
    if missing:
        raise UserErrorException(
            f"It does not say {', '.join(missing)}.",
            remedy="Add what is missing, or write it again with `Workspace.write_config()`.",
            at=str(file),
        )
    subscription, group, name = (str(document[key]) for key in _KEYS)
    return WorkspaceName(name, group, subscription, str(file))


def manifests(home: Path) -> dict[str, Manifest]:
    """Return the manifests of the project's stacks; one that cannot be read is left out."""
    found: dict[str, Manifest] = {}
    for file in sorted((home / MANIFESTS).glob("*.json")):
        try:
            found[file.stem] = read_manifest(file, stack=file.stem)
        except PlatformError:
            continue  # naming its stack reports what is wrong with it
    return found


def uses_local_cloud(home: Path) -> bool:
    """Return whether the selected stack is on the local cloud; one never deployed may be."""
    manifest = manifests(home).get(selected_stack(home))
    return manifest.cloud == "local" if manifest is not None else find_cloud(home) is not None


def stack_of(wanted: WorkspaceName, deployed: Mapping[str, Manifest]) -> str:
    """Return the stack that deployed a workspace; raise ``WorkspaceNotFoundException``."""
    stacks = [stack for stack, manifest in deployed.items() if wanted.means(manifest)]
    if stacks:
        return stacks[0]
    raise WorkspaceNotFoundException(
        f"No stack of this project deployed workspace {wanted}.",
        remedy=f"{_known(list(deployed.values()))} Deploy it with `aml up`; `aml import` writes the"
        " stack file of a workspace that exists.",
        at=wanted.at,
    )


def _known(deployed: Sequence[Manifest]) -> str:
    if not deployed:
        return "Nothing was deployed from here yet."
    listed = ", ".join(f"{each.workspace.name!r} (stack {each.stack!r})" for each in deployed)
    return f"Deployed from here: {listed}."


def _parts(resource_id: str) -> tuple[str, str, str]:
    """Return subscription, resource group and workspace of an ARM id, in lower case."""
    words = iter(resource_id.lower().strip("/").split("/"))
    named = dict(zip(words, words, strict=False))
    return (
        named.get("subscriptions", ""),
        named.get("resourcegroups", ""),
        named.get("workspaces", ""),
    )
