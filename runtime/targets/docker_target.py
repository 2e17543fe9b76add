"""The docker target: each run is a container of the engine that this shell uses.

What is decided here is what a run's container is; ``docker_place`` makes it.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document, JsonObject
from infra.contract.load import load
from runtime.environments.docker_arguments import RunArguments, run_arguments
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import PreparedRun, RunSpec
from runtime.targets.base import Handle, Prepared
from runtime.targets.carried import EnterableTarget

EXTRA: Final = "docker"
SHM_SIZE: Final = "2g"
"""The shared memory of a run that asks for no other, as in Azure ML."""
_ENGINE: Final = "runtime.targets.docker_engine"
_IMAGES: Final = "runtime.targets.docker_images"
_PACKAGES: Final = "runtime.targets.docker_packages"
_SHARE: Final = "/azureml-share"
_REFUSED: Final = {"--read-only": "the run's folder is in the container"}


class DockerTarget(EnterableTarget):
    """Runs in containers, with their folders below ``<home>/runs``.

    ``environ`` says which engine: `DOCKER_HOST`, else docker's current context. A run stays with
    the engine that it was started with.
    """

    def __init__(
        self,
        home: Path,
        *,
        manifest: Path,
        stack: str,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__("docker", home, {"kind": "docker"}, manifest=manifest, stack=stack)
        self._environ = environ

    def launch(self, run: PreparedRun) -> Handle:
        """Start the run's carrier and return at once."""
        for bind in _arguments(run.spec).host.get("binds", ()):
            source, _, inside = _expanded(bind).partition(":")
            if inside.startswith(_SHARE):
                Path(source).mkdir(parents=True, exist_ok=True)
        return super().launch(contained(run, self._environ))

    def place_of(self, run: PreparedRun) -> Document:
        """Return what the container of a run is. Nothing in it is secret."""
        return {"kind": "docker", **self._settings(), **container_settings(run, _expanded)}

    def plan(self, spec: RunSpec) -> str:
        """Return which image the run has, and whether it is there. Contacts the engine."""
        arguments = _arguments(spec)
        gpus = asked_gpus(spec, arguments)
        settings = self._settings()
        client = load(f"{_ENGINE}:open_engine", extra=EXTRA)(settings)
        try:
            if gpus:
                at = spec.origins.get("gpus" if spec.gpus else "docker.arguments")
                at = at or spec.origins.get("docker")
                load(f"{_ENGINE}:require_gpus")(client, settings, gpus, at, spec.gpus)
            images = load(f"{_IMAGES}:Images")(
                client, settings["host"], self._home, lambda _: None, Event()
            )
            return _planned(spec, images)
        finally:
            client.close()

    def prepare(self, environment: EnvironmentSpec) -> Prepared:
        """Build the image of an environment, unless it is there."""
        return prepared_image(environment, self._settings(), self._home)

    def _settings(self) -> Document:
        found: Document = load(f"{_ENGINE}:engine_settings", extra=EXTRA)(self._environ)
        return found


def contained(run: PreparedRun, environ: Mapping[str, str]) -> PreparedRun:
    """Return a run with the variables that its container has."""
    given = {
        name: environ.get(name, "") if value is None else value
        for name, value in _arguments(run.spec).variables.items()
    }
    variables = {**given, **run.spec.variables}
    return replace(run, spec=replace(run.spec, variables=variables))


def asked_gpus(spec: RunSpec, arguments: RunArguments) -> str:
    """Return how a run asks for GPUs, as its definition says it; ``""`` if it does not."""
    if arguments.gpus:
        return f"--gpus {arguments.gpus}"
    return f"gpus: {spec.gpus}" if spec.gpus else "gpuSupport" * spec.docker.gpu


def container_settings(run: PreparedRun, expanded: Callable[[str], str] = str) -> Document:
    """Return what the container of a run is; ``expanded`` completes the source of a volume."""
    arguments = _arguments(run.spec)
    host: JsonObject = {"shm_size": run.spec.docker.shm_size or SHM_SIZE, **arguments.host}
    if "binds" in host:
        host["binds"] = [expanded(each) for each in host["binds"]]
    return {
        "host_config": host,
        "own": dict(arguments.own),
        "labels": dict(arguments.labels),
        "gpus": arguments.gpus or str(run.spec.gpus or "") or "all" * run.spec.docker.gpu,
    }


def prepared_image(environment: EnvironmentSpec, engine: Document, home: Path) -> Prepared:
    """Build the image of an environment with an engine, unless it is there."""
    client = load(f"{_ENGINE}:open_engine", extra=EXTRA)(engine)
    try:
        packages = load(f"{_PACKAGES}:Packages")(
            client, engine["host"], home, lambda _: None, Event()
        )
        found = packages.image(environment)
    finally:
        client.close()
    says = f"The image {found.name} was built"
    if found.reused:
        says = f"The image {found.name} is there"
    return Prepared(found.name, f"{says}; runs with this environment use it.", found.reused)


def _arguments(spec: RunSpec) -> RunArguments:
    options = spec.docker
    at = spec.origins.get("docker.arguments") or spec.origins.get("docker")
    return run_arguments(options.arguments, refused=_REFUSED, at=at)


def _expanded(bind: str) -> str:
    """Return a volume whose source is absolute: a path may be relative, or begin with `~`."""
    source, colon, rest = bind.partition(":")
    if source.startswith(("~", ".")):
        source = str(Path(source).expanduser().absolute())
    return f"{source}{colon}{rest}"


class _Known(Protocol):
    """The images of an engine, whose module needs the SDK."""

    def there(self, name: str) -> bool: ...


def _planned(spec: RunSpec, images: _Known) -> str:
    environment = spec.environment
    if environment is None or environment.image is None:
        raise AssertionError("a run in a container has an image")
    there = images.there
    base = load(f"{_IMAGES}:base_name")(environment.image)
    how = "pulled" if environment.image.name else "built"
    says_base = f"{base} ({'there' if there(base) else f'to be {how}'})"
    if environment.kind == "user_managed":
        return f"image {says_base}"
    locked = load(f"{_PACKAGES}:locked_for_image")(environment)
    name = load(f"{_PACKAGES}:packaged_name")(locked)
    if there(name):
        return f"image {name} (there)"
    if not spec.prepares:
        raise DefinitionError(
            f"The image {name} has not been prepared, and the run configuration says not to"
            " prepare it.",
            remedy="Run `aml prepare -c NAME` first, or set `autoPrepareEnvironment: true`"
            " (`PrepareEnvironment: true`).",
            at=spec.origins.get("prepares"),
        )
    return f"image {name} (to be built from {says_base})"
