"""Finds an installed Python that satisfies a version request. Nothing is ever downloaded.

Searches where uv does, and pyenv's builds, which uv does not find.
"""

import json
import operator
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.errors import EnvironmentBuildError

Version = tuple[int, ...]
EARLIEST: Final = (3, 6)
"""The earliest Python of a script, where the agent runs on this project's own Python."""
EARLIEST_OF_AGENT: Final = (3, 8)
"""The earliest Python of a script where the agent runs on the same Python: on a cluster."""
_EARLIEST_OF_UV: Final = (3, 8)
"""The earliest CPython that uv installs."""
_LATEST_MINOR: Final = 40
_MINOR: Final = 2
_CLAUSE: Final = re.compile(r"(===?|~=|>=|<=|!=|=|<|>)?\s*v?(\d+(?:\.\d+)*)(\.\*|\*)?")


@dataclass(frozen=True, slots=True)
class InstalledPython:
    """An installed Python."""

    version: Version
    path: Path

    @property
    def text(self) -> str:
        """Return the version as it is written."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class VersionClause:
    """One condition of a version request. ``=`` matches a prefix."""

    operator: str
    version: Version

    def admits(self, version: Version) -> bool:
        return _OPERATORS[self.operator](version, self.version)


def _padded(compare: Callable[[Version, Version], bool]) -> Callable[[Version, Version], bool]:
    return lambda version, wanted: compare(version, (*wanted, 0, 0)[: len(version)])


_OPERATORS: Final[dict[str, Callable[[Version, Version], bool]]] = {
    "=": lambda version, wanted: version[: len(wanted)] == wanted,
    "!=": lambda version, wanted: version[: len(wanted)] != wanted,
    "~=": lambda version, wanted: version >= wanted and version[: len(wanted) - 1] == wanted[:-1],
    ">": _padded(operator.gt),
    ">=": _padded(operator.ge),
    "<": _padded(operator.lt),
    "<=": _padded(operator.le),
}


def parse_request(text: str) -> tuple[VersionClause, ...] | None:
    """Return the clauses of ``3.11``, ``==3.11.4``, ``>=3.9,<3.12``, …; ``None`` if invalid."""
    clauses = []
    for part in text.split(","):
        match = _CLAUSE.fullmatch(part.strip())
        if match is None:
            return None
        sign = "=" if match[1] in (None, "==", "===") else match[1]
        clauses.append(VersionClause(sign, tuple(map(int, match[2].split(".")))))
    return tuple(clauses)


def fits(request: str, found: InstalledPython) -> bool:
    """Return whether an interpreter satisfies every clause of a request."""
    return all(clause.admits(found.version) for clause in parse_request(request) or ())


def supported(request: str, earliest: Version = EARLIEST) -> bool:
    """Return whether a version from ``earliest`` on satisfies ``request``."""
    # The edges of a request are at the versions it mentions; between them, any patch will do.
    mentioned = {(*clause.version, 0, 0)[:3] for clause in parse_request(request) or ()}
    mentioned |= {(3, minor, 0) for minor in range(earliest[1], _LATEST_MINOR)}
    candidates = {(x, y, max(0, z + step)) for x, y, z in mentioned for step in (-1, 0, 1)}
    return any(
        version >= earliest and fits(request, InstalledPython(version, Path()))
        for version in candidates
    )


def find_python(
    request: str, installed: Iterable[InstalledPython], *, where: str = "this machine"
) -> InstalledPython:
    """Return the first interpreter that satisfies ``request``; the error lists those installed.

    If the request is an exact release (``3.6.2``) and there is none, another release of the same
    minor version is returned: ``substitution`` says so. ``installed`` is in order of preference,
    and consumed only as far as needed.
    """
    seen: list[InstalledPython] = []
    for found in installed:
        if fits(request, found):
            return found
        seen.append(found)
    minor = _minor(request)
    for found in seen:
        if minor and fits(minor, found):
            return found
    versions = {found.version for found in seen}
    listed = ", ".join(".".join(map(str, version)) for version in sorted(versions, reverse=True))
    missing = minor or ".".join(request.lstrip("=~>").split(",")[0].split(".")[:2])
    raise EnvironmentBuildError(
        f"Python {request} is not installed on {where} (installed: {listed or 'none'}).",
        remedy=f"{_how_to_get(missing)}, or ask for an installed one: in the environment file,"
        " or with `--python-version X.Y`.",
    )


def _how_to_get(minor: str) -> str:
    """Return who offers a minor version: uv has none before 3.8."""
    numbers = tuple(map(int, re.findall(r"\d+", minor)))
    if numbers and numbers < EARLIEST:
        return "Scripts run on Python 3.6 or later. Install one with `uv python install` or pyenv"
    if numbers and numbers < _EARLIEST_OF_UV:
        return f"Install it with pyenv (`pyenv install {minor}`; uv has none before 3.8)"
    return f"Install it with `uv python install {minor}` (or pyenv)"


def substitution(request: str, found: InstalledPython) -> str:
    """Return the note that another release than the requested one is used, ``""`` if it fits."""
    if fits(request, found):
        return ""
    version = ".".join(map(str, found.version))
    return f"Python {request} is not installed; Python {version} is used instead."


def _minor(request: str) -> str | None:
    """Return the minor version of a request for an exact release; ``None`` for any other."""
    clauses = parse_request(request) or ()
    exact = len(clauses) == 1 and clauses[0].operator == "=" and len(clauses[0].version) > _MINOR
    return ".".join(map(str, clauses[0].version[:_MINOR])) if exact else None


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
