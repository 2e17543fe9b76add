"""Docker engines as the nodes see them, and how one is found. Imports no SDK.

An engine must share this machine's files and network: a job's folder is mounted into its container,
and the script reaches the cloud on loopback.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import IO, Final, Protocol

from infra.contract.errors import EnvironmentBuildError, MissingExtraError, PlatformError
from infra.contract.load import load

SWITCH: Final = "AML_CLOUD_CONTAINERS"
"""The variable that turns containers off."""
_OFF: Final = frozenset({"off", "0", "no", "false", "never"})
_HOST: Final = "DOCKER_HOST"
_ENGINE: Final = "localcloud.nodes.docker_engine:connect"

Log = Callable[[str], None]
"""Receives one line, without its newline."""


class EngineError(PlatformError):
    """The docker engine refuses something, or does not answer."""

    summary = "Docker engine"
    exit_code = 3


class PullError(EnvironmentBuildError):
    """An image cannot be pulled. ``reason`` is a clause."""

    def __init__(self, image: str, reason: str) -> None:
        super().__init__(
            f"The image {image} cannot be pulled: {reason}.",
            remedy="Check its name, or sign in to its registry with `docker login`.",
        )
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Login:
    """What an engine signs in to a registry (``HOST`` or ``HOST:PORT``) with."""

    registry: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use: ``cpus`` cores, ``memory_bytes``; 0 is no limit."""

    cpus: int = 0
    memory_bytes: int = 0
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """A container to start: a shell command in a folder.

    ``mounts`` are paths of this machine, at the same place in the container; the value says whether
    it may write there. ``host`` are further options of docker's API, which win.
    """

    name: str
    image: str
    command: str
    folder: Path
    log: Path
    variables: Mapping[str, str]
    mounts: Mapping[Path, bool]
    limits: Limits = field(default_factory=Limits)
    labels: Mapping[str, str] = field(default_factory=dict)
    host: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image of an engine; ``size`` in bytes, without the layers that others have too."""

    tag: str
    size: int


class Container(Protocol):
    """A running container, used as a process is."""

    @property
    def exit_code(self) -> int | None:
        """The exit code of its command; ``None`` while it runs."""

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for the command to end; return whether it has."""

    def end(self, grace_s: float) -> None:
        """Send its processes SIGTERM, and remove it after ``grace_s``."""

    def close(self) -> None:
        """Remove it, with whatever it still runs."""


class Engine(Protocol):
    """One connection to an engine. Every method raises ``EngineError`` if it does not answer."""

    def use(self, logins: Sequence[Login]) -> None:
        """Pull with these from now on, also while it builds."""

    def has(self, image: str) -> bool:
        """Return whether the engine has an image."""

    def pull(self, image: str, log: Log, stop: Event) -> None:
        """Pull an image. Raises ``PullError``; returns early once ``stop`` is set."""

    def build(self, context: IO[bytes], dockerfile: str, tag: str, log: Log, stop: Event) -> None:
        """Build an image from a tar archive. Raises ``EnvironmentBuildError``.

        Ends early, without an image, once ``stop`` is set.
        """

    def rename(self, image: str, to: str) -> None:
        """Give an image a further name."""

    def push(self, image: str, log: Log, stop: Event) -> None:
        """Push an image to the registry in its name. Raises ``EngineError``."""

    def images(self, repository: str) -> Sequence[EngineImage]:
        """Return the images of one repository."""

    def remove_image(self, tag: str) -> bool:
        """Remove an image; ``False`` if a container uses it."""

    def remove_untagged(self, label: str) -> None:
        """Remove the images without a name that have a label (``KEY=VALUE``)."""

    def start(self, spec: ContainerSpec) -> Container:
        """Start a container. Raises ``EngineError`` if it cannot be."""

    def remove(self, name: str) -> bool:
        """Remove a container with all it runs; ``False`` if there is none."""

    def close(self) -> None:
        """Close the connection."""


def engine_address(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Return the engine's address and why it cannot be used; one of both is empty.

    ``DOCKER_HOST`` names it; else it is the first socket of the usual places.
    """
    if environ.get(SWITCH, "").strip().lower() in _OFF:
        return "", f"containers are switched off ({SWITCH}={environ[SWITCH]})"
    given = environ.get(_HOST, "").strip()
    if given:
        scheme, _, rest = given.partition("://")
        host = rest.rpartition("@")[2].partition(":")[0].partition("/")[0]
        if scheme == "unix" or (scheme == "tcp" and host in {"127.0.0.1", "localhost"}):
            return given, ""
        return "", f"the engine at {given} is not on this machine, whose folders a job needs"
    home, runtime = environ.get("HOME", ""), environ.get("XDG_RUNTIME_DIR", "")
    places = [
        "/var/run/docker.sock",
        *([f"{runtime}/docker.sock"] if runtime else []),
        *([f"{home}/.docker/run/docker.sock"] if home else []),
    ]
    found = next((place for place in places if Path(place).exists()), None)
    return (f"unix://{found}", "") if found else ("", "there is no docker engine on this machine")


def connect_engine(environ: Mapping[str, str] = os.environ) -> tuple[Engine | None, str]:
    """Return a connection to the engine of this machine, or why there is none."""
    address, problem = engine_address(environ)
    if problem:
        return None, problem
    try:
        engine: Engine = load(_ENGINE, extra="docker")(address)
    except MissingExtraError as error:
        return None, f"docker's SDK is not installed: {error.remedy.rstrip('.')}"
    except EngineError as error:
        return None, error.detail[:1].lower() + error.detail[1:].rstrip(".")
    return engine, ""
