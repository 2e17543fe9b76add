"""Builds locked environments with uv, from Pythons that are already installed."""

import os
import platform
import selectors
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import IO, Final, cast

from uv import find_uv_bin

from infra.contract.errors import EnvironmentBuildError
from infra.contract.private import private_file
from runtime.environments.azureml_packages import floors, unpinned_sdk, with_setuptools
from runtime.environments.base_variables import build_variables
from runtime.environments.builders import LOCK_FILE, Log, interpreter
from runtime.environments.installed_pythons import installed_pythons
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import InstalledPython, find_python, substitution
from runtime.environments.resolved import ResolvedLock, locked_lines, resolved_lock
from runtime.environments.wheels import unsatisfiable
from runtime.model.redaction import redacted, secrets_of

Shown = Callable[[str], str]
"""Logs one line, and returns it as it was logged."""
_NO_DEPS: Final = "--no-deps"
_NO_VERSION: Final = "no version of"
_LAST_LINES: Final = 15
_LOOK_EVERY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Resolving:
    """With what an environment is resolved; ``folder`` is for temporary files."""

    uv: Path
    python: InstalledPython
    folder: Path
    log: Shown
    stop: Event


class UvBuilder:
    """Creates virtual environments with uv, from Pythons that are already installed."""

    def __init__(self, uv: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._uv = uv
        self._variables = build_variables(environ) | {
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
        }

    def build(self, locked: LockedEnvironment, folder: Path, log: Log, stop: Event) -> None:
        uv = self._uv or uv_binary()
        python = self._found(uv, locked)
        shown = redacting(locked, log)
        shown(f"Python {python.text} (requested: {locked.python})")
        for note in (*locked.notes, substitution(locked.python, python)):
            if note:
                shown(note)
        lock = locked.resolved or self._resolve(locked, _Resolving(uv, python, folder, shown, stop))
        self._run(venv_argv(uv, python.path, folder), shown, stop)
        private_file(folder / LOCK_FILE).write_text(lock.text, encoding="utf-8")
        lines = locked_lines(lock, locked.lines)
        if not lines:
            return
        with _requirements(folder, lines) as file:
            options = [each for each in locked.arguments if each != _NO_DEPS]
            argv = install_argv(uv, self.python(folder), file, [_NO_DEPS, *options])
            self._run(argv, shown, stop)
        # Installers write where a package came from into its metadata.
        for origin in folder.glob("lib/*/site-packages/*.dist-info/direct_url.json"):
            text = redacted(origin.read_text(encoding="utf-8"), secrets_of("\n".join(lines)))
            origin.unlink()  # it may be a link into the installer's cache
            private_file(origin).write_text(text, encoding="utf-8")

    def resolve(self, locked: LockedEnvironment, log: Log, stop: Event) -> ResolvedLock:
        """Return the exact versions that the environment means today, without building it.

        Raises ``EnvironmentBuildError`` if there are none.
        """
        uv = self._uv or uv_binary()
        with tempfile.TemporaryDirectory(prefix="aml-resolve-") as folder:
            shown = redacting(locked, log)
            resolving = _Resolving(uv, self._found(uv, locked), Path(folder), shown, stop)
            return self._resolve(locked, resolving)

    def python(self, folder: Path) -> Path:
        return interpreter(folder)

    def _found(self, uv: Path, locked: LockedEnvironment) -> InstalledPython:
        """Return the interpreter: that of the resolved versions if there are any."""
        request = locked.resolved.python if locked.resolved else locked.python
        return find_python(request, installed_pythons(uv, self._variables))

    def _resolve(self, locked: LockedEnvironment, using: _Resolving) -> ResolvedLock:
        text, python = "", using.python
        if locked.lines:
            for line in locked.lines:
                using.log(f"  {line}")
            self._require_wheels(locked, using)
            text = self._around_sdk(locked, using)
            if not text:
                with _requirements(using.folder, locked.lines) as file:
                    pins = file.with_suffix(".out")
                    argv = compile_argv(using.uv, python.path, file, pins, locked.arguments)
                    self._run(argv, using.log, using.stop)
                    text = pins.read_text(encoding="utf-8")
                    pins.unlink()
            more = with_setuptools(text)
            text = (self._quietly(more, locked, using) if more else "") or text
        return resolved_lock(
            text,
            environment=locked.hash,
            python=python.text,
            platform=f"{sys.platform} {platform.machine()}",
        )

    def _around_sdk(self, locked: LockedEnvironment, using: _Resolving) -> str:
        """Return the pins with the newest of Microsoft's packages; ``""`` if nothing fits them.

        Each of their releases holds back numpy and others. Beside a newer one, uv goes back to
        releases of years ago, which asked for nothing; pip takes the newest and another numpy.
        """
        sdk = unpinned_sdk(locked.lines)
        if not sdk or len(sdk) == len(locked.lines):
            return ""
        newest = floors(sdk, self._quietly(sdk, locked, using))
        return self._quietly((*locked.lines, *newest), locked, using) if newest else ""

    def _quietly(self, lines: Sequence[str], locked: LockedEnvironment, using: _Resolving) -> str:
        """Return the pins of an attempt, ``""`` if it fails; nothing is logged."""
        options = [line for line in locked.lines if line.startswith("-") and line not in lines]
        with _requirements(using.folder, (*options, *lines)) as file:
            pins = file.with_suffix(".out")
            argv = compile_argv(using.uv, using.python.path, file, pins, locked.arguments)
            code, _ = execute(argv, self._variables, lambda line: line, using.stop)
            text = pins.read_text(encoding="utf-8") if code == 0 else ""
            pins.unlink(missing_ok=True)
            return text

    def _require_wheels(self, locked: LockedEnvironment, using: _Resolving) -> None:
        """Raise ``EnvironmentBuildError`` with every pin that this Python cannot install."""

        def attempt(lines: Sequence[str], options: Sequence[str]) -> str | None:
            given = [*options, *locked.arguments]
            with _requirements(using.folder, lines) as file:
                pins = using.folder / "pylock.toml"
                argv = attempt_argv(using.uv, using.python.path, file, pins, given)
                code, last = execute(argv, self._variables, lambda line: line, using.stop)
                if code == 0:
                    text = pins.read_text(encoding="utf-8")
                    pins.unlink()
                    return text
            return "" if any(_NO_VERSION in line for line in last) else None

        version = ".".join(map(str, using.python.version[:2]))
        problems = unsatisfiable(locked.lines, version, attempt)
        if problems:
            listed = [using.log(problem) for problem in problems]
            raise EnvironmentBuildError(
                "Some pinned versions cannot be installed:\n" + "\n".join(listed),
                remedy="Change the versions in the environment file, or its Python.",
            )

    def _run(self, argv: Sequence[str], log: Shown, stop: Event) -> None:
        """Run uv and log each line of its output. Raises ``EnvironmentBuildError``."""
        code, last = execute(argv, self._variables, log, stop)
        if code:
            raise EnvironmentBuildError(
                f"`uv {argv[1]}` failed with exit code {code}. Its last lines:\n" + "\n".join(last),
                remedy="Fix the environment file; the run's build log has the full output.",
            )


def execute(
    argv: Sequence[str], variables: Mapping[str, str], log: Shown, stop: Event
) -> tuple[int, Sequence[str]]:
    """Run an installer; return its exit code and its last lines, each as ``log`` returns it.

    Raises ``EnvironmentBuildError`` if ``stop`` is set; its processes are killed then.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(variables),
        umask=0o077,
        start_new_session=True,
    )
    with cast("IO[bytes]", process.stdout) as output:
        for line in _lines(output, stop):
            last.append(log(line))
    if stop.is_set() and process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    if stop.is_set():
        raise EnvironmentBuildError("The build was canceled.", remedy="Submit the run again.")
    return code, tuple(last)


def uv_binary() -> Path:
    """Return the path of the uv that comes with this package."""
    return Path(find_uv_bin())


def redacting(locked: LockedEnvironment, log: Log) -> Shown:
    """Return a function that logs a line without credentials, and returns it."""
    secrets = secrets_of("\n".join(locked.lines))

    def shown(line: str) -> str:
        text = redacted(line, secrets)
        log(text)
        return text

    return shown


def venv_argv(uv: Path, python: Path, folder: Path) -> list[str]:
    """Return the command that creates an empty, relocatable environment."""
    return [str(uv), "venv", "--quiet", "--allow-existing", "--relocatable", "--no-project",
            "--python", str(python), str(folder)]  # fmt: skip


def install_argv(uv: Path, python: Path, requirements: Path, arguments: Sequence[str]) -> list[str]:
    """Return the command that installs a requirements file."""
    return [str(uv), "pip", "install", "--python", str(python), "--requirements",
            str(requirements), *arguments]  # fmt: skip


def compile_argv(
    uv: Path, python: Path, requirements: Path, pins: Path, arguments: Sequence[str]
) -> list[str]:
    """Return the command that resolves a requirements file to exact versions with hashes."""
    return [str(uv), "pip", "compile", "--quiet", "--no-header", "--no-annotate",
            "--generate-hashes", "--python", str(python), "--output-file", str(pins), *arguments,
            str(requirements)]  # fmt: skip


def attempt_argv(
    uv: Path, python: Path, requirements: Path, pins: Path, arguments: Sequence[str]
) -> list[str]:
    """Return the command that resolves a requirements file from wheels, without dependencies."""
    options = [each for each in arguments if each != _NO_DEPS]
    return [str(uv), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--format",
            "pylock.toml", "--only-binary=:all:", _NO_DEPS, "--python", str(python),
            "--output-file", str(pins), *options, str(requirements)]  # fmt: skip


@contextmanager
def _requirements(folder: Path, lines: Sequence[str]) -> Iterator[Path]:
    """Yield a private requirements file, which is removed after its use."""
    file = private_file(folder / "requirements.in")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)


def _lines(output: IO[bytes], stop: Event) -> Iterator[str]:
    """Yield the lines of a pipe until its end, or until ``stop`` is set."""
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while not stop.is_set():
            if not selector.select(_LOOK_EVERY_S):
                continue
            read = os.read(output.fileno(), 65536)
            if not read:
                break
            *whole, rest = (rest + read).split(b"\n")
            yield from (line.decode(errors="replace").rstrip() for line in whole)
    if rest:
        yield rest.decode(errors="replace").rstrip()
