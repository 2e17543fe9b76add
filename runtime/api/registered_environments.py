"""Environments of a workspace, as ARM has them: to and from an ``Environment``'s definition."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from infra.contract.errors import UsageError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load, look_up
from infra.contract.manifest import Manifest
from runtime.api.images import DEFAULT_CPU_IMAGE
from runtime.definitions.curated import CURATED, REGISTRY
from runtime.environments.images import BuildContext
from runtime.model.environments import EnvironmentSpec

__all__: list[str] = []

_PACKAGES = "aml.conda"
_OPEN = "runtime.targets.workspace_environments:open_environments"
_DEFINITION = "runtime.targets.workspace_environments:DEFINITION"
_DEFINITION_OF = "runtime.targets.workspace_environments:definition_of"


class WithHome(Protocol):
    """Knows the ``.aml`` folder of a project."""

    @property
    def home(self) -> Path: ...


class Deployed(Protocol):
    """A workspace that a stack deployed."""

    @property
    def manifest(self) -> Manifest: ...

    @property
    def session(self) -> WithHome: ...


class Environments(Protocol):
    """The environments of a workspace; see ``runtime.targets.workspace_environments``."""

    def names(self) -> list[str]: ...

    def versions(self, name: str) -> list[str]: ...

    def get(self, name: str, version: str | None = None) -> tuple[str, JsonObject]: ...

    def register(self, name: str, properties: JsonObject, version: str | None = None) -> str: ...

    def uploaded(self, context: BuildContext) -> str: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Registered:
    """One registered version: the definition of an ``Environment``, and its conda document."""

    name: str
    version: str
    definition: JsonObject
    conda: str | None


@contextmanager
def environments_of(workspace: Deployed) -> Iterator[Environments]:
    """Open the environments of a workspace and close them again."""
    found: Environments = load(_OPEN)(workspace.session.home, workspace.manifest)
    try:
        yield found
    finally:
        found.close()


def body_of(definition: JsonObject, conda: str | None, image: str | None) -> JsonObject:
    """Return the ARM properties of an environment version that is pulled, not built.

    ``definition`` is the document of an ``Environment``.
    """
    body: JsonObject = {"image": image or DEFAULT_CPU_IMAGE, **_kept(definition, None)}
    return body | ({"condaFile": conda} if conda else {})


def built_body(
    definition: JsonObject, conda: str | None, context_uri: str, file: str
) -> JsonObject:
    """Return the ARM properties of a version that is built from a folder in the workspace."""
    return {
        "build": {"contextUri": context_uri, "dockerfilePath": file},
        **_kept(definition, conda),
    }


def _kept(definition: JsonObject, conda: str | None) -> JsonObject:
    """Return the property with the whole definition; with ``conda`` where ARM has no place."""
    kept = {key: value for key, value in definition.items() if key not in {"name", "version"}}
    if conda is not None:
        kept[_PACKAGES] = conda
    text = json.dumps(kept, sort_keys=True)
    return {"osType": "Linux", "properties": {load(_DEFINITION): text}}


def registered(name: str, version: str, properties: Document) -> Registered:
    """Return a version as ARM has it; made by whatever client."""
    definition = load(_DEFINITION_OF)(properties)
    conda = properties.get("condaFile") or (definition or {}).pop(_PACKAGES, None)
    if definition is None:
        image = properties.get("image")
        definition = {
            "docker": {"baseImage": image},
            "python": {"userManagedDependencies": not conda},
        }
    return Registered(name, version, definition, str(conda) if conda else None)


def curated(workspace: Deployed, name: str, version: str | None) -> EnvironmentSpec:
    """Return a curated environment that the workspace does not list.

    On Azure it is that of the registry `azureml`; the local cloud has none, and installs what is
    known of it. Raises ``UnknownNameError`` for one that is not known.
    """
    if workspace.manifest.cloud != "local":
        return EnvironmentSpec("registered", name=name, version=version, registry=REGISTRY)
    known = look_up(name, CURATED, noun="curated environment")
    warnings.warn(
        f"{name} is an environment of Azure; what it installed on {known.date} stands in for it.",
        stacklevel=4,
    )
    return stand_in(name)


def stand_in(name: str) -> EnvironmentSpec:
    """Return what the local cloud installs for a curated environment of the table."""
    return EnvironmentSpec("conda", conda=CURATED[name].conda(), source=name)


def wanted_version(version: str | int | None, label: str | None) -> str | None:
    """Return the version that is asked for, ``None`` for the newest."""
    if label is None or (label == "latest" and version is None):
        return None if version in {None, "Autosave", "latest"} else str(version)
    raise UsageError(
        f"label is {label!r} and version {version!r}.",
        remedy="Give a version, or label='latest': the only label there is.",
    )
