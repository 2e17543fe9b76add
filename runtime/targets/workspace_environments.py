"""The environments that are registered in a deployed workspace, over ARM.

A version never changes: registering something else makes the next version. What ARM has no field
for (variables, an interpreter, docker's arguments) is kept as JSON in a property of the version.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import yaml

from infra.arm.client import Client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load, nearest
from infra.contract.manifest import Manifest
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.transport import Transport
from runtime.environments.images import BuildContext
from runtime.targets.azureml_errors import checked_for_run
from runtime.targets.workspace_transport import WorkspaceTransport

DEFINITION: Final = "aml.environment"
"""The property that has the whole definition, as JSON."""
_NOT_FOUND: Final = 404
_COMPARED: Final = ("image", "condaFile", "build", "description")


class WorkspaceEnvironments:
    """The environments of one workspace. Close it to close its connections."""

    def __init__(self, client: Client, workspace_id: str) -> None:
        self._client = client
        self._workspace = workspace_id.rstrip("/")
        self._root = f"{self._workspace}/environments"

    def _versions(self, name: str) -> str:
        """Return where the versions of a name are, which may come from an address of a browser."""
        return f"{self._root}/{quote(name, safe='')}/versions"

    def names(self) -> list[str]:
        """Return the names of all environments, sorted."""
        return sorted(str(item["name"]) for item in self._each(self._root))

    def versions(self, name: str) -> list[str]:
        """Return the versions of an environment, newest first; none if there is no such name."""
        found = self._each(self._versions(name))
        return [str(item["name"]) for item in sorted(found, key=_age, reverse=True)]

    def get(self, name: str, version: str | None = None) -> tuple[str, JsonObject]:
        """Return a version and its properties; without ``version``, the newest.

        Raises ``UnknownNameError`` with the nearest name or version.
        """
        versions = self.versions(name)
        if not versions:
            known = dict.fromkeys(self.names())
            raise UnknownNameError(
                f"The workspace has no environment {name!r}.",
                remedy=nearest(name, known, noun="environment"),
            )
        chosen = version or versions[0]
        found = self._get(f"{self._versions(name)}/{quote(chosen, safe='')}")
        if found is None:
            raise UnknownNameError(
                f"Environment {name!r} has no version {chosen!r}.",
                remedy=nearest(chosen, dict.fromkeys(versions), noun="version"),
            )
        return chosen, dict(found["properties"])

    def register(self, name: str, properties: JsonObject, version: str | None = None) -> str:
        """Register a definition, unless the newest version is the same; return the version.

        A ``version`` that is given is registered as that one. Raises ``UsageError`` if it has
        another definition already.
        """
        if version is not None:
            return self._register_as(name, version, properties)
        versions = self.versions(name)
        if versions:
            newest = self._get(f"{self._versions(name)}/{versions[0]}") or {}
            if _same(newest.get("properties") or {}, properties):
                return versions[0]
        number = max((int(each) for each in versions if each.isdecimal()), default=0) + 1
        return self._put(name, str(number), properties)

    def _register_as(self, name: str, version: str, properties: JsonObject) -> str:
        known = self._get(f"{self._versions(name)}/{quote(version, safe='')}")
        if known is None:
            return self._put(name, version, properties)
        if not _same(known.get("properties") or {}, properties):
            raise UsageError(
                f"Environment {name!r} has a version {version!r} with another definition.",
                remedy="Versions do not change: leave it out for the next one, or give another.",
            )
        return version

    def _put(self, name: str, version: str, properties: JsonObject) -> str:
        path = f"{self._versions(name)}/{quote(version, safe='')}"
        answer = self._client.send(
            "PUT", path, api_version=MACHINE_LEARNING, body={"properties": properties}
        )
        checked_for_run(answer, at=path)
        return version

    def uploaded(self, context: BuildContext) -> str:
        """Upload what an image is built from to the default datastore; return its address."""
        store = Datastore(_Workspace(WorkspaceTransport(self._client, self._workspace)))
        folder, container = f"LocalUpload/{context.digest}", store.container()
        for path, content in context.files.items():
            data = content.read_bytes() if isinstance(content, Path) else content
            container.write(f"{folder}/{path}", data)
        return f"{container.address(folder)}/"

    def close(self) -> None:
        self._client.close()

    def _get(self, path: str) -> Document | None:
        answer = self._client.send("GET", path, api_version=MACHINE_LEARNING)
        return None if answer.status == _NOT_FOUND else checked_for_run(answer, at=path).document

    def _each(self, path: str) -> Iterator[Document]:
        place: str | None = path
        while place:
            answer = self._client.send("GET", place, api_version=MACHINE_LEARNING)
            if answer.status == _NOT_FOUND and "/versions" in path:
                return
            document = checked_for_run(answer, at=path).document
            yield from document.get("value") or []
            place = document.get("nextLink")


@dataclass(frozen=True, slots=True)
class _Workspace:
    """What a datastore needs of a workspace."""

    transport: Transport


def open_environments(home: Path, manifest: Manifest) -> WorkspaceEnvironments:
    """Return the environments of a deployed workspace; its local cloud is started if it is down."""
    client: Client = (
        load("infra.arm.client:local_client", extra="azureml")(home)
        if manifest.cloud == "local"
        else load("infra.arm.client:azure_client", extra="azureml")()
    )
    return WorkspaceEnvironments(client, manifest.workspace.id)


def definition_of(properties: Document) -> JsonObject | None:
    """Return the definition that ``register`` kept, ``None`` for an environment made elsewhere."""
    text = (properties.get("properties") or {}).get(DEFINITION)
    found = json.loads(text) if text else None
    return found if isinstance(found, dict) else None


def _same(old: Document, new: Document) -> bool:
    return _identity(old) == _identity(new)


def _identity(properties: Document) -> object:
    """Return what makes two versions differ: their definitions, parsed."""
    conda = yaml.safe_load(properties.get("condaFile") or "null")
    others = {key: properties.get(key) for key in _COMPARED if key != "condaFile"}
    kept = (properties.get("properties") or {}).get(DEFINITION)
    return conda, others, properties.get("tags") or {}, json.loads(kept) if kept else None


def _age(item: Document) -> tuple[str, int]:
    created = str((item.get("systemData") or {}).get("createdAt") or "")
    name = str(item["name"])
    return created, int(name) if name.isdecimal() else 0
