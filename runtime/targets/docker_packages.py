"""Packages of an environment, installed into an image once for each definition.

A container of the base image installs them, and its result is committed: the requirements, which
may have credentials, are on a volume and in no layer. The result is `aml-environment:<hash>`.
"""

import fcntl
import platform
import shlex
import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

from docker.errors import NotFound
from docker.types import Mount

from infra.contract.errors import EnvironmentBuildError
from infra.contract.private import private_file, private_folder
from runtime.agent.installed import BUILT as LOCK_FILE
from runtime.environments.conda_tools import TOOLS
from runtime.environments.images import ANY_PYTHON
from runtime.environments.lock_store import FOLDER as LOCKS
from runtime.environments.lock_store import LockStore
from runtime.environments.locking import LockedEnvironment, lock
from runtime.environments.pythons import InstalledPython, fits
from runtime.environments.resolved import ResolvedLock, changes, locked_lines, resolved_lock
from runtime.environments.uv_builder import (
    compile_argv,
    install_argv,
    redacting,
    uv_binary,
    venv_argv,
)
from runtime.model.environments import EnvironmentSpec
from runtime.targets.docker_archives import Packed, entries, packed
from runtime.targets.docker_engine import Client, asking
from runtime.targets.docker_images import ImageFacts, ImagePython, Images, Log
from runtime.targets.docker_streams import EngineStream, FrameReader
from runtime.targets.places import StoppedError

REPOSITORY: Final = "aml-environment"
LABEL: Final = "aml.environment"
LOCK_LABEL: Final = "aml.lock"
PREFIX: Final = "/opt/aml-environment"
_BUILD: Final = "/aml-build"
_SCRIPT: Final = Path(_BUILD, "build.sh")
_UV: Final = Path(_BUILD, "uv")
_REQUIREMENTS: Final = Path(_BUILD, "requirements.in")
_OPTIONS: Final = Path(_BUILD, "options.in")
_PINS: Final = Path(_BUILD, "pins.txt")
_DOCUMENT: Final = Path(_BUILD, "environment.yml")
_MACHINES: Final = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_VARIABLES: Final = {
    "UV_CACHE_DIR": f"{_BUILD}/cache",
    "UV_LINK_MODE": "copy",
    "UV_NO_CONFIG": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_INSTALL_DIR": "/opt/aml-python",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_CACHE_DIR": "1",
    "CONDA_PKGS_DIRS": f"{_BUILD}/conda",
}
_GET_UV: Final = f"""\
if ! {_UV} --version >/dev/null 2>&1; then
  rm -f {_UV}
  found=$(command -v uv || true)
  if [ -z "$found" ]; then
    $(command -v python3 || command -v python) -m venv {_BUILD}/tool
    {_BUILD}/tool/bin/pip install --quiet uv
    found={_BUILD}/tool/bin/uv
  fi
  ln -s "$found" {_UV}
fi"""
_LOOK_EVERY_S: Final = 0.1
_LAST_LINES: Final = 15


@dataclass(frozen=True, slots=True)
class Packaged:
    """An image with an environment's packages. ``lock`` is the digest of its resolved lock."""

    name: str
    reused: bool
    lock: str | None = None
    changed: tuple[str, ...] = ()


def locked_for_image(spec: EnvironmentSpec, *, with_conda: bool = True) -> LockedEnvironment:
    """Lock an environment that is installed into an image; its Python is the image's by default."""
    return lock(spec, default_python=ANY_PYTHON, with_conda=with_conda)


def packaged_name(locked: LockedEnvironment) -> str:
    """Return the name of the image with an environment's packages."""
    exact = f"-{locked.resolved.digest[:12]}" if locked.resolved else ""
    return f"{REPOSITORY}:{locked.hash}{exact}"


