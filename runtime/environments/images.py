"""Docker images as the base of an environment: their identity, and what an image is built from.

A build context is the folder that a docker build is given. Conda dependencies on top of a
Dockerfile are steps at its end. Builds nothing itself.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from infra.contract.json_types import JsonObject
from runtime.model.environments import ImageSpec

MANY_FILES: Final = 100
LARGE_BYTES: Final = 1_000_000
"""A context with more than these is noted, as in Azure ML."""
ANY_PYTHON: Final = ">=3.8"
"""The Python of an environment that names none and is installed into an image: the image's own."""
_DOCKERFILE: Final = "Dockerfile"
_CONDA_FILE: Final = "aml-conda.yml"
_PREFIX: Final = "/opt/aml-environment"
_DIGITS: Final = 32
_STEPS: Final = f"""
COPY {_CONDA_FILE} {_PREFIX}.yml
RUN conda env create --quiet --prefix {_PREFIX} --file {_PREFIX}.yml && conda clean --all --yes
ENV PATH={_PREFIX}/bin:$PATH CONDA_PREFIX={_PREFIX}
"""


@dataclass(frozen=True, slots=True)
class BuildContext:
    """The files of a docker build by their paths: content, or the file that has it."""

    files: Mapping[str, bytes | Path]
    dockerfile: str = _DOCKERFILE

    @property
    def digest(self) -> str:
        """Return the first 32 hex digits of a SHA-256 over the files' paths and contents."""
        total = hashlib.sha256(self.dockerfile.encode())
        for path, content in sorted(self.files.items()):
            total.update(path.encode() + b"\0" + hashlib.sha256(_bytes(content)).digest())
        return total.hexdigest()[:_DIGITS]

    @property
    def note(self) -> str:
        """Return a sentence about a large context, ``""`` for any other."""
        size = sum(
            content.stat().st_size if isinstance(content, Path) else len(content)
            for content in self.files.values()
        )
        if len(self.files) <= MANY_FILES and size <= LARGE_BYTES:
            return ""
        return (
            f"The build context has {len(self.files)} files, {size / 1e6:.1f} MB: only what the"
            " Dockerfile copies should be in its folder."
        )


def image_name(image: ImageSpec) -> str:
    """Return the full name of an image to pull: with its registry's address."""
    name = image.name or ""
    address = image.registry.address.rstrip("/") if image.registry else ""
    return name if not address or name.startswith(f"{address}/") else f"{address}/{name}"


def image_identity(image: ImageSpec) -> JsonObject:
    """Return what makes an image another one. Reads the files of a build context."""
    if image.dockerfile is not None:
        lines = (line.rstrip() for line in image.dockerfile.strip().splitlines())
        return {"dockerfile": "\n".join(lines)}
    context = build_context(image, None)
    return {"context": context.digest} if context else {"name": image_name(image)}


def build_context(image: ImageSpec, conda: str | None) -> BuildContext | None:
    """Return what an image is built from; ``None`` for one that is pulled.

    ``conda`` is a document to install on top of it. Raises ``DefinitionError`` if the context or
    its Dockerfile is not there.
    """
    if image.context is not None:
        files, dockerfile = dict(_files(Path(image.context))), image.dockerfile_path
        if dockerfile not in files:
            raise DefinitionError(
                f"The build context {image.context} has no {dockerfile}.",
                remedy="Correct the path of the Dockerfile, which is relative to the context.",
                at=image.context,
            )
        text = _bytes(files[dockerfile]).decode("utf-8", errors="replace")
    elif image.dockerfile is not None:
        files, dockerfile, text = {}, _DOCKERFILE, image.dockerfile
        files[dockerfile] = text.encode()
    else:
        return None
    if conda is not None:
        files[dockerfile] = f"{text.rstrip()}\n{_STEPS}".encode()
        files[_CONDA_FILE] = conda.encode()
    return BuildContext(files, dockerfile)


def _files(folder: Path) -> Iterator[tuple[str, bytes | Path]]:
    if not folder.is_dir():
        raise DefinitionError(
            f"There is no folder {folder}, the build context of the environment.",
            remedy="Correct its path.",
            at=str(folder),
        )
    for above, _, names in os.walk(folder):
        for name in names:
            file = Path(above) / name
            if file.is_file():
                yield file.relative_to(folder).as_posix(), file


def _bytes(content: bytes | Path) -> bytes:
    return content.read_bytes() if isinstance(content, Path) else content
