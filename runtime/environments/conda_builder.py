"""Builds environments with conda, mamba or micromamba, where one is installed.

Conda writes an environment's path into what it installs, so it is built where it stays.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from typing import Final

from infra.contract.errors import EnvironmentBuildError
from infra.contract.private import private_file, private_folder
from runtime.agent.installed import conda_document, conda_packages, pins
from runtime.environments.base_variables import build_variables
from runtime.environments.builders import LOCK_FILE, Log
from runtime.environments.conda_tools import TOOLS, conda_tool
from runtime.environments.locking import LockedEnvironment
from runtime.environments.resolved import resolved_lock
from runtime.environments.uv_builder import execute, redacting

_YES: Final = {"CONDA_ALWAYS_YES": "true", "MAMBA_ALWAYS_YES": "true"}
_OWN: Final = ("CONDA_", "MAMBA_")
"""Settings of conda start with these; those of an active environment are left out."""
_ACTIVE: Final = ("CONDA_PREFIX", "CONDA_DEFAULT_ENV", "CONDA_SHLVL", "CONDA_PROMPT_MODIFIER")


def create_argv(tool: Path, prefix: Path, document: Path) -> list[str]:
    """Return the command that creates an environment from a document."""
    command = TOOLS[tool.stem]
    return [str(tool), *command, "--prefix", str(prefix), "--file", str(document)]


class CondaBuilder:
    """Creates environments from ``LockedEnvironment.conda``. It must stay where it is built."""

    def __init__(self, tool: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._tool = tool or conda_tool(environ)
        settings = {
            key: value
            for key, value in environ.items()
            if key.startswith(_OWN) and key not in _ACTIVE and not key.startswith("CONDA_PREFIX_")
        }
        self._variables = {**build_variables(environ), **settings, **_YES}

    def build(self, locked: LockedEnvironment, folder: Path, log: Log, stop: Event) -> None:
        if self._tool is None:
            raise EnvironmentBuildError(
                "Neither micromamba, mamba nor conda is on PATH.",
                remedy="Install one, or submit where one is installed.",
            )
        shown = redacting(locked, log)
        for note in locked.notes:
            shown(note)
        shown(f"{self._tool.stem} creates the environment (Python {locked.python})")
        # Beside the folder, which the tool creates itself.
        document = private_file(folder.with_name(f".{folder.name}.yml"))
        try:
            document.write_text(locked.conda or "", encoding="utf-8")
            folder.rmdir()
            argv = create_argv(self._tool, folder, document)
            code, last = execute(argv, self._variables, shown, stop)
        finally:
            document.unlink()
        if code:
            private_folder(folder)
            raise EnvironmentBuildError(
                f"`{self._tool.stem}` failed with exit code {code}. Its last lines:\n"
                + "\n".join(last),
                remedy="Fix the environment file; the run's build log has the full output.",
            )
        self._write_lock(locked, folder)

    def python(self, folder: Path) -> Path:
        return folder / ("python.exe" if os.name == "nt" else "bin/python")

    def _write_lock(self, locked: LockedEnvironment, folder: Path) -> None:
        packages = sorted(conda_packages(folder / "conda-meta"))
        python = next(
            (name.split("=")[1] for name, _ in packages if name.startswith("python=")), ""
        )
        site = [str(place) for place in folder.glob("lib/python*/site-packages")]
        pip = sorted(set(pins(packages, site)))
        lock = resolved_lock(
            "\n".join(conda_document(packages, pip)),
            environment=locked.hash,
            python=python,
            platform=sys.platform,
            tool="conda",
        )
        private_file(folder / LOCK_FILE).write_text(lock.text, encoding="utf-8")
