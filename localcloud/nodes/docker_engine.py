"""A docker engine over docker's SDK: images and containers of jobs. The only user of the SDK here.

Images are built with the engine's own builder, which every engine has. Loaded when it is needed.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Final, Protocol

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import Mount

from infra.contract.errors import EnvironmentBuildError
from infra.contract.json_types import Document, JsonObject
from localcloud.nodes.engines import (
    ContainerSpec,
    EngineError,
    EngineImage,
    Log,
    Login,
    PullError,
)

_ANSWER_S: Final = 60.0
_LOOK_EVERY_S: Final = 0.05
_LAST_LINES: Final = 15
_OOM: Final = "\nThe container was killed because it used more than its memory limit ({} MiB).\n"
# The group of the command gets a signal, not its shell alone, which would not pass it on.
_INIT: Final = {"TINI_KILL_PROCESS_GROUP": "1"}
# An image need not have bash; scripts are started with it where they are started without an image.
_SHELL: Final = (
    'if command -v bash >/dev/null 2>&1; then exec bash -c "$0" >>"$1" 2>&1;'
    ' else exec sh -c "$0" >>"$1" 2>&1; fi'
)
_COUNTS: Final = "disk usage operation is already running"
_AGAIN_S: Final = 0.2
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")


def connect(address: str) -> "DockerEngine":
    """Return a connection to the engine. Raises ``EngineError`` if it cannot be used."""
    with _answering(f"be reached at {address}"):
        _require_answer(address)
        client = docker.APIClient(base_url=address, version="auto", timeout=_ANSWER_S)
        info = client.info()
    if info.get("OSType") != "linux":
        client.close()
        raise EngineError(
            f"The docker engine runs {info.get('OSType')} containers.",
            remedy="Switch it to Linux containers.",
        )
    return DockerEngine(client, address, info)


def _require_answer(address: str) -> None:
    """Raise ``OSError`` if nobody listens. The SDK would leave a socket open, and ask again."""
    scheme, _, place = address.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_ANSWER_S)
            probe.connect(place)


@contextmanager
def _answering(what: str) -> Iterator[None]:
    try:
        yield
    except (DockerException, OSError) as error:
        raise EngineError(
            f"The docker engine cannot {what}: {_says(error)}.",
            remedy="Check that the engine runs and that this user may use it: `docker info`.",
        ) from error


def _says(error: Exception) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split())


class DockerEngine:
    """Implements ``localcloud.nodes.engines.Engine``."""

    def __init__(self, client: docker.APIClient, address: str, info: Document) -> None:
        self._client = client
        self._address = address
        self._info = info
        self._logins: Sequence[Login] = ()

    def close(self) -> None:
        self._client.close()

    # --- images

    def use(self, logins: Sequence[Login]) -> None:
        self._logins = tuple(logins)

    def has(self, image: str) -> bool:
        with _answering(f"look for {image}"):
            try:
                self._client.inspect_image(image)
            except ImageNotFound:
                return False
        return True

    def pull(self, image: str, log: Log, stop: Event) -> None:
        def work(client: docker.APIClient) -> None:
            found = next((e for e in self._logins if image.startswith(f"{e.registry}/")), None)
            login = {"username": found.username, "password": found.password} if found else None
            for line in client.pull(image, stream=True, decode=True, auth_config=login):
                if line.get("error"):
                    raise PullError(image, " ".join(str(line["error"]).split()))
                if line.get("status") and not line.get("progressDetail"):
                    log(" ".join(filter(None, (line.get("id"), line["status"]))))

        try:
            self._interruptible(work, stop)
        except (DockerException, OSError) as error:
            raise PullError(image, _says(error)) from error

    def build(self, context: IO[bytes], dockerfile: str, tag: str, log: Log, stop: Event) -> None:
        lines: list[str] = []

        def shown(text: str) -> None:
            for each in text.splitlines():
                lines.append(each)
                log(each)

        def work(client: docker.APIClient) -> None:
            for login in self._logins:
                with suppress(DockerException):  # one that the Dockerfile needs fails there
                    client.login(login.username, login.password, registry=login.registry)
            answers = client.build(
                fileobj=context, custom_context=True, dockerfile=dockerfile, tag=tag, rm=True,
                forcerm=True, decode=True, buildargs=_proxies(),
            )  # fmt: skip
            for line in answers:
                if line.get("error"):
                    shown(str(line["error"]))
                    raise EnvironmentBuildError(
                        "The image cannot be built. Its last lines:\n"
                        + "\n".join(lines[-_LAST_LINES:]),
                        remedy="Correct the Dockerfile or the packages of the environment.",
                    )
                shown(str(line.get("stream") or ""))

        with _answering("build an image"):
            self._interruptible(work, stop)

    def rename(self, image: str, to: str) -> None:
        with _answering(f"name {image}"):
            self._client.tag(image, to)

    def push(self, image: str, log: Log, stop: Event) -> None:
        def work(client: docker.APIClient) -> None:
            for line in client.push(image, stream=True, decode=True):
                if line.get("error"):
                    raise DockerException(line["error"])

        with _answering(f"push {image}"):
            self._interruptible(work, stop)
        log(f"Pushed {image}")

    def images(self, repository: str) -> Sequence[EngineImage]:
        with _answering("list images"):
            found = self._disk_usage().get("Images") or []
        return [
            EngineImage(tag, int(each["Size"]) - max(0, int(each.get("SharedSize") or 0)))
            for each in found
            for tag in each.get("RepoTags") or ()
            if tag.rpartition(":")[0] == repository
        ]

    def _disk_usage(self) -> Document:
        """Ask again while the engine counts for somebody else: it does that for one at a time."""
        until = time.monotonic() + _ANSWER_S
        while True:
            try:
                usage: Document = self._client.df()
            except APIError as error:
                if _COUNTS not in _says(error) or time.monotonic() > until:
                    raise
                time.sleep(_AGAIN_S)
            else:
                return usage

    def remove_image(self, tag: str) -> bool:
        try:
            self._client.remove_image(tag)
        except (DockerException, OSError):
            return False
        return True

    def remove_untagged(self, label: str) -> None:
        with _answering("list images"):
            found = self._client.images(quiet=True, filters={"dangling": True, "label": label})
        for image in found:
            self.remove_image(image)

    def _interruptible(self, work: Callable[[docker.APIClient], None], stop: Event) -> None:
        """Do something that takes long, on a connection of its own that ``stop`` ends.

        An engine gives up a build or a pull whose client is gone.
        """
        answers: list[_Answer] = []
        client = docker.APIClient(base_url=self._address, version=self._client.api_version)
        client.timeout = None
        client.hooks["response"].append(lambda answer, **_: answers.append(answer))
        with closing(client), ThreadPoolExecutor(1, "docker") as pool:
            doing = pool.submit(work, client)
            while wait([doing], _LOOK_EVERY_S).not_done:
                for answer in answers if stop.is_set() else ():
                    with suppress(Exception):
                        answer.raw.shutdown()
            for answer in answers:
                answer.close()
        if not stop.is_set():
            doing.result()

    # --- containers

    def start(self, spec: ContainerSpec) -> "DockerContainer":
        with _answering(f"start a container of {spec.image}"):
            self._client.create_container(
                spec.image,
                entrypoint=["/bin/sh", "-c", _SHELL],
                command=[spec.command, str(spec.log)],
                name=spec.name,
                user=self._user,
                working_dir=str(spec.folder),
                environment={**_INIT, **spec.variables},
                labels=dict(spec.labels),
                host_config=self._client.create_host_config(**self._host(spec)),
            )
            try:
                self._client.start(spec.name)
            except (DockerException, OSError):
                self.remove(spec.name)
                raise
        return DockerContainer(self, spec)

    def remove(self, name: str) -> bool:
        with _answering(f"remove {name}"), suppress(NotFound):
            self._client.remove_container(name, force=True, v=True)
            return True
        return False

    def signal(self, name: str, signal: str) -> None:
        """Send a signal to the processes of a container that still runs."""
        with suppress(DockerException, OSError):
            self._client.kill(name, signal)

    def state(self, name: str) -> Document:
        """Return docker's state of a container."""
        with _answering(f"look at {name}"):
            found: Document = self._client.inspect_container(name)["State"]
        return found

    @property
    def _user(self) -> str:
        """The user of this process, whose files a job writes.

        In an engine of an unprivileged user, that user is root inside.
        """
        rootless = any("rootless" in str(each) for each in self._info.get("SecurityOptions") or ())
        return "0:0" if rootless else f"{os.getuid()}:{os.getgid()}"

    def _host(self, spec: ContainerSpec) -> JsonObject:
        return {
            "network_mode": "host",
            "init": True,
            "mounts": [
                Mount(str(path), str(path), type="bind", read_only=not writes)
                for path, writes in spec.mounts.items()
            ],
            **self._limits(spec),
            **spec.host,
        }

    def _limits(self, spec: ContainerSpec) -> JsonObject:
        """Return the limits that this engine accepts: no more cores than the machine has."""
        wanted, info, limits = spec.limits, self._info, dict[str, object]()
        if wanted.cpus and info.get("CpuCfsQuota"):
            limits["nano_cpus"] = min(wanted.cpus, int(info.get("NCPU") or 1)) * 10**9
        total = int(info.get("MemTotal") or 0)
        if wanted.memory_bytes and total and info.get("MemoryLimit"):
            limits["mem_limit"] = min(wanted.memory_bytes, total)
        if wanted.gpus and "nvidia" in (info.get("Runtimes") or {}):
            limits["device_requests"] = [{"Count": -1, "Capabilities": [["gpu"]]}]
        return limits


