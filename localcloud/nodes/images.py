"""The images of jobs: built once for each content, named after it, kept within a limit.

An image has the environment of Azure ML's rules: base image, build context and packages count, the
environment's name and version do not. Where a registry is configured, images are looked up there
before they are built, and pushed to it afterwards, as Azure ML does with the workspace's.
"""

import hashlib
import io
import json
import os
import shlex
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import IO, Final

from infra.contract.errors import DefinitionError
from localcloud.nodes.engines import Engine, EngineError, EngineImage, Log, PullError
from runtime.environments.locking import LockedEnvironment, lock
from runtime.environments.uv_builder import uv_binary
from runtime.model.environments import EnvironmentSpec

REPOSITORY: Final = "aml-environment"
REGISTRY: Final = "AML_CLOUD_REGISTRY"
"""The variable that names a registry (``HOST:PORT``) to share images in."""
LIMIT_BYTES: Final = 20 * 1024**3
_FORMAT: Final = 1
"""Increment it if a change of how images are built requires rebuilding them."""
_DIGITS: Final = 32
_LOOK_EVERY_S: Final = 0.1
_CONDA: Final = "aml-conda.yml"
_PACKAGES: Final = "aml-requirements.txt"
_UV: Final = "aml-uv"
_STAGE: Final = "aml.stage={}"
"""The label of what is left of a first stage."""
# conda where the image has it, uv elsewhere. What only builds the environment stays in the first
# stage. uv compiles the packages, which every start of a script would do otherwise.
_DOCKERFILE: Final = """\
FROM {image} AS aml-build
LABEL {stage}
USER root
ENV UV_PYTHON_INSTALL_DIR=/opt/aml/python UV_LINK_MODE=copy UV_NO_CACHE=1 UV_NO_PROGRESS=1
COPY aml-conda.yml aml-requirements.txt aml-uv /tmp/aml/
RUN mkdir -p /opt/aml && cd /tmp/aml && if command -v conda >/dev/null 2>&1; then \\
  conda env create --quiet --prefix /opt/aml/environment --file aml-conda.yml; \\
  elif grep -q '^#!only-conda' aml-requirements.txt; then \\
  cat aml-requirements.txt >&2; exit 1; \\
  else ./aml-uv venv --python '{python}' /opt/aml/environment && \\
  ./aml-uv pip install --python /opt/aml/environment/bin/python --compile-bytecode \\
  {arguments} -r aml-requirements.txt; fi
FROM {image}
COPY --from=aml-build /opt/aml /opt/aml
ENV PATH=/opt/aml/environment/bin:$PATH CONDA_PREFIX=/opt/aml/environment
"""


@dataclass(frozen=True, slots=True)
class ImageRecipe:
    """What an image is built from; ``hash`` identifies it. ``variables`` are for what runs in it.

    ``files`` are the files of the build context by their path: content, or the file that has it.
    """

    hash: str
    files: Mapping[str, bytes | Path]
    dockerfile: str = "Dockerfile"

    @property
    def tag(self) -> str:
        return f"{REPOSITORY}:{self.hash}"


def packages_recipe(image: str, spec: EnvironmentSpec) -> tuple[ImageRecipe, LockedEnvironment]:
    """Return the recipe of a base image with the packages of a conda document.

    Raises ``DefinitionError`` for a document that cannot be used.
    """
    locked = lock(spec, with_conda=True)
    identity = {"format": _FORMAT, "image": image, "packages": locked.key}
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:_DIGITS]
    dockerfile = _DOCKERFILE.format(
        image=image,
        stage=_STAGE.format(digest),
        python=locked.python,
        arguments=shlex.join(locked.arguments),
    )
    files: dict[str, bytes | Path] = {
        "Dockerfile": dockerfile.encode(),
        _CONDA: (locked.conda or "").encode(),
        _PACKAGES: _requirements(spec).encode(),
        _UV: Path(uv_binary()),
    }
    return ImageRecipe(digest, files), locked


def _requirements(spec: EnvironmentSpec) -> str:
    """Return the packages for uv; for a document that only conda can install, a text saying so."""
    try:
        lines = lock(spec, with_conda=False).lines
    except DefinitionError as error:
        says = f"The image has no conda, and uv cannot install all packages: {error.detail}"
        return f"#!only-conda\n{says}\n"
    return "\n".join((*lines, ""))


