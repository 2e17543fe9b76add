"""Registered environments: found in the workspace, or among the known curated ones, before a run.

The `azureml` target refers to an environment of its workspace by id. `local` builds what that
environment declares. The local cloud has no curated environments, so theirs are built there too.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document
from infra.contract.load import load, nearest
from infra.contract.manifest import read_manifest
from runtime.definitions.curated import CURATED, PREFIX, REGISTRY
from runtime.model.environments import EnvironmentSpec, ImageSpec, is_base_image
from runtime.model.runs import RunSpec
from runtime.targets.finding import DOCKER, LOCAL, Targets

_DEFINITION_OF: Final = "runtime.targets.workspace_environments:definition_of"

Find = Callable[[str, str | None], Document | None]
"""Returns an environment version of the workspace, by its name and version."""


def with_environment(spec: RunSpec, targets: Targets, stack: str) -> RunSpec:
    """Return a run whose environment its target can use.

    Contacts the stack's cloud for a registered one. Raises ``DefinitionError`` for one that is not
    to be found, or that the target cannot use.
    """
    environment = spec.environment
    runs_processes = environment is not None and targets.runs_processes(spec.target)
    is_local = runs_processes or spec.target == DOCKER
    is_process = runs_processes and not (spec.docker.use and spec.target != LOCAL)
    if environment is not None and environment.kind == "registered":
        cloud = read_manifest(targets.manifest_file, stack=stack).cloud if targets.deployed else ""
        environment = resolved(
            environment, targets.registered, is_local=is_local, has_registries=cloud == "azure"
        )
    if environment is not None and is_process:
        _refuse_image(environment, spec.target)
    return replace(spec, environment=environment)


def _refuse_image(environment: EnvironmentSpec, target: str) -> None:
    """Raise ``DefinitionError`` for an environment that is nothing but an image."""
    image = environment.image
    if environment.kind == "user_managed" and image is not None and not environment.interpreter:
        raise DefinitionError(
            f"The environment is the image {image.name or image.dockerfile_path} alone, and"
            f" `{target}` runs no containers.",
            remedy="Run it in one, on the target `docker`. Or add `conda_file: FILE` with its"
            " packages, or choose a cluster.",
            at=environment.source,
        )


def resolved(
    spec: EnvironmentSpec, find: Find, *, is_local: bool, has_registries: bool
) -> EnvironmentSpec:
    """Return an environment that the run's target can use.

    ``is_local``: the target runs processes, and we build their environments. ``has_registries``:
    the workspace is in Azure. Raises ``DefinitionError`` for one that is not to be found, or that
    cannot be built.
    """
    if spec.kind != "registered":
        return spec
    if spec.registry and has_registries and not is_local:
        return spec
    found = None if spec.registry else find(str(spec.name), spec.version)
    if found is not None:
        return _found(spec, found, is_local=is_local)
    name = str(spec.name)
    if name in CURATED and spec.registry in {None, REGISTRY}:
        return EnvironmentSpec("conda", conda=CURATED[name].conda(), source=spec.source, name=name)
    raise _missing(spec)


def _found(spec: EnvironmentSpec, found: Document, *, is_local: bool) -> EnvironmentSpec:
    """Return a version of the workspace, with the variables that it was registered with."""
    properties: Document = found["properties"]
    definition = load(_DEFINITION_OF)(properties) or {}
    variables = {str(k): str(v) for k, v in (definition.get("environmentVariables") or {}).items()}
    spec = replace(spec, variables={**variables, **spec.variables})
    if not is_local:
        return replace(spec, version=str(found["name"]))
    python = definition.get("python") or {}
    if python.get("userManagedDependencies") and python.get("interpreterPath"):
        spec = replace(spec, interpreter=str(python["interpreterPath"]))
    return _declared(spec, properties)


def _declared(spec: EnvironmentSpec, properties: Document) -> EnvironmentSpec:
    if properties.get("build"):
        raise DefinitionError(
            f"The environment {spec.name} is built from a Dockerfile, which `local` does not do.",
            remedy="Write `environment: {conda_file: FILE}`, or choose a cluster.",
            at=spec.source,
        )
    named, conda = properties.get("image"), properties.get("condaFile")
    own = named and not (spec.interpreter and is_base_image(str(named)))
    image = ImageSpec(name=str(named)) if own else None
    if image is not None or conda:
        spec = replace(spec, interpreter=None)  # it is the image's
    return replace(
        spec,
        kind="conda" if conda else "user_managed",
        conda=str(conda) if conda else None,
        image=image,
        registry=None,
    )


def _missing(spec: EnvironmentSpec) -> DefinitionError:
    version = f" in version {spec.version}" if spec.version else ""
    curated = spec.registry or str(spec.name).startswith(PREFIX)
    known: Mapping[str, object] = CURATED
    where = f"the registry {spec.registry}" if spec.registry else "the workspace"
    hint = nearest(str(spec.name), known, noun="curated environment") if curated else ""
    return DefinitionError(
        f"The environment {spec.name}{version} is not in {where}, as far as it can be reached"
        " from here, and what it installs is not known.",
        remedy=f"Write `environment: {{conda_file: FILE}}` with its packages. {hint}".rstrip(),
        at=spec.source,
    )
