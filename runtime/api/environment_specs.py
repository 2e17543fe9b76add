"""From the sections of an ``Environment`` to an ``EnvironmentSpec``."""

from pathlib import Path

from infra.contract.errors import DefinitionError
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.environment_sections import (
    DockerBuildContext,
    DockerSection,
    PythonSection,
    SparkSection,
)
from runtime.api.images import DEFAULT_CPU_IMAGE
from runtime.environments.declarations import read_declaration
from runtime.model.environments import (
    EnvironmentSpec,
    ImageSpec,
    MavenPackage,
    Registry,
    SparkPackages,
)

__all__: list[str] = []


def python_spec(
    python: PythonSection, *, declared: tuple[str, EnvironmentSpec] | None
) -> EnvironmentSpec:
    """Return what the Python section declares.

    ``declared`` is the file that its packages were read from, and their document then: as long as
    nobody changed them, messages name lines of the file.
    """
    if python.user_managed_dependencies:
        return EnvironmentSpec("user_managed", interpreter=python.interpreter_path)
    if python.base_conda_environment:
        name = python.base_conda_environment
        raise DefinitionError(
            f"base_conda_environment {name!r} cannot be extended.",
            remedy=f"Use `Environment.from_existing_conda_environment(name, {name!r})`, or set"
            " user_managed_dependencies and the environment's interpreter_path.",
        )
    if python.conda_dependencies_file:
        return read_declaration(Path(python.conda_dependencies_file))
    text = (python.conda_dependencies or CondaDependencies()).serialize_to_string()
    if declared is not None and declared[0] == text:
        return declared[1]
    return EnvironmentSpec("conda", conda=text)


def declares_packages(python: PythonSection) -> bool:
    """Return whether anything of the section differs from a new one."""
    return python != PythonSection() and python != PythonSection(conda_dependencies=None)


def image_spec(docker: DockerSection) -> ImageSpec | None:
    """Return the image, ``None`` for the default one. Raises ``DefinitionError`` for its faults."""
    registry = _registry(docker)
    if docker.base_dockerfile:
        return ImageSpec(dockerfile=dockerfile_text(docker.base_dockerfile), registry=registry)
    if docker.build_context is not None:
        context = docker.build_context
        return ImageSpec(
            context=_folder(context), dockerfile_path=context.dockerfile_path, registry=registry
        )
    if docker.base_image and docker.base_image != DEFAULT_CPU_IMAGE:
        return ImageSpec(name=docker.base_image, registry=registry)
    return None


def spark_packages(spark: SparkSection) -> SparkPackages | None:
    """Return the packages that Spark loads, ``None`` without any."""
    if not spark.packages and not spark.repositories:
        return None
    packages = [
        MavenPackage(p.group or "", p.artifact or "", p.version or "") for p in spark.packages
    ]
    for package in packages:
        if not (package.group and package.artifact and package.version):
            raise DefinitionError(
                f"{package} is not complete.",
                remedy="Give each Spark package its group, artifact and version.",
            )
    return SparkPackages(tuple(spark.repositories), tuple(packages))


def dockerfile_text(given: str) -> str:
    """Return the text of a Dockerfile that is given as text, or by its path."""
    if "\n" in given or given.lstrip().upper().startswith(("FROM ", "ARG ", "#")):
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"The Dockerfile cannot be read: {error}.",
            remedy="Give the path of a Dockerfile, or its text, which begins with FROM.",
            at=given,
        ) from error


def _registry(docker: DockerSection) -> Registry | None:
    given = docker.base_image_registry
    if not given.address:
        return None
    if given.username and not given.password:
        raise DefinitionError(
            f"The registry {given.address} has a username and no password.",
            remedy="Set `docker.base_image_registry.password`, best from an environment variable.",
        )
    return Registry(given.address, given.username, given.password)


def _folder(context: DockerBuildContext) -> str:
    if str(context.location_type or "Local").lower() != "local" or not context.location:
        raise DefinitionError(
            f"A build context of type {context.location_type!r} is not supported.",
            remedy="Use a folder: `DockerBuildContext.from_local_directory(workspace, path)`.",
        )
    if not (Path(context.location) / context.dockerfile_path).is_file():
        raise DefinitionError(
            f"There is no {context.dockerfile_path} in the build context.",
            remedy="Give the folder that has the Dockerfile, and its path in it.",
            at=context.location,
        )
    return str(Path(context.location).absolute())
