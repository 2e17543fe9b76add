"""The sections of an ``Environment``: Python, docker, Spark, Databricks and R."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from infra.contract.json_types import JsonObject
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.images import DEFAULT_CPU_IMAGE
from runtime.api.sections import Section

__all__ = [
    "ContainerRegistry",
    "DatabricksSection",
    "DockerBuildContext",
    "DockerImagePlatform",
    "DockerSection",
    "PythonSection",
    "RSection",
    "RegistryIdentity",
    "SparkPackage",
    "SparkSection",
]

DEFAULT_SHM_SIZE: Final = "2g"
_REFERENCES: Final = ("env:", "file:", "keyvault:")


@dataclass
class PythonSection(Section):
    """Which Python a run uses.

    With ``user_managed_dependencies``, ``interpreter_path`` is used as it is and nothing is built.
    ``conda_dependencies_file`` is a conda file that replaces ``conda_dependencies``.
    """

    KEYS: ClassVar[Mapping[str, str]] = {"conda_dependencies": ""}

    user_managed_dependencies: bool = False
    interpreter_path: str = "python"
    conda_dependencies_file: str | None = None
    base_conda_environment: str | None = None
    conda_dependencies: CondaDependencies | None = field(default_factory=CondaDependencies)


@dataclass
class RegistryIdentity(Section):
    """The identity that pulls from a registry."""

    resource_id: str | None = None
    client_id: str | None = None


@dataclass
class ContainerRegistry(Section):
    """A private registry of images.

    The password is never shown; it is saved only if it is a reference: ``env:NAME``, ``file:PATH``.
    """

    address: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    registry_identity: RegistryIdentity | None = None

    def document(self) -> JsonObject:
        """Return the settings without a password, but for a reference to one."""
        is_reference = str(self.password or "").startswith(_REFERENCES)
        return super().document() | {"password": self.password if is_reference else None}


@dataclass
class DockerImagePlatform(Section):
    """The operating system and processor of an image."""

    os: str = "Linux"
    architecture: str = "amd64"


@dataclass
class DockerBuildContext(Section):
    """A folder with a Dockerfile from which the image is built; see ``from_local_directory``."""

    location_type: str | None = None
    location: str | None = None
    dockerfile_path: str = "Dockerfile"

    @classmethod
    def from_local_directory(
        cls,
        workspace: object,  # noqa: ARG003 - azureml-core's signature; nothing is uploaded here
        path: str,
        dockerfile_path: str = "Dockerfile",
    ) -> "DockerBuildContext":
        return cls("Local", str(path), dockerfile_path)


_IMAGES: Final = ("base_image", "base_dockerfile", "build_context")


@dataclass
class DockerSection(Section):
    """The image of a run, and how its container runs.

    ``base_image``, ``base_dockerfile`` and ``build_context`` exclude each other: setting one clears
    the others. ``base_dockerfile`` is the text of a Dockerfile, or the path of one. ``enabled``,
    ``shared_volumes``, ``arguments`` and ``shm_size`` belong to the run since
    ``DockerConfiguration``; they still count.
    """

    enabled: bool = False
    base_image: str | None = DEFAULT_CPU_IMAGE
    base_dockerfile: str | None = None
    build_context: DockerBuildContext | None = None
    shared_volumes: bool = True
    shm_size: str | None = DEFAULT_SHM_SIZE
    gpu_support: bool = False
    arguments: list[str] = field(default_factory=list)
    base_image_registry: ContainerRegistry = field(default_factory=ContainerRegistry)
    platform: DockerImagePlatform = field(default_factory=DockerImagePlatform)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in _IMAGES and value is not None:
            for other in _IMAGES:
                if other != name:
                    object.__setattr__(self, other, None)


@dataclass
class SparkPackage(Section):
    """A package that Spark loads from a Maven repository."""

    group: str | None = None
    artifact: str | None = None
    version: str | None = None


@dataclass
class SparkSection(Section):
    """The packages of a PySpark run, and the Maven repositories they are loaded from."""

    repositories: list[str] = field(default_factory=list)
    packages: list[SparkPackage] = field(default_factory=list)
    precache_packages: bool = True


@dataclass
class DatabricksSection(Section):
    """The libraries of a Databricks step."""

    maven_libraries: list[object] = field(default_factory=list)
    pypi_libraries: list[object] = field(default_factory=list)
    rcran_libraries: list[object] = field(default_factory=list)
    jar_libraries: list[object] = field(default_factory=list)
    egg_libraries: list[object] = field(default_factory=list)


@dataclass
class RSection(Section):
    """The R packages of a run."""

    r_version: str | None = None
    user_managed: bool = False
    rscript_path: str | None = None
    snapshot_date: str | None = None
    cran_packages: list[object] = field(default_factory=list)
    git_hub_packages: list[object] = field(default_factory=list)
    custom_url_packages: list[str] = field(default_factory=list)
    bio_conductor_packages: list[str] = field(default_factory=list)
