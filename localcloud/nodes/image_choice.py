"""Decides how a job's environment is provided: in a container, or without its image. Pure.

The image of an environment is used where a docker engine is; without one, the conda part is built
with uv on the node, and the run says that the image was not used.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

from runtime.model.environments import is_base_image

Way = Literal["pull", "build", "uv", "node"]
_AZURE: Final = re.compile(r"mcr\.microsoft\.com/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """What an environment has: the name of an image, a build context, a conda file."""

    image: str = ""
    build: bool = False
    conda: bool = False

    @property
    def named(self) -> str:
        """The image, for a sentence."""
        return f"The image {self.image}" if self.image else "The image of the build context"


@dataclass(frozen=True, slots=True)
class Choice:
    """How an environment is provided.

    ``pull``: in a container of the image as it is. ``build``: in a container of an image that is
    built first. ``uv``: the conda part is built on the node. ``node``: the node's own Python.
    ``unused`` says why an image that the environment names is not used. With ``refused``, nothing
    can provide the environment, and the job fails with that reason.
    """

    way: Way
    unused: str = ""
    refused: str = ""


def choose(asked: ImageRequest, *, engine_problem: str, present: bool) -> Choice:
    """Return how to provide an environment.

    ``engine_problem`` says why no engine can be used, ``""`` if one can. ``present``: the engine
    has the image already.
    """
    if not asked.image and not asked.build:
        return _without(asked, "")
    if engine_problem:
        return _without(asked, engine_problem)
    if asked.build:
        return Choice("build")
    if is_base_image(asked.image) and not present:
        return _without(
            asked,
            "it is a base image of Azure ML, with conda and Python only, and several gigabytes"
            f" large. After `docker pull {asked.image}` jobs run in it",
        )
    return Choice("build" if asked.conda else "pull")


def after_failed_pull(asked: ImageRequest, reason: str) -> Choice:
    """Return how to provide an environment whose image cannot be pulled.

    Images of Microsoft's registry are replaced, as they can be pulled nowhere offline. A person's
    own image is what the job was meant to run in, so the job fails.
    """
    if _AZURE.match(asked.image):
        return _without(asked, f"it cannot be pulled: {reason}")
    return Choice("pull", refused=f"{asked.named} cannot be pulled: {reason}")


def _without(asked: ImageRequest, reason: str) -> Choice:
    unused = f"{asked.named} was not used: {reason}." if reason else ""
    if asked.conda:
        return Choice("uv", unused)
    if asked.build:
        return Choice(
            "node",
            refused="The environment is built from a Dockerfile and has no conda file, so it needs"
            f" a docker engine: {reason}.",
        )
    return Choice("node", unused)
