"""Builds locked environments: the builder protocol, and its implementation with uv.

A builder fills one folder and logs each line of output. ``cache`` decides where the folder is,
locks it and evicts it.
"""

import os
import selectors
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import IO, Final, Protocol, cast

from uv import find_uv_bin

from infra.contract.errors import EnvironmentBuildError
from infra.contract.private import private_file
from runtime.environments.base_variables import build_variables
from runtime.environments.locking import LockedEnvironment
from runtime.environments.pythons import find_python, installed_pythons
from runtime.model.redaction import redacted, secrets_of

Log = Callable[[str], None]
"""Receives one line, without its newline."""
_LAST_LINES: Final = 15
_LOOK_EVERY_S: Final = 0.2


class Builder(Protocol):
    """Installs locked environments."""

    def build(self, locked: LockedEnvironment, folder: Path, log: Log, stop: Event) -> None:
        """Install into ``folder``, which exists and is empty; it may be moved afterwards.

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
        secrets = secrets_of("\n".join(locked.lines))
        shown = partial(_log_redacted, log, secrets)
        self._run(venv_argv(uv, python.path, folder), shown, stop)
        if locked.lines:
            for line in locked.lines:
                shown(f"  {line}")
            requirements = private_file(folder / "requirements.in")
            requirements.write_text("\n".join(locked.lines) + "\n", encoding="utf-8")
            argv = install_argv(uv, self.python(folder), requirements, locked.arguments)
            self._run(argv, shown, stop)
            requirements.unlink()
            # Installers write where a package came from into its metadata.
            for origin in folder.glob("lib/*/site-packages/*.dist-info/direct_url.json"):
                text = redacted(origin.read_text(encoding="utf-8"), secrets)
                origin.unlink()  # it may be a link into the installer's cache
                private_file(origin).write_text(text, encoding="utf-8")

    def python(self, folder: Path) -> Path:
        return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

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
