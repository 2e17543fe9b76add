"""The environment of a run that conda or uv builds at a machine.

It is built once for each set of declared packages, and kept. A machine that does not reach the
package index gets the packages from here.
"""

import json
import platform
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.contract.errors import EnvironmentBuildError
from infra.contract.json_types import Document, JsonObject
from runtime.agent.environments import PACKAGES
from runtime.environments.conda_tools import TOOLS
from runtime.environments.lock_store import FOLDER, LockStore
from runtime.environments.locking import LockedEnvironment, lock
from runtime.environments.pythons import InstalledPython, find_python, fits, substitution
from runtime.environments.resolved import ResolvedLock, locked_lines, resolved_lock
from runtime.environments.uv_builder import (
    Shown,
    compile_argv,
    install_argv,
    redacting,
    uv_binary,
    venv_argv,
)
from runtime.model.environments import LOCK_PROPERTY, EnvironmentSpec
from runtime.targets.places import Shipment, Teller
from runtime.targets.ssh_session import Environment, Session
from runtime.targets.ssh_trees import Listed, file_of
from runtime.targets.ssh_wheels import resolved_for, wheels_for

_NO_DEPS: Final = "--no-deps"
_LAST_LINES: Final = 15
_INDEX: Final = re.compile(r"(?:--index-url|--default-index|-i)[= ]\s*(\S+)")
_PYPI: Final = "https://pypi.org/simple"
_REACHES: Final = """
import os, socket, sys, threading
def out(signum=None):
    os._exit(1)
threading.Timer(4, out).start()
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 3).close()
except OSError:
    out()
os._exit(0)
"""
"""Ends with 0 if a host answers. Looking up a name may hang: a timer ends that."""


def built_environment(
    session: Session, shipment: Shipment, spec: EnvironmentSpec, tell: Teller, home: Path
) -> Environment:
    """Return the run's environment, built if the machine does not have it.

    Raises ``EnvironmentBuildError``, ``DefinitionError``, and ``StoppedError`` if it is canceled.
    """
    conda = next((path for name, path in _tools(session).items() if name in TOOLS and path), "")
    locked = lock(spec, with_conda=bool(conda))
    record = session.answer("take", key=locked.key)["record"]
    how = "reused" if record else "built"
    if not record:
        shown = redacting(locked, tell.build)
        build = _Build(session, shipment, locked, shown)
        record = build.with_conda(conda) if locked.conda else build.with_uv()
        session.answer("keep", key=locked.key, record=record)
    tell.step("environment", f"{how} {locked.hash}")
    if record["lock"]:
        digest = LockStore(home / FOLDER).keep(ResolvedLock(record["lock"]))
        tell.record("property", {"key": LOCK_PROPERTY, "value": digest})
    folder = f"{session.facts['root']}/environments/{locked.key}"
    own = {"CONDA_PREFIX": folder} if locked.conda else {}
    variables = {"VIRTUAL_ENV": folder, **own, **locked.variables}
    return Environment(f"{folder}/bin/python", variables, locked.key)


def _tools(session: Session) -> Mapping[str, str]:
    tools: Mapping[str, str] = session.facts["tools"]
    return tools


