"""The docker engine: how it is reached, and what is wrong when it does not answer.

The only module that opens a client. Credentials of registries are passed with a call, never kept.
"""

import getpass
import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, TLSParameterError
from docker.tls import TLSConfig

from infra.contract.errors import PlatformError, UnreachableError, UsageError
from infra.contract.json_types import Document

Client: TypeAlias = "docker.DockerClient"
SOCKET: Final = "unix:///var/run/docker.sock"
_UNIX: Final = "unix://"
_LOCAL: Final = (_UNIX, "npipe://")
_KNOCK_S: Final = 10.0
_DEVICES: Final = Path("/dev")
_HOOK: Final = "nvidia-container-runtime-hook"


class NoEngineError(UnreachableError):
    """The engine does not answer, or this user may not use it."""

    summary = "Docker engine not usable"


class RefusedError(PlatformError):
    """The engine refused a request; ``detail`` has its words."""

    summary = "Refused by the docker engine"


def engine_settings(environ: Mapping[str, str] = os.environ) -> Document:
    """Return how the engine of this shell is reached, as the docker command finds it.

    ``DOCKER_HOST``, else the current context, else the socket of this machine. ``certificates`` is
    the folder of `DOCKER_TLS_VERIFY`.
    """
    host = environ.get("DOCKER_HOST") or _context_host() or SOCKET
    verifies = environ.get("DOCKER_TLS_VERIFY")
    folder = environ.get("DOCKER_CERT_PATH") or str(Path("~/.docker").expanduser())
    return {"host": host, "certificates": folder if verifies else ""}


def open_engine(settings: Document) -> Client:
    """Return a client of an engine that answers. Raises ``NoEngineError`` that says how to fix it.

    ``settings`` are those of ``engine_settings``.
    """
    host, folder = str(settings["host"]), str(settings.get("certificates") or "")
    try:
        certificates = TLSConfig(
            client_cert=(f"{folder}/cert.pem", f"{folder}/key.pem"),
            ca_cert=f"{folder}/ca.pem",
            verify=True,
        )
    except TLSParameterError:
        certificates = False
    try:
        _knock(host)
        return docker.DockerClient(
            base_url=host,
            version="auto",
            tls=certificates if folder else False,
            use_ssh_client=host.startswith("ssh://"),
        )
    except (DockerException, requests.RequestException, OSError) as error:
        raise engine_problem(host, error) from error


def is_here(settings: Document) -> bool:
    """Return whether the engine is on this machine."""
    return str(settings["host"]).startswith(_LOCAL)


def engine_problem(host: str, error: BaseException) -> NoEngineError:
    """Return what is wrong with an engine, from the error of a client."""
    causes = tuple(_causes(error))
    if _is(causes, PermissionError):
        return NoEngineError(
            f"This user ({getpass.getuser()}) is not permitted to use the docker engine at {host}.",
            remedy="Run `sudo usermod -aG docker $USER` and log in again, or set DOCKER_HOST to an"
            " engine of your own (rootless docker).",
        )
    if host.startswith(_LOCAL) and _is(causes, FileNotFoundError):
        return NoEngineError(
            f"There is no docker engine on this machine: {host} does not exist.",
            remedy="Install it (on Debian and Ubuntu `sudo apt-get install docker.io`) and start it"
            " (`sudo systemctl start docker`), or set DOCKER_HOST to another engine.",
        )
    if host.startswith(_LOCAL) and _is(causes, ConnectionRefusedError):
        return NoEngineError(
            f"The docker engine at {host} is not running.",
            remedy="Start it with `sudo systemctl start docker`.",
        )
    said = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    return NoEngineError(
        f"The docker engine at {host} does not answer: {said}",
        remedy="Check that `docker version` works in this shell; DOCKER_HOST names the engine.",
    )


@contextmanager
def asking(host: str) -> Iterator[None]:
    """Say in words of ours what an engine refuses, and that it does not answer."""
    try:
        yield
    except APIError as error:
        said = " ".join(str(error.explanation or error).split())
        raise RefusedError(
            f"The docker engine says: {said}",
            remedy="Change what the message names.",
        ) from error
    except (requests.RequestException, OSError) as error:
        raise engine_problem(host, error) from error


def require_gpus(
    client: Client, settings: Document, asked: str, at: str | None, count: int = 1
) -> None:
    """Raise ``UsageError`` if the engine has no GPU to give, or fewer than ``count``.

    ``asked`` is what asks for them. How many another machine has, only the run itself finds.
    """
    host = settings["host"]
    with asking(str(host)):
        has_runtime = "nvidia" in client.info().get("Runtimes", {})
    here = is_here(settings)
    if has_runtime or (here and shutil.which(_HOOK)):
        found = devices()
        if not here or found >= max(count, 1):
            return
        raise UsageError(
            f"The run asks for GPUs (`{asked}`), and this machine has {found or 'none'}"
            f" ({_DEVICES}/nvidia*).",
            remedy="Install the NVIDIA driver, choose a target with GPUs, or ask for none.",
            at=at,
        )
    raise UsageError(
        f"The run asks for GPUs (`{asked}`), and the docker engine at {host} has no NVIDIA"
        " runtime.",
        remedy="Install the NVIDIA driver and the NVIDIA Container Toolkit, run `sudo nvidia-ctk"
        " runtime configure --runtime=docker` and restart the engine, or ask for none.",
        at=at,
    )


def sees_gpus(client: Client, settings: Document) -> bool:
    """Return whether a run sees the GPUs of the engine's machine without asking for them."""
    here = is_here(settings) and bool(devices())
    return here and "nvidia" in client.info().get("Runtimes", {})


def devices() -> int:
    """Return how many GPUs of NVIDIA this machine has, with a driver."""
    return len(list(_DEVICES.glob("nvidia[0-9]*")))


def _knock(host: str) -> None:
    """Connect to a socket of this machine: the SDK forgets to close one that refuses."""
    if host.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_KNOCK_S)
            probe.connect(host.removeprefix(_UNIX))


def _context_host() -> str:
    try:
        context = ContextAPI.get_current_context()
        return str(context.Host or "") if context is not None else ""
    except (DockerException, OSError, ValueError, KeyError):
        return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what caused it, also as the arguments of the one above."""
    seen: set[int] = set()
    waiting: list[BaseException] = [error]
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        within = (each for each in found.args if isinstance(each, BaseException))
        nested = [found.__cause__, found.__context__, *within, getattr(found, "reason", None)]
        waiting += [each for each in nested if isinstance(each, BaseException)]


def _is(causes: tuple[BaseException, ...], kind: type[BaseException]) -> bool:
    return any(
        isinstance(each, kind) or any(isinstance(part, kind) for part in each.args)
        for each in causes
    )
