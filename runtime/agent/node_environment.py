"""The environment of a run on a node of a service: built there with uv, once for all its runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runtime.agent.documents import JsonObject
from runtime.agent.environments import PACKAGES, Environments
from runtime.agent.files import make_executable, make_folder
from runtime.agent.installed import BUILT

UV = "uv"
_MASK = "***"
_LAST_LINES = 15
_LOCK = """
import sys
sys.path.insert(0, sys.argv[1])
from runtime.agent.installed import installed_lock
print(installed_lock(), end="")
"""


class BuildError(Exception):
    """The environment cannot be built."""


class NodeEnvironment:
    """Builds what ``asked`` declares below ``shared``; ``log`` gets each line of the output.

    ``asked``: ``key``, ``python`` (a request), ``lines`` of requirements, ``arguments`` of uv,
    ``pins`` (exact versions; empty where uv resolves), ``variables``, and ``secrets`` to mask.
    ``tools`` has the program ``uv``, if it was sent.
    """

    def __init__(
        self, asked: JsonObject, shared: Path, tools: Path, log: Callable[[str], None]
    ) -> None:
        self._asked = asked
        self._environments = Environments(shared)
        self._shared = shared
        self._tools = tools
        self._log = log
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False

    def built(self) -> tuple[Path, bool]:
        """Return the folder of the environment, and whether it was there. Raises ``BuildError``."""
        key = str(self._asked["key"])
        make_folder(self._shared)
        folder = self._shared / "environments" / key
        if self._environments.take(key, lambda: None) is not None:
            return folder, True
        uv = self._uv()
        self._say(f"Python {self._asked['python']} (requested)")
        self._run([uv, "venv", "--allow-existing", "--python", self._asked["python"], str(folder)])
        lines = self._asked["pins"] or self._asked["lines"]
        if lines:
            requirements = folder / "requirements.in"
            descriptor = os.open(str(requirements), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
                sink.write("\n".join([*lines, ""]))
            exact = ["--no-deps"] if self._asked["pins"] else []
            python = str(folder / "bin" / "python")
            install = [uv, "pip", "install", "--python", python, *exact]
            self._run([*install, *self._asked["arguments"], "-r", str(requirements)])
            requirements.unlink()
        self._write_lock(folder)
        self._environments.keep(key, {})
        return folder, False

    def stop(self) -> None:
        """End the build; ``built`` raises then."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()

    def _uv(self) -> str:
        sent = self._tools / UV
        if sent.exists():
            with sent.open("rb") as opened:
                make_executable(opened.fileno())
            return str(sent)
        found = shutil.which(UV)
        if found is None:
            raise BuildError(
                "The node has no uv, which builds environments. Install it in the image of the"
                " pool, or use the node's own Python (`userManagedDependencies: true`)."
            )
        return found

    def _run(self, argv: Sequence[str]) -> None:
        own = {
            "UV_CACHE_DIR": str(self._shared / PACKAGES),
            "UV_NO_CONFIG": "1",
            "UV_NO_PROGRESS": "1",
        }
        if self._stopped:
            raise BuildError("The run was canceled.")
        last: list[str] = []
        with subprocess.Popen(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            env={**os.environ, **own},
        ) as process:
            self._process = process
            for line in typing.cast("typing.IO[str]", process.stdout):
                last = [*last[1 - _LAST_LINES :], self._say(line.rstrip("\n"))]
        if process.returncode:
            raise BuildError(
                f"`{Path(argv[0]).name} {argv[1]}` failed on the node with exit code"
                f" {process.returncode}. Its last lines:\n" + "\n".join(last)
            )

    def _say(self, line: str) -> str:
        for secret in self._asked["secrets"]:
            line = line.replace(secret, _MASK)
        self._log(line)
        return line

    def _write_lock(self, folder: Path) -> None:
        """Keep the exact versions, which the agent reports."""
        archive = str(Path(sys.modules["__main__"].__file__ or "").parent)
        command = [str(folder / "bin" / "python"), "-c", _LOCK, archive]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            (folder / BUILT).write_text(done.stdout, encoding="utf-8")


def activated(folder: Path, own: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a process in an environment."""
    path = f"{folder}/bin{os.pathsep}{environ.get('PATH', os.defpath)}"
    found = {**environ, **own, "VIRTUAL_ENV": str(folder), "PATH": path}
    for name in ("PYTHONPATH", "PYTHONHOME"):
        found.pop(name, None)
    return found