class _Build:
    """Builds one environment in its folder at the machine."""

    def __init__(
        self, session: Session, shipment: Shipment, locked: LockedEnvironment, shown: Shown
    ) -> None:
        self._machine = session.machine
        self._session = session
        self._shipment = shipment
        self._locked = locked
        self._shown = shown
        self._root = str(session.facts["root"])
        self._run = f"runs/{shipment.task.run_id}"
        self._folder = f"{self._root}/environments/{locked.key}"

    def with_conda(self, tool: str) -> JsonObject:
        """Build with conda; the prefix must not exist."""
        name = Path(tool).name
        self._shown(f"{name} creates the environment (Python {self._locked.python})")
        create = [tool, *TOOLS[name], "--prefix", self._folder, "--file", "environment.yml"]
        argv = ["sh", "-c", 'rmdir "$1"; shift; exec "$@"', "sh", self._folder, *create]
        self._must(name, argv, {"environment.yml": self._locked.conda or ""})
        return {"lock": ""}

    def with_uv(self) -> JsonObject:
        """Build with uv, the machine's own or ours."""
        locked = self._locked
        connected = not locked.lines or self._reaches_index()
        uv = Path(_tools(self._session)["uv"] or self._carried_uv())
        python = self._python(uv, connected=connected)
        self._shown(f"Python {python.text} (requested: {locked.python})")
        for note in (*locked.notes, substitution(locked.python, python)):
            if note:
                self._shown(note)
        found = locked.resolved or self._resolved(uv, python, connected=connected)
        self._must("uv venv", venv_argv(uv, python.path, Path(self._folder)))
        if locked.lines:
            lines = locked_lines(found, locked.lines)
            options = [_NO_DEPS, *(each for each in locked.arguments if each != _NO_DEPS)]
            if not connected:
                options = [_NO_DEPS, *self._carried_wheels(lines, python)]
                lines = tuple(line for line in lines if not line.startswith("-"))
            file = Path("requirements.in")
            argv = install_argv(uv, Path(self._folder, "bin", "python"), file, options)
            self._must("uv pip install", argv, {file.name: _text(lines)})
        return {"lock": found.text}

    def _resolved(self, uv: Path, python: InstalledPython, *, connected: bool) -> ResolvedLock:
        locked, text = self._locked, ""
        source, pins = Path("requirements.in"), Path("requirements.out")
        if locked.lines and connected:
            for line in locked.lines:
                self._shown(f"  {line}")
            argv = compile_argv(uv, python.path, source, pins, locked.arguments)
            files = {source.name: _text(locked.lines)}
            text = self._must("uv pip compile", argv, files, (pins.name,))[pins.name]
        elif locked.lines:
            text = resolved_for(locked, python, self._platform, self._shown, self._shipment)
        return resolved_lock(
            text, environment=locked.hash, python=python.text, platform=self._platform.lower()
        )

    @property
    def _platform(self) -> str:
        return str(self._session.facts["platform"])

    def _python(self, uv: Path, *, connected: bool) -> InstalledPython:
        """Return an interpreter of the machine that fits; uv downloads one if it can."""
        locked, facts = self._locked, self._session.facts
        request = locked.resolved.python if locked.resolved else locked.python
        own = InstalledPython(_version(facts["version"]), Path(facts["python"]))
        if fits(request, own):
            return own
        listing = [str(uv), "python", "list", "--only-installed", "--offline"]
        _, lines, _ = self._execute([*listing, "--output-format", "json"], quiet=True)
        others = sorted(_pythons("\n".join(lines)), key=lambda each: each.version, reverse=True)
        if connected and not any(fits(request, each) for each in others):
            get = [str(uv), "python", "install", "--no-bin", request]
            code, _, _ = self._execute(get, variables={"UV_PYTHON_DOWNLOADS": "manual"})
            if code == 0:
                _, lines, _ = self._execute([*listing, "--output-format", "json"], quiet=True)
                others = _pythons("\n".join(lines))
        where = f"machine {self._machine.target!r}"
        return find_python(request, [own, *others], where=where)

    def _reaches_index(self) -> bool:
        """Return whether the machine reaches the package index, or its proxy."""
        given = "\n".join([*self._locked.lines, " ".join(self._locked.arguments)])
        named = _INDEX.search(given)
        environ: Mapping[str, str] = self._session.facts["variables"]
        urls = (
            environ.get("HTTPS_PROXY") or environ.get("https_proxy"),
            named and named[1],
            environ.get("UV_DEFAULT_INDEX") or environ.get("UV_INDEX_URL"),
        )
        place = urlsplit(next(filter(None, urls), _PYPI))
        port = place.port or (80 if place.scheme == "http" else 443)
        if not place.hostname:
            return True
        argv = [str(self._session.facts["python"]), "-c", _REACHES, place.hostname, str(port)]
        code, _, _ = self._execute(argv, quiet=True)
        if code:
            self._shown(
                f"{place.hostname} is not reached from the machine: packages come from here"
            )
        return code == 0

    def _carried_uv(self) -> str:
        """Send our uv, and return its path. The store of the machine keeps it."""
        ours = f"{platform.system()} {platform.machine()}"
        if ours != self._platform:
            raise EnvironmentBuildError(
                f"Machine {self._machine.target!r} ({self._platform}) has no uv, and ours is for"
                f" {ours}.",
                remedy="Install it there: `curl -LsSf https://astral.sh/uv/install.sh | sh`.",
            )
        sent = Listed.of([file_of("bin/uv", uv_binary(), executable=True)], [])
        self._session.send(sent, self._shipment.task.run_id)
        return f"{self._root}/{self._run}/bin/uv"

    def _carried_wheels(self, lines: Sequence[str], python: InstalledPython) -> list[str]:
        """Send the wheels of locked requirements; return the options that install them."""
        with wheels_for(lines, python, self._platform, self._shown, self._shipment) as folder:
            files = [file_of(f"wheels/{file.name}", file) for file in sorted(folder.iterdir())]
            self._session.send(Listed.of(files, []), self._shipment.task.run_id)
        return ["--offline", "--no-index", "--find-links", f"{self._root}/{self._run}/wheels"]

    def _must(
        self,
        name: str,
        argv: Sequence[str],
        files: Mapping[str, str] | None = None,
        read: Sequence[str] = (),
    ) -> Mapping[str, str]:
        """Run an installer; return the files that it wrote. Raises ``EnvironmentBuildError``."""
        code, last, written = self._execute(argv, files=files, read=read)
        if code:
            raise EnvironmentBuildError(
                f"`{name}` failed on machine {self._machine.target!r} with exit code {code}. Its"
                " last lines:\n" + "\n".join(last[-_LAST_LINES:]),
                remedy="Fix the environment file; the run's build log has the full output.",
            )
        return written

    def _execute(
        self,
        argv: Sequence[str],
        *,
        files: Mapping[str, str] | None = None,
        read: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
        quiet: bool = False,
    ) -> tuple[int, list[str], Mapping[str, str]]:
        """Run a program in the run's folder; return its exit code, its lines and what it wrote."""
        own = {
            "UV_CACHE_DIR": f"{self._root}/{PACKAGES}",
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }
        asked: JsonObject = {
            "argv": list(argv),
            "files": dict(files or {}),
            "folder": self._run,
            "read": list(read),
            "variables": own | dict(variables or {}),
        }
        lines: list[str] = []
        end: Document = {}
        for header, _ in self._session.frames("run", **asked):
            self._shipment.check()
            if "line" in header:
                lines.append(str(header["line"]) if quiet else self._shown(str(header["line"])))
            end = header
        return int(end["exit"]), lines, end["read"]


def _pythons(text: str) -> list[InstalledPython]:
    """Return what `uv python list` says is installed."""
    try:
        entries = json.loads(text)
    except ValueError:
        return []
    return [
        InstalledPython(_version(entry["version"]), Path(entry["path"]))
        for entry in entries
        if entry.get("implementation") == "cpython" and entry.get("variant") == "default"
    ]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def _text(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])
