"""``Environment``, as in azureml-core: what is installed for a run."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.catalogue.names import RULES
from infra.contract.errors import UsageError
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.environment_builds import ImageBuildDetails, build_here
from runtime.api.environment_files import (
    DEFINITION,
    exported_environment,
    load_environment,
    save_environment,
)
from runtime.api.environment_sections import (
    ContainerRegistry,
    DatabricksSection,
    DockerBuildContext,
    DockerSection,
    PythonSection,
    RSection,
    SparkSection,
)
from runtime.api.environment_specs import (
    declares_packages,
    dockerfile_text,
    image_spec,
    python_spec,
    spark_packages,
)
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.registered_environments import (
    Deployed,
    Registered,
    body_of,
    built_body,
    curated,
    environments_of,
    registered,
    stand_in,
    wanted_version,
)
from runtime.api.section_documents import fill
from runtime.api.sections import Section, refuse_given
from runtime.definitions.curated import CURATED, PREFIX
from runtime.definitions.runconfig_keys import ENVIRONMENT
from runtime.environments.declarations import read_declaration
from runtime.environments.images import build_context
from runtime.environments.requirements import requirement_lines
from runtime.model.environments import EnvironmentSpec

__all__ = ["Environment", "EnvironmentDefinition"]


@dataclass
class Environment(Section):
    """What is installed for a run. ``name`` and ``version`` are no part of its identity.

    A new one declares nothing of its own: the run then uses the environment file of its source
    folder, on ``local`` without one the current Python, and elsewhere Python and
    ``azureml-defaults``.
    """

    name: str | None
    version: str | None = None
    environment_variables: dict[str, str] = field(default_factory=dict)
    python: PythonSection = field(default_factory=PythonSection)
    docker: DockerSection = field(default_factory=DockerSection)
    spark: SparkSection = field(default_factory=SparkSection)
    databricks: DatabricksSection = field(default_factory=DatabricksSection)
    r: RSection | None = None
    inferencing_stack_version: str | None = None
    asset_id: str | None = None
    _declared: tuple[str, EnvironmentSpec] | None = field(default=None, repr=False, compare=False)

    # --- making one

    @classmethod
    def from_conda_specification(cls, name: str, file_path: str | Path) -> "Environment":
        """Return the environment that a conda YAML file declares."""
        made = cls(name)
        made.python.conda_dependencies = CondaDependencies(file_path)
        return made.declared_by(read_declaration(Path(file_path)))

    @classmethod
    def from_pip_requirements(
        cls, name: str, file_path: str | Path, pip_version: str | None = None
    ) -> "Environment":
        """Return the environment that a requirements file declares, with ``-r`` lines included."""
        made, spec = cls(name), read_declaration(Path(file_path))
        packages = CondaDependencies.create(pip_packages=[])
        packages.set_pip_requirements(requirement_lines(spec.requirements or ""))
        if pip_version:
            packages.add_conda_package(f"pip={pip_version}")
        made.python.conda_dependencies = packages
        return made if pip_version else made.declared_by(spec)

    @classmethod
    def from_docker_image(
        cls,
        name: str,
        image: str,
        container_registry: ContainerRegistry | None = None,
        conda_specification: str | Path | None = None,
        pip_requirements: str | Path | None = None,
    ) -> "Environment":
        """Return an environment of an image; without packages, with the image's own Python."""
        made = cls._packaged(name, conda_specification, pip_requirements)
        made.docker.base_image = image
        made.docker.base_image_registry = container_registry or ContainerRegistry()
        return made

    @classmethod
    def from_dockerfile(
        cls,
        name: str,
        dockerfile: str | Path,
        conda_specification: str | Path | None = None,
        pip_requirements: str | Path | None = None,
    ) -> "Environment":
        """Return an environment of a Dockerfile, given as text or by its path."""
        made = cls._packaged(name, conda_specification, pip_requirements)
        made.docker.base_dockerfile = dockerfile_text(str(dockerfile))
        return made

    @classmethod
    def from_docker_build_context(
        cls, name: str, docker_build_context: DockerBuildContext
    ) -> "Environment":
        """Return an environment of a folder with a Dockerfile."""
        made = cls._packaged(name, None, None)
        made.docker.build_context = docker_build_context
        return made

    @classmethod
    def from_existing_conda_environment(
        cls, name: str, conda_environment_name: str
    ) -> "Environment":
        """Return what a conda environment of this machine has installed, version by version.

        Raises ``DefinitionError`` without conda, and for an environment that it does not know.
        """
        made = cls(name)
        text = exported_environment(conda_environment_name)
        made.python.conda_dependencies = CondaDependencies.from_text(text, conda_environment_name)
        return made

    @classmethod
    def load_from_directory(cls, path: str | Path) -> "Environment":
        """Return the environment that ``save_to_directory`` wrote."""
        made = cls(Path(path).name)
        document, dockerfile, conda = load_environment(Path(path))
        fill(made, document, ENVIRONMENT, str(Path(path) / DEFINITION))
        if dockerfile is not None:
            made.docker.base_dockerfile = dockerfile
        if conda is not None:
            made.python.conda_dependencies = CondaDependencies(conda)
            made.declared_by(read_declaration(conda))
        return made

    def save_to_directory(
        self,
        path: str | Path,
        overwrite: bool = False,
    ) -> None:
        """Write the environment to a folder that can be edited. No password is written."""
        packages = self.python.conda_dependencies
        conda = None if packages is None else packages.serialize_to_string()
        save_environment(Path(path), self.document(), conda=conda, overwrite=overwrite)

    @classmethod
    def from_spec(cls, spec: EnvironmentSpec) -> "Environment":
        """Return the environment of a declaration: its image, its packages, its variables."""
        made, image = cls(spec.name), spec.image
        made.environment_variables = dict(spec.variables)
        if image is not None and image.context:
            made.docker.build_context = DockerBuildContext(
                "Local", image.context, image.dockerfile_path
            )
        elif image is not None:
            made.docker.base_image = image.name
        if spec.kind == "user_managed":
            made.python.user_managed_dependencies = True
            return made
        packages = CondaDependencies.create(pip_packages=[])
        if spec.conda:
            packages = CondaDependencies.from_text(spec.conda, str(spec.source))
        else:
            packages.set_pip_requirements(requirement_lines(spec.requirements or ""))
        made.python.conda_dependencies = packages
        return made.declared_by(spec)

    def clone(self, new_name: str) -> "Environment":
        """Return a copy under a new name, without a version."""
        made = copy.deepcopy(self)
        made.name, made.version = new_name, None
        return made

    # --- in a workspace

    def register(self, workspace: Deployed) -> "Environment":
        """Register the environment; a new version is made only if it differs from the newest."""
        return self.register_as(workspace, None)

    def register_as(self, workspace: Deployed, version: str | None) -> "Environment":
        """Register the environment under a version; ``None`` is what ``register`` does."""
        problem = RULES["environment"].problem(str(self.name))
        if problem is not None:
            raise UserErrorException(problem, remedy="Choose another name for the environment.")
        conda, image = self._conda_text(), image_spec(self.docker)
        context = None if image is None else build_context(image, conda)
        with azureml_errors(), environments_of(workspace) as environments:
            if context is None:
                body = body_of(self.document(), conda, self.docker.base_image)
            else:
                uri = environments.uploaded(context)
                body = built_body(self.document(), conda, uri, context.dockerfile)
            self.version = environments.register(str(self.name), body, version)
        return copy.deepcopy(self)

    @classmethod
    def get(
        cls,
        workspace: Deployed,
        name: str,
        version: str | int | None = None,
        label: str | None = None,
    ) -> "Environment":
        """Return a registered environment, the newest version by default; its copy can be changed.

        Raises ``UnknownNameError``, which names the nearest.
        """
        wanted = wanted_version(version, label)
        with azureml_errors(), environments_of(workspace) as environments:
            if not environments.versions(name) and name.startswith(PREFIX):
                return cls._curated(workspace, name, wanted)
            found_version, properties = environments.get(name, wanted)
        return cls._registered(registered(name, found_version, properties))

    @classmethod
    def list(cls, workspace: Deployed) -> "dict[str, Environment]":
        """Return the newest version of each registered environment, by name, and curated ones.

        Those that only submitted runs brought along, which nobody registered, are left out. The
        curated ones are those that the local cloud has something for.
        """
        with azureml_errors(), environments_of(workspace) as environments:
            found = {name: environments.get(name) for name in environments.names()}
        own = {
            name: cls._registered(registered(name, version, properties))
            for name, (version, properties) in found.items()
            if not properties.get("isAnonymous")
        }
        known = CURATED if workspace.manifest.cloud == "local" else {}
        curated = [name for name in known if name.startswith(PREFIX)]  # others are not found by get
        return {name: cls._declared_as(name, stand_in(name)) for name in curated} | own

    def build(
        self, workspace: Deployed, image_build_compute: str | None = None
    ) -> ImageBuildDetails:
        """Register the environment and build it now, in the cache of this project.

        The local cloud runs from that cache. Azure ML builds its image when a run first needs it.
        """
        refuse_given("build", image_build_compute=image_build_compute)
        self.register(workspace)
        return self.build_local(workspace)

    def build_local(
        self, workspace: Deployed, platform: object = None, **kwargs: object
    ) -> ImageBuildDetails:
        """Build the packages of the environment on this machine, for the runs of this project."""
        refuse_given("build_local", platform=platform, **kwargs)
        return build_here(str(self.name), self.spec() or self.default(), workspace.session.home)

    def get_image_details(self, workspace: Deployed) -> object:
        """Refuse: the image is the service's own, and no interface of it tells of one."""
        del workspace
        raise UserErrorException(
            f"The image of environment {self.name!r} is not known here.",
            remedy="Build what it declares with `environment.build(workspace)`.",
        )

    @staticmethod
    def label(workspace: Deployed, name: str, version: str, labels: Sequence[str]) -> None:
        """Refuse: versions have no labels but `latest`, which is the newest."""
        del workspace
        raise UserErrorException(
            f"Version {version} of environment {name!r} cannot be labelled {list(labels)!r}.",
            remedy="Refer to the version by its number.",
        )

    @staticmethod
    def add_private_pip_wheel(
        workspace: Deployed, file_path: str | Path, exist_ok: bool = False
    ) -> str:
        """Refuse: a wheel in the workspace's storage cannot be installed from without its key."""
        del workspace, exist_ok
        raise UserErrorException(
            f"The wheel {file_path} is not uploaded.",
            remedy="Name a package index that has it: `set_pip_option('--extra-index-url URL')`.",
        )

    # --- running

    def spec(self) -> EnvironmentSpec | None:
        """Return the declaration, ``None`` for an environment that declares nothing of its own."""
        image, spark = image_spec(self.docker), spark_packages(self.spark)
        if not (self.declares_packages or image or spark):
            return None
        return self.labelled(python_spec(self.python, declared=self._declared))

    @property
    def declares_packages(self) -> bool:
        """Return whether packages or an interpreter are declared, rather than left to the run."""
        return declares_packages(self.python) or self._declared is not None

    def default(self) -> EnvironmentSpec:
        """Return the declaration of an environment that declares nothing: Python and the SDK."""
        return self.labelled(python_spec(self.python, declared=None))

    def labelled(self, spec: EnvironmentSpec) -> EnvironmentSpec:
        """Return ``spec`` with the name, image and Spark packages of this environment."""
        image = image_spec(self.docker)
        spark = spark_packages(self.spark)
        return replace(spec, name=self.name, version=self.version, image=image, spark=spark)

    @classmethod
    def _packaged(
        cls, name: str, conda: str | Path | None, pip: str | Path | None
    ) -> "Environment":
        if conda is not None and pip is not None:
            raise UsageError(
                "conda_specification and pip_requirements are both given.",
                remedy="Leave one of them out.",
            )
        if conda is not None:
            return cls.from_conda_specification(name, conda)
        if pip is not None:
            return cls.from_pip_requirements(name, pip)
        made = cls(name)
        made.python.user_managed_dependencies = True
        return made

    def declared_by(self, spec: EnvironmentSpec) -> "Environment":
        """Remember the file of the packages, whose lines messages name until they are changed."""
        self._declared = (self._conda_text() or "", spec)
        return self

    def _conda_text(self) -> str | None:
        packages = self.python.conda_dependencies
        if self.python.user_managed_dependencies or packages is None:
            return None
        return packages.serialize_to_string()

    @classmethod
    def _curated(cls, workspace: Deployed, name: str, version: str | None) -> "Environment":
        """Return a curated environment: Azure's own, or what stands in for it elsewhere."""
        return cls._declared_as(name, curated(workspace, name, version), version)

    @classmethod
    def _declared_as(
        cls, name: str, spec: EnvironmentSpec, version: str | None = None
    ) -> "Environment":
        made = cls(name, version)
        if spec.conda:
            made.python.conda_dependencies = CondaDependencies.from_text(spec.conda, name)
        return made.declared_by(spec)

    @classmethod
    def _registered(cls, found: Registered) -> "Environment":
        made = cls(found.name)
        fill(made, found.definition, ENVIRONMENT, f"{found.name}:{found.version}")
        made.version = found.version
        if found.conda:
            source = f"environment {found.name}:{found.version}"
            made.python.conda_dependencies = CondaDependencies.from_text(found.conda, source)
        return made


class EnvironmentDefinition(Environment):
    """The name of ``Environment`` in ``azureml.core.runconfig``; the name may be left out."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
