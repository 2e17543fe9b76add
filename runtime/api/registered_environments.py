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
from runtime.definitions.curated import CURATED
from runtime.model.environments import EnvironmentSpec

__all__: list[str] = []

CURATED_PREFIX = "AzureML-"
_REGISTRY = "azureml"
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

    def register(self, name: str, properties: JsonObject) -> str: ...

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
    """Return the ARM properties of an environment version.

    ``definition`` is the document of an ``Environment``. Raises ``UsageError`` for a Dockerfile,
    which ARM takes as a folder in the workspace's storage only.
    """
    docker = definition.get("docker") or {}
    if docker.get("baseDockerfile") or docker.get("buildContext"):
        raise UsageError(
            "An environment with a Dockerfile is not registered: Azure ML takes only an uploaded"
            " build context.",
            remedy="Submit the run with this Environment object, or register an image and packages:"
            " set `docker.base_image` and `python.conda_dependencies`.",
        )
    kept = {key: value for key, value in definition.items() if key not in {"name", "version"}}
    body: JsonObject = {
        "image": image or DEFAULT_CPU_IMAGE,
        "osType": "Linux",
        "properties": {load(_DEFINITION): json.dumps(kept, sort_keys=True)},
    }
    return body | ({"condaFile": conda} if conda else {})


def registered(name: str, version: str, properties: Document) -> Registered:
    """Return a version as ARM has it; made by whatever client."""
    definition = load(_DEFINITION_OF)(properties)
    conda = properties.get("condaFile")
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
        return EnvironmentSpec("registered", name=name, version=version, registry=_REGISTRY)
    known = look_up(name, CURATED, noun="curated environment")
    warnings.warn(
        f"{name} is an environment of Azure; what it installed on {known.date} stands in for it.",
        stacklevel=4,
    )
    return EnvironmentSpec("conda", conda=known.conda(), source=name)


def wanted_version(version: str | int | None, label: str | None) -> str | None:
    """Return the version that is asked for, ``None`` for the newest."""
    if label is None or (label == "latest" and version is None):
        return None if version in {None, "Autosave", "latest"} else str(version)
    raise UsageError(
        f"label is {label!r} and version {version!r}.",
        remedy="Give a version, or label='latest': the only label there is.",
    )
