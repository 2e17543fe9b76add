"""The images that were built for environments, and their removal. An engine knows no last use."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from docker.errors import APIError

from infra.contract.json_types import JsonObject
from runtime.targets.docker_engine import Client, asking
from runtime.targets.docker_packages import LABEL

_LABELS: Final = (LABEL, "aml.image")
_IN_USE: Final = 409


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image of ours. ``used`` is when it was made, in seconds since 1970; ``size`` is bytes."""

    id: str
    names: tuple[str, ...]
    used: float
    size: int

    @property
    def name(self) -> str:
        """Return its name, or its id if it has none any more."""
        return self.names[0] if self.names else self.id


def built_images(client: Client, host: str) -> list[BuiltImage]:
    """Return the engine's images that were built for environments, the newest first."""
    with asking(host):
        found: dict[str, JsonObject] = {
            each["Id"]: each
            for label in _LABELS
            for each in client.api.images(filters={"label": label})
        }
    images = (
        BuiltImage(key, tuple(each["RepoTags"] or ()), float(each["Created"]), int(each["Size"]))
        for key, each in found.items()
    )
    return sorted(images, key=lambda each: -each.used)


def discarder(client: Client, host: str) -> Callable[[BuiltImage], bool]:
    """Return what removes an image; it returns ``False`` for one that a container uses."""

    def discard(image: BuiltImage) -> bool:
        try:
            with asking(host):
                # A name at a time: an image with several is not removed by its id.
                for each in image.names or (image.id,):
                    _removed(client, each)
        except InUseError:
            return False
        return True

    return discard


class InUseError(Exception):
    """A container uses the image."""


def _removed(client: Client, name: str) -> None:
    try:
        client.api.remove_image(name)
    except APIError as error:
        if error.status_code == _IN_USE:
            raise InUseError from error
        raise