class Packages:
    """Installs packages with one engine. ``home`` is the ``.aml`` folder."""

    def __init__(self, client: Client, host: str, home: Path, log: Log, stop: Event) -> None:
        self._client = client
        self._host = host
        self._home = home
        self._log = log
        self._stop = stop
        self._images = Images(client, host, home, log, stop)
        self._locks = LockStore(home / LOCKS)

    def image(self, spec: EnvironmentSpec) -> Packaged:
        """Return the image of an environment; build it, and its base, if it is not there.

        Raises ``EnvironmentBuildError`` with the last lines of the build, ``DefinitionError`` for
        what is wrong with the definition, and ``StoppedError``.
        """
        image = spec.image
        if image is None:
            raise AssertionError("an environment of a container has an image")
        name = packaged_name(locked_for_image(spec))
        with self._alone(name):
            if self._images.there(name):
                self._log(f"The image {name} is already built.")
                return Packaged(name, reused=True, lock=self._label(name))
            started = time.monotonic()
            base = self._images.base(image, spec.source)
            facts = self._images.facts(base, "0:0")
            locked = locked_for_image(spec, with_conda=bool(facts.conda))
            self._log(f"Installing {spec.source or 'the packages'} into {base}")
            found = self._installed(name, base, facts, locked)
            self._log(f"The image {name} was built in {time.monotonic() - started:.1f} s")
            return found

    def _installed(
        self, name: str, base: str, facts: ImageFacts, locked: LockedEnvironment
    ) -> Packaged:
        shown = redacting(locked, self._log)
        for note in locked.notes:
            shown(note)
        python = _fitting(facts, locked)
        last: deque[str] = deque(maxlen=_LAST_LINES)
        labels = {"aml.build": name}
        with asking(self._host):
            container = self._client.api.create_container(
                base,
                [str(_SCRIPT)],
                entrypoint=["sh"],
                user="0:0",
                working_dir="/",
                labels=labels,
                name=f"aml-build-{locked.hash[:12]}-{uuid.uuid4().hex[:8]}",
                host_config=self._client.api.create_host_config(
                    # A volume is no part of what is committed.
                    mounts=[Mount(_BUILD, None, type="volume")],
                    init=True,
                ),
            )["Id"]
            try:
                self._send(container, base, locked, _script(locked, python, facts.conda))
                for line in self._lines(container):
                    last.append(shown(line))
                code = self._client.api.wait(container)["StatusCode"]
                if code:
                    raise _failed(
                        base, facts, locked, has_python=python is not None, code=code, last=last
                    )
                return self._committed(container, name, base, locked, python)
            finally:
                with suppress(NotFound):
                    self._client.api.remove_container(container, v=True, force=True)

    def _send(self, container: str, base: str, locked: LockedEnvironment, script: str) -> None:
        lines = locked_lines(locked.resolved, locked.lines) if locked.resolved else locked.lines
        same = self._client.images.get(base).attrs.get("Architecture") == _MACHINES.get(
            platform.machine()
        )

        def fill(archive: Packed) -> None:
            text = "\n".join(lines) + "\n"
            archive.text(_within(_SCRIPT), script.encode(), secret=True)
            archive.text(_within(_REQUIREMENTS), text.encode(), secret=True)
            options = "".join(f"{line}\n" for line in lines if line.startswith("-"))
            archive.text(_within(_OPTIONS), options.encode(), secret=True)
            if locked.conda is not None:
                archive.text(_within(_DOCUMENT), locked.conda.encode(), secret=True)
            elif same and platform.system() == "Linux":
                archive.file(_within(_UV), uv_binary(), program=True)

        with packed((0, 0), fill) as (archive, _):
            self._client.api.put_archive(container, _BUILD, archive)

    def _lines(self, container: str) -> Iterator[str]:
        """Start the container and yield what it says; kill it if the run is canceled."""
        answer = self._client.api.attach_socket(
            container, params={"stdout": 1, "stderr": 1, "stream": 1, "logs": 1}
        )
        stream = EngineStream(answer)
        reader = FrameReader(stream, merged=True)
        try:
            self._client.api.start(container)
            while not reader.ended:
                if self._stop.is_set():
                    raise StoppedError
                reader.wait(_LOOK_EVERY_S)
                while line := reader.line():
                    yield reader.take(len(line)).decode(errors="replace").rstrip()
        finally:
            stream.close()

    def _committed(
        self,
        container: str,
        name: str,
        base: str,
        locked: LockedEnvironment,
        python: ImagePython | None,
    ) -> Packaged:
        resolved, changed = self._lock(container, base, locked, python)
        if resolved is not None:
            self._leave(container, resolved)
        path = self._images.variables(base).get("PATH", "/usr/local/bin:/usr/bin:/bin")
        activated = "CONDA_PREFIX" if locked.conda else "VIRTUAL_ENV"
        settings = [
            f"ENV PATH={PREFIX}/bin:{path}",
            f"ENV {activated}={PREFIX}",
            f"LABEL {LABEL}={locked.hash}",
            *([f"LABEL {LOCK_LABEL}={resolved.digest}"] if resolved else []),
            "ENTRYPOINT []",
            'CMD ["sh"]',
            f"USER {self._images.user(base) or '0'}",
        ]
        repository, _, tag = name.partition(":")
        self._client.api.commit(container, repository=repository, tag=tag, changes=settings)
        digest = resolved.digest if resolved else None
        return Packaged(name, reused=False, lock=digest, changed=changed)

    def _lock(
        self, container: str, base: str, locked: LockedEnvironment, python: ImagePython | None
    ) -> tuple[ResolvedLock | None, tuple[str, ...]]:
        """Keep the exact versions that were installed; return them, and what has changed."""
        if locked.conda is not None:
            return None, ()
        if locked.resolved is not None:
            self._locks.keep(locked.resolved)
            return locked.resolved, ()
        pieces, _ = self._client.api.get_archive(container, str(_PINS))
        text = next((c.read().decode() for _, c in entries(pieces) if c is not None), "")
        version = ".".join(map(str, python.version)) if python else locked.python
        machine = self._client.images.get(base).attrs.get("Architecture")
        resolved = resolved_lock(
            text, environment=locked.hash, python=version, platform=f"linux {machine}"
        )
        before = self._locks.last(locked.unresolved_key)
        self._locks.remember(locked.unresolved_key, resolved)
        changed = changes(before, resolved) if before else ()
        return resolved, changed

    def _leave(self, container: str, resolved: ResolvedLock) -> None:
        """Leave the lock in the image, where the agent finds it."""
        with packed((0, 0), lambda archive: archive.text(LOCK_FILE, resolved.text.encode())) as (
            archive,
            _,
        ):
            self._client.api.put_archive(container, PREFIX, archive)

    def _label(self, name: str) -> str | None:
        with asking(self._host):
            labels: dict[str, str] = self._client.images.get(name).labels
        return labels.get(LOCK_LABEL)

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        """Keep other runs of this project from building the same image meanwhile."""
        folder = private_folder(self._home / "docker" / "locks")
        with private_file(folder / name.replace(":", "-")).open("ab") as file:
            waits = False
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not waits:
                        self._log("Waiting for another build of the same image")
                    waits = True
                if self._stop.wait(_LOOK_EVERY_S):
                    raise StoppedError
            yield