@contextmanager
def archive(files: Mapping[str, bytes | Path]) -> Iterator[IO[bytes]]:
    """Yield the tar archive of a build context, in a temporary file."""
    with tempfile.TemporaryFile() as sink:
        with tarfile.open(fileobj=sink, mode="w") as target:
            for name, content in sorted(files.items()):
                entry = tarfile.TarInfo(name)
                executable = isinstance(content, Path) and os.access(content, os.X_OK)
                entry.mode = 0o755 if executable else 0o644
                data = content.read_bytes() if isinstance(content, Path) else content
                entry.size = len(data)
                target.addfile(entry, io.BytesIO(data))
        sink.seek(0)
        yield sink


def surplus(images: Iterable[EngineImage], limit_bytes: int) -> Sequence[str]:
    """Return the images to remove, given the most recently used first. One always stays."""
    total, found = 0, []
    for number, image in enumerate(images):
        total += image.size
        if number and total > limit_bytes:
            found.append(image.tag)
            total -= image.size
    return found


class ImageStore:
    """The images that one cloud has built. ``folder`` keeps a file for each: its last use."""

    def __init__(
        self,
        folder: Path,
        *,
        registry: str = "",
        limit_bytes: int = LIMIT_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._registry = registry.strip().rstrip("/")
        self._limit_bytes = limit_bytes
        self._now = now
        self._lock = Lock()
        self._building: dict[str, Lock] = {}

    def ensure(self, engine: Engine, recipe: ImageRecipe, log: Log, stop: Event) -> bool:
        """Make the engine have the image; return whether it was built before.

        Several jobs that need it build it once. Returns early once ``stop`` is set. Raises
        ``EnvironmentBuildError`` with the last lines of the build.
        """
        with self._lock:
            building = self._building.setdefault(recipe.hash, Lock())
        while not building.acquire(timeout=_LOOK_EVERY_S):
            if stop.is_set():
                return False
        try:
            reused = self._found(engine, recipe, log, stop)
            if not reused and not stop.is_set():
                self._build(engine, recipe, log, stop)
        finally:
            building.release()
        self._use(recipe)
        if not reused and not stop.is_set():
            self.bound(engine, log)
        return reused

    def bound(self, engine: Engine, log: Log) -> None:
        """Remove the least recently used images above the limit; those in use stay."""
        used = {
            f"{REPOSITORY}:{file.name}": file.stat().st_mtime for file in self._folder.iterdir()
        }
        images = [image for image in engine.images(REPOSITORY) if image.tag in used]
        images.sort(key=lambda image: used[image.tag], reverse=True)
        for tag in surplus(images, self._limit_bytes):
            if self._registry:
                engine.remove_image(f"{self._registry}/{tag}")
            if engine.remove_image(tag):
                (self._folder / tag.rpartition(":")[2]).unlink(missing_ok=True)
                log(f"Image {tag} was removed to stay below the limit.")

    def _found(self, engine: Engine, recipe: ImageRecipe, log: Log, stop: Event) -> bool:
        if engine.has(recipe.tag):
            log(f"Image {recipe.tag} is already built.")
            return True
        if not self._registry:
            return False
        shared = f"{self._registry}/{recipe.tag}"
        try:
            engine.pull(shared, log, stop)
        except PullError:
            return False
        if not stop.is_set():
            engine.rename(shared, recipe.tag)
            log(f"Image {recipe.tag} was found in the registry {self._registry}.")
        return not stop.is_set()

    def _build(self, engine: Engine, recipe: ImageRecipe, log: Log, stop: Event) -> None:
        try:
            with archive(recipe.files) as context:
                engine.build(context, recipe.dockerfile, recipe.tag, log, stop)
        finally:
            engine.remove_untagged(_STAGE.format(recipe.hash))
        if not stop.is_set():
            self._share(engine, recipe, log, stop)

    def _share(self, engine: Engine, recipe: ImageRecipe, log: Log, stop: Event) -> None:
        if not self._registry:
            return
        shared = f"{self._registry}/{recipe.tag}"
        try:
            engine.rename(recipe.tag, shared)
            engine.push(shared, log, stop)
        except EngineError as error:
            log(f"The image was built, but not pushed to {self._registry}: {error.detail}")

    def _use(self, recipe: ImageRecipe) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / recipe.hash
        file.touch()
        os.utime(file, (self._now(), self._now()))
