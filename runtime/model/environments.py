"""What is installed for a run, as declared by the user: packages, image, Spark packages.

All values are frozen; nothing here reads a file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

DEFAULT_IMAGE: Final = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
"""The base image of Azure ML's own examples."""
_BASE_IMAGE: Final = re.compile(
    r"mcr\.microsoft\.com/azureml/(base|intelmpi|openmpi|minimal)[\w.\-]*([:@].*)?", re.IGNORECASE
)
LOCK_PROPERTY: Final = "aml.environment.lock"
"""The property of a run that names its resolved lock, by the SHA-256 of its text."""


def is_base_image(name: str) -> bool:
    """Return whether an image is one of Azure ML's with conda, Python and MPI, and nothing else.

    Microsoft's SDKs write one into every environment for which nobody chose an image.
    """
    return _BASE_IMAGE.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Registry:
    """A private image registry. ``password`` is a reference (``env:``, ``file:``) or a secret."""

    address: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ImageSpec:
    """What an environment's image is made from; exactly one of the three is set.

    ``name``: an image to pull. ``dockerfile``: the text of a Dockerfile. ``context``: a folder with
    a Dockerfile, whose path in it is ``dockerfile_path``.
    """

    name: str | None = None
    dockerfile: str | None = None
    context: str | None = None
    dockerfile_path: str = "Dockerfile"
    registry: Registry | None = None


@dataclass(frozen=True, slots=True)
class MavenPackage:
    """A package that Spark loads from a Maven repository."""

    group: str
    artifact: str
    version: str


@dataclass(frozen=True, slots=True)
class SparkPackages:
    """The packages of a PySpark run, and the Maven repositories they are loaded from."""

    repositories: tuple[str, ...] = ()
    packages: tuple[MavenPackage, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """What is installed for a run, as declared by the user.

    ``user_managed``: ``interpreter`` is used as it is and nothing is built. Otherwise exactly one
    of ``conda`` (the text of a conda YAML document) and ``requirements`` (the text of a pip
    requirements file) is set. ``image`` is what they are installed into on targets that run
    containers; with ``user_managed``, the image's interpreter is used. ``registered``: it is the
    environment ``name`` of the workspace, or of ``registry``, in ``version`` (``None``: the
    latest), as it is defined there; nothing else but ``variables`` is set. ``python`` overrides the
    document's Python version. ``source`` is the file it came from, for messages, and
    ``lines_above`` how many of its lines are above those of ``conda``. ``name`` and ``version`` are
    not part of the identity. ``keep_azureml``: Microsoft's SDK packages are installed as declared;
    without it, they are left out. ``lock`` is the text of a resolved lock, whose exact versions are
    installed.
    """

    kind: Literal["user_managed", "conda", "pip", "registered"]
    interpreter: str | None = None
    conda: str | None = None
    requirements: str | None = None
    python: str | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    name: str | None = None
    version: str | None = None
    image: ImageSpec | None = None
    spark: SparkPackages | None = None
    registry: str | None = None
    keep_azureml: bool = True
    lock: str | None = None
    lines_above: int = 0
