"""Builds locked environments: the builder protocol, and its implementation with uv.

A builder fills one folder and logs each line of output. ``cache`` decides where the folder is,
locks it and evicts it.
"""

import os
import platform
import selectors
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO, Final, Protocol, cast

from uv import find_uv_bin

from infra.contract.errors import EnvironmentBuildError
from infra.contract.private import private_file
from runtime.environments.base_variables import build_variables
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import find_python, installed_pythons, substitution
from runtime.environments.resolved import locked_lines, resolved_lock
from runtime.model.redaction import redacted, secrets_of

Log = Callable[[str], None]
"""Receives one line, without its newline."""
LOCK_FILE: Final = "aml-lock.txt"
_NO_DEPS: Final = "--no-deps"
_LAST_LINES: Final = 15
_LOOK_EVERY_S: Final = 0.2


class Builder(Protocol):
    """Installs locked environments."""

    def build(self, locked: LockedEnvironment, folder: Path, log: Log, stop: Event) -> None:
        """Install into ``folder``, which exists and is empty; it may be moved afterwards.

        Leaves the exact versions in ``LOCK_FILE`` below it.

        Raises ``EnvironmentBuildError`` with the last lines of the log if the build fails, and if
        ``stop`` is set.
        """

    def python(self, folder: Path) -> Path:
        """Return the interpreter of the environment built in ``folder``."""


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
        python = find_python(locked.python, installed_pythons(uv, self._variables))
        version = ".".join(map(str, python.version))
        log(f"Python {version} (requested: {locked.python})")
        for note in (*locked.notes, substitution(locked.python, python)):
            if note:
                log(note)
        secrets = secrets_of("\n".join(locked.lines))
        shown = partial(_log_redacted, log, secrets)
        self._run(venv_argv(uv, python.path, folder), shown, stop)
        lock = locked.resolved or resolved_lock(
            self._resolved(uv, locked, folder, shown, stop),
            environment=locked.hash,
            python=version,
            platform=f"{sys.platform} {platform.machine()}",
        )
        private_file(folder / LOCK_FILE).write_text(lock.text, encoding="utf-8")
        lines = locked_lines(lock, locked.lines)
        if lines:
            with _requirements(folder, lines) as file:
                options = [each for each in locked.arguments if each != _NO_DEPS]
                argv = install_argv(uv, self.python(folder), file, [_NO_DEPS, *options])
                self._run(argv, shown, stop)
            # Installers write where a package came from into its metadata.
            for origin in folder.glob("lib/*/site-packages/*.dist-info/direct_url.json"):
                text = redacted(origin.read_text(encoding="utf-8"), secrets)
                origin.unlink()  # it may be a link into the installer's cache
                private_file(origin).write_text(text, encoding="utf-8")

    def python(self, folder: Path) -> Path:
        return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def _resolved(
        self,
        uv: Path,
        locked: LockedEnvironment,
        folder: Path,
        log: Callable[[str], str],
        stop: Event,
    ) -> str:
        """Return the requirements file with the exact versions that the lines mean today."""
        if not locked.lines:
            return ""
        for line in locked.lines:
            log(f"  {line}")
        with _requirements(folder, locked.lines) as file:
            pins = file.with_suffix(".out")
            argv = compile_argv(uv, self.python(folder), file, pins, locked.arguments)
            self._run(argv, log, stop)
            text = pins.read_text(encoding="utf-8")
            pins.unlink()
        return text

    def _run(self, argv: Sequence[str], log: Callable[[str], str], stop: Event) -> None:
        last: deque[str] = deque(maxlen=_LAST_LINES)
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self._variables,
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
        if code:
            raise EnvironmentBuildError(
                f"`uv {argv[1]}` failed with exit code {code}. Its last lines:\n" + "\n".join(last),
                remedy="Fix the environment file; the run's build log has the full output.",
            )


def uv_binary() -> Path:
    """Return the path of the uv that comes with this package."""
    return Path(find_uv_bin())


def _log_redacted(log: Log, secrets: Sequence[str], line: str) -> str:
    """Log a line without credentials, and return it."""
    shown = redacted(line, secrets)
    log(shown)
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
