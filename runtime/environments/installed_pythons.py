"""Finds the Pythons of this machine. Nothing is ever downloaded.

Searches where uv does, and pyenv's builds, which uv does not find.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from runtime.environments.pythons import InstalledPython, Version


def installed_pythons(uv: Path, environ: Mapping[str, str]) -> Iterator[InstalledPython]:
    """Yield every installed Python: the current one first, then newest first.

    The first is free; finding the others takes most of a second.
    """
    yield InstalledPython(sys.version_info[:3], _running())
    others = [*_known_to_uv(uv, environ), *_pyenv_builds(environ)]
    yield from sorted(others, key=lambda found: found.version, reverse=True)


def _running() -> Path:
    """Return the base interpreter of this process's virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    candidates = (Path(sys.base_prefix) / "bin" / name, Path(sys.base_prefix) / "python.exe")
    return next((path for path in candidates if path.exists()), Path(sys.executable))


def _known_to_uv(uv: Path, environ: Mapping[str, str]) -> list[InstalledPython]:
    listing = subprocess.run(
        [str(uv), "python", "list", "--only-installed", "--offline", "--output-format", "json"],
        capture_output=True,
        env=_without_shims(environ) | {"UV_PYTHON_DOWNLOADS": "never"},
        check=False,
        timeout=60,
    )
    try:
        entries = json.loads(listing.stdout)
    except ValueError:
        return []
    return [
        InstalledPython(_numbers(entry["version"]), Path(entry["path"]))
        for entry in entries
        if entry.get("implementation") == "cpython" and entry.get("variant") == "default"
    ]


def _without_shims(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without pyenv's shims on ``PATH``.

    uv runs each to see what it is, half a second each; ``_pyenv_builds`` knows what they stand for.
    """
    shims = str(_pyenv_root(environ) / "shims")
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    kept = [folder for folder in folders if folder.rstrip(os.sep) != shims]
    return {**environ, "PATH": os.pathsep.join(kept)}


def _pyenv_root(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", os.sep)) / ".pyenv")


def _pyenv_builds(environ: Mapping[str, str]) -> list[InstalledPython]:
    root = _pyenv_root(environ)
    return [
        InstalledPython(_numbers(path.parent.parent.name), path)
        for path in sorted(root.glob("versions/*/bin/python"))
        if re.fullmatch(r"3\.\d+\.\d+", path.parent.parent.name)
    ]


def _numbers(version: str) -> Version:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