def _fitting(facts: ImageFacts, locked: LockedEnvironment) -> ImagePython | None:
    """Return a Python of the image that satisfies the environment, ``None`` without one."""
    request = locked.resolved.python if locked.resolved else locked.python
    found = (p for p in facts.pythons if fits(request, InstalledPython(p.version, Path(p.path))))
    return next(found, None)


def _script(locked: LockedEnvironment, python: ImagePython | None, conda: str) -> str:
    """Return what the build's shell does."""
    exports = [f"export {name}={value}" for name, value in _VARIABLES.items()]
    head = ["set -eu", "umask 022", *exports]
    if locked.conda is not None:
        creating = [conda, *TOOLS[Path(conda).name], "--quiet"]
        argv = [*creating, "--prefix", PREFIX, "--file", str(_DOCUMENT)]
        return "\n".join([*head, shlex.join(argv)]) + "\n"
    wanted = Path(python.path) if python else Path(locked.python)
    venv = [each for each in venv_argv(_UV, wanted, Path(PREFIX)) if each != "--relocatable"]
    lines = [*head, _GET_UV, shlex.join(venv)]
    if locked.lines:
        lines += _installing(locked)
    return "\n".join([*lines, f"touch {_PINS}"]) + "\n"


def _installing(locked: LockedEnvironment) -> list[str]:
    target, source = Path(PREFIX, "bin/python"), _REQUIREMENTS
    lines = []
    options = [each for each in locked.arguments if each != "--no-deps"]
    if locked.resolved is None:
        lines.append(shlex.join(compile_argv(_UV, target, source, _PINS, locked.arguments)))
        # The pins do not name the indexes that they come from.
        if any(line.startswith("-") for line in locked.lines):
            options += ["--requirements", str(_OPTIONS)]
        source = _PINS
    options = ["--no-deps", "--compile-bytecode", *options]
    lines.append(shlex.join(install_argv(_UV, target, source, options)))
    # Installers write where a package came from into its metadata.
    return [*lines, f"find {PREFIX} -name direct_url.json -delete || true"]


def _failed(
    base: str,
    facts: ImageFacts,
    locked: LockedEnvironment,
    *,
    has_python: bool,
    code: int,
    last: Iterable[str],
) -> EnvironmentBuildError:
    said = "\n".join(last)
    remedy = "Fix the environment file; the run's build log has the full output."
    if not has_python and locked.conda is None:
        has = ", ".join(sorted({".".join(map(str, each.version)) for each in facts.pythons}))
        remedy = (
            f"The image has Python {has or '(none)'}, and the environment asks for"
            f" {locked.python}: ask for one that the image has, or choose another image."
        )
    return EnvironmentBuildError(
        f"The packages could not be installed into {base} (exit code {code}). The last lines:\n"
        f"{said}",
        remedy=remedy,
        at=locked.source,
    )


def _within(file: Path) -> str:
    return file.relative_to(_BUILD).as_posix()
