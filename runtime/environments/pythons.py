"""Version requests, and which of the installed Pythons satisfies one. Pure.

`installed_pythons` finds them.
"""

import operator
import re
from collections.abc import Callable, Iterable
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
