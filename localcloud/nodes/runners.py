"""What starts the commands of a job: processes of this machine, or containers of its image.

Brings the environment first: the image (pulled, or built once for each content), or the packages
with uv. ``image_choice`` decides which; a run records the decision in its log and its properties.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Final, Protocol

from infra.catalogue.vm_sizes import vm_sizes
from infra.contract.errors import EnvironmentBuildError
from infra.contract.json_types import Document
from localcloud.calls.blob_addresses import address_of
from localcloud.calls.cloud import Cloud
from localcloud.calls.docker_arguments import docker_options
from localcloud.nodes import storage
from localcloud.nodes.engines import (
    Container,
    ContainerSpec,
    Engine,
    Limits,
    Log,
    Login,
    PullError,
    connect_engine,
)
from localcloud.nodes.image_choice import Choice, ImageRequest, after_failed_pull, choose
from localcloud.nodes.images import ImageRecipe, ImageStore, packages_recipe
from localcloud.nodes.interpreters import interpreter_of
from localcloud.nodes.jobs import Job
from localcloud.nodes.processes import JobProcess, start
from localcloud.nodes.registry_logins import logins_of
from runtime.environments.cache import EnvironmentCache
from runtime.environments.docker_arguments import size_bytes
from runtime.environments.images import build_context
from runtime.model.environments import EnvironmentSpec, ImageSpec
from runtime.model.redaction import redacted, secrets_of

BUILD_LOG: Final = "azureml-logs/20_image_build_log.txt"
IMAGE_PROPERTY: Final = "aml.image"
"""The property of a run that says which image it ran in, or why its image was not used."""
RECORDS: Final = "container-*.json"
"""The files, below the folders of the nodes, that name containers."""
_DEFAULT_SHM: Final = "2g"  # as on Azure's nodes
_MOUNTED_CONDA: Final = "aml-conda.yml"  # in the build contexts of `runtime.environments.images`
_REMEMBERED_S: Final = 300.0
_MIB: Final = 1 << 20

Running = JobProcess | Container


class Starter(Protocol):
    """Starts a shell command in ``folder``; its output is appended to ``log``."""

    def __call__(
        self, command: str, *, folder: Path, variables: Mapping[str, str], log: Path
    ) -> Running: ...


@dataclass(frozen=True, slots=True)
class Runner:
    """What starts a job's commands. ``variables`` are the environment's.

    ``python`` is the interpreter of a process; a container has that of its image.
    """

    start: Starter
    variables: Mapping[str, str]
    python: Path | None = None


@dataclass(frozen=True, slots=True)
class _Environment:
    """An environment of the workspace, as the nodes need it."""

    asked: ImageRequest
    conda: EnvironmentSpec | None
    variables: Mapping[str, str]
    context: Path | None = None
    dockerfile: str = "Dockerfile"


@dataclass(frozen=True, slots=True)
class Lease:
    """One job's wish for its environment. ``folder`` is its part of the nodes' storage.

    ``log`` gets the lines of the build log, ``step`` the step's text and facts, ``record`` the
    value of the property ``aml.image``. ``stop`` ends everything that takes long.
    """

    job: Job
    folder: Path
    log: Log
    step: Callable[[str, Document], None]
    record: Callable[[str], None]
    stop: Event


@dataclass(slots=True)
class Runners:
    """Makes the runners of jobs. ``ca`` is mounted into containers, whose scripts trust it."""

    cloud: Cloud
    environments: EnvironmentCache
    images: ImageStore
    ca: Path
    connect: Callable[[], tuple[Engine | None, str]] = connect_engine
    _unpullable: dict[tuple[str, Sequence[Login]], tuple[float, str]] = field(default_factory=dict)

    @contextmanager
    def lease(self, wish: Lease) -> Iterator[Runner]:
        """Build the environment if needed and yield its runner; it is kept inside the block.

        Raises ``EnvironmentBuildError`` and ``DefinitionError``. Without an environment, if
        ``wish.stop`` is set meanwhile: check it first inside the block.
        """
        found = self._environment(wish)
        engine, problem = self.connect() if found.asked.named else (None, "")
        if engine is None:
            yield from self._as_process(wish, found, self._chosen(found, None, problem))
            return
        with closing(engine):
            engine.use(logins_of(self.cloud, wish.job.workspace))
            choice = self._chosen(found, engine, problem)
            image = ""
            if choice.way in {"pull", "build"}:
                try:
                    image = self._image(wish, found, engine)
                except PullError as error:
                    choice = after_failed_pull(found.asked, error.reason)
            if image and not choice.refused:
                if not wish.stop.is_set():
                    wish.record(image)
                yield Runner(partial(self._start, engine, image, wish), found.variables)
                return
            yield from self._as_process(wish, found, choice)

    def _as_process(self, wish: Lease, found: _Environment, choice: Choice) -> Iterator[Runner]:
        if choice.refused:
            raise EnvironmentBuildError(
                choice.refused,
                remedy="Start a docker engine that this user may use, sign in to the image's"
                " registry, or give the environment a conda file and one of Azure ML's images.",
            )
        if choice.unused:
            wish.log(choice.unused)
            wish.record(choice.unused)
        interpreter = interpreter_of(self.environments, found.conda, found.variables)
        wish.step(interpreter.says, interpreter.facts)
        with interpreter.lease(wish.log, wish.stop) as (python, variables):
            yield Runner(start, variables, python)

    def _environment(self, wish: Lease) -> _Environment:
        stored = self.cloud.store.resources.get(wish.job.environment, now=self.cloud.clock())
        properties = stored.properties if stored else {}
        variables = {
            str(key): str(value)
            for key, value in (properties.get("environmentVariables") or {}).items()
        }
        name = wish.job.environment.rpartition("/environments/")[2].partition("/")[0]
        conda = str(properties.get("condaFile") or "")
        build = properties.get("build") or {}
        context = self._context(wish, str(build.get("contextUri") or "")) if build else None
        if context and not conda and (context / _MOUNTED_CONDA).is_file():
            conda = (context / _MOUNTED_CONDA).read_text(encoding="utf-8")
        spec = (
            EnvironmentSpec("conda", conda=conda, source=f"environment {name}") if conda else None
        )
        image = "" if build else str(properties.get("image") or "")
        return _Environment(
            ImageRequest(image, bool(build), bool(conda)),
            spec,
            variables,
            context,
            str(build.get("dockerfilePath") or "Dockerfile"),
        )

    def _context(self, wish: Lease, uri: str) -> Path:
        folder = wish.folder / "context"
        address = address_of(self.cloud, wish.job.workspace, uri)
        storage.download(self.cloud, address, folder)
        return folder

    def _chosen(self, found: _Environment, engine: Engine | None, problem: str) -> Choice:
        asked = found.asked
        present = bool(engine and asked.image and engine.has(asked.image))
        return choose(asked, engine_problem=problem, present=present)

    # --- containers

    def _image(self, wish: Lease, found: _Environment, engine: Engine) -> str:
        """Make the engine have the image of an environment; return its name."""
        image, conda = found.asked.image, found.conda
        if found.context is not None:
            made = build_context(
                ImageSpec(context=str(found.context), dockerfile_path=found.dockerfile), None
            )
            if made is None:
                raise AssertionError("a build context has a context")
            recipe = ImageRecipe(made.digest, made.files, made.dockerfile)
            image = self._built(wish, engine, recipe)
            packaged = (found.context / _MOUNTED_CONDA).is_file()  # by its own Dockerfile
            conda = None if packaged else conda
        else:
            self._pull(wish, engine, image)
        if conda is None:
            if found.context is None:
                wish.step(f"The job runs in the image {image}", {"image": image, "reused": True})
            return image
        recipe, locked = packages_recipe(image, conda)
        for note in locked.notes:
            wish.log(note)
        secrets = secrets_of("\n".join((*locked.lines, *locked.arguments)))
        safe = replace(wish, log=lambda line: wish.log(redacted(line, secrets)))
        try:
            return self._built(safe, engine, recipe)
        except EnvironmentBuildError as error:
            says = redacted(error.detail, secrets)
            raise EnvironmentBuildError(says, remedy=error.remedy) from None

    def _built(self, wish: Lease, engine: Engine, recipe: ImageRecipe) -> str:
        reused = engine.has(recipe.tag)
        says = f"Image {recipe.tag} is " + ("reused" if reused else "being built")
        wish.step(says, {"image": recipe.tag, "hash": recipe.hash, "reused": reused})
        self.images.ensure(engine, recipe, wish.log, wish.stop)
        return recipe.tag

    def _pull(self, wish: Lease, engine: Engine, image: str) -> None:
        if engine.has(image):
            return
        asked = image, logins_of(self.cloud, wish.job.workspace)
        since, reason = self._unpullable.get(asked, (0.0, ""))
        if reason and self.cloud.clock() < since + _REMEMBERED_S:
            raise PullError(image, reason)
        wish.log(f"Pulling {image}")
        try:
            engine.pull(image, wish.log, wish.stop)
        except PullError as error:
            # Every job that waits for the network would wait as long as this one.
            self._unpullable[asked] = (self.cloud.clock(), error.reason)
            raise

    def _start(
        self,
        engine: Engine,
        image: str,
        wish: Lease,
        command: str,
        *,
        folder: Path,
        variables: Mapping[str, str],
        log: Path,
    ) -> Running:
        name = f"aml-job-{uuid.uuid4().hex}"
        home = folder.parent / "home"
        home.mkdir(exist_ok=True)
        options = docker_options(wish.job.docker_arguments)
        spec = ContainerSpec(
            name=name,
            image=image,
            command=command,
            folder=folder,
            log=log,
            # The user has no entry in the image's list of users.
            variables={
                "HOME": str(home),
                "USER": "azureml",
                "LOGNAME": "azureml",
                **options.variables,
                **variables,
            },
            mounts={wish.folder: True, self.ca: False},
            limits=self._limits(wish.job),
            labels={**options.labels, "aml.job": wish.job.name, "aml.cloud": self.cloud.id},
            host={"shm_size": size_bytes(wish.job.shm_size or _DEFAULT_SHM), **options.host},
        )
        record = folder.parent / RECORDS.replace("*", name)
        record.write_text(json.dumps({"container": name}), encoding="utf-8")
        return engine.start(spec)

    def _limits(self, job: Job) -> Limits:
        compute = self.cloud.store.resources.get(job.compute, now=self.cloud.clock())
        inner = (compute.properties.get("properties") or {}) if compute else {}
        size = vm_sizes().get(str(inner.get("vmSize")).lower())
        return Limits(size.vcpus, size.memory_mib * _MIB, size.gpus) if size else Limits()


def remove_recorded(folder: Path) -> None:
    """Remove the containers that an earlier daemon left behind, as their records say."""
    names = [str(json.loads(file.read_text())["container"]) for file in folder.rglob(RECORDS)]
    engine, _ = connect_engine() if names else (None, "")
    if engine is not None:
        with closing(engine):
            for name in names:
                engine.remove(name)