class _Raw(Protocol):
    """A connection that is being read, as urllib3 has it."""

    def shutdown(self) -> None:
        """End the reading, in whatever thread it is."""


class _Answer(Protocol):
    """A response, as requests has it."""

    raw: _Raw

    def close(self) -> None: ...


@dataclass(slots=True)
class DockerContainer:
    """Implements ``localcloud.nodes.engines.Container``."""

    engine: DockerEngine
    spec: ContainerSpec
    _code: int | None = None
    _closed: bool = False

    @property
    def exit_code(self) -> int | None:
        if self._code is None and not self._closed:
            state = self.engine.state(self.spec.name)
            if not state.get("Running"):
                self._code = int(state.get("ExitCode") or 0)
                self._explain(state)
        return self._code

    def wait(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.exit_code is None and not self._closed:
            if time.monotonic() >= deadline:
                return False
            time.sleep(min(_LOOK_EVERY_S, max(0.0, deadline - time.monotonic())))
        return True

    def end(self, grace_s: float) -> None:
        self.engine.signal(self.spec.name, "SIGTERM")
        self.wait(grace_s)
        self.close()

    def close(self) -> None:
        if not self._closed:
            self.engine.remove(self.spec.name)
            self._closed = True

    def _explain(self, state: Document) -> None:
        """Write into the log why the engine killed the command, or did not start it."""
        if state.get("OOMKilled"):
            _append(self.spec.log, _OOM.format(self.spec.limits.memory_bytes >> 20))
        if state.get("Error"):
            _append(self.spec.log, f"\n{state['Error']}\n")


def _append(log: Path, text: str) -> None:
    with log.open("a", encoding="utf-8") as sink:
        sink.write(text)


def _proxies(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the proxies of this machine, which a build needs as well; docker keeps them out."""
    names = {*_PROXIES, *(name.lower() for name in _PROXIES)}
    return {name: value for name, value in environ.items() if name in names}
