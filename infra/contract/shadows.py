"""Finds packages with the names of ours that Python would import instead.

Only looks at folders; imports none of the packages. ``aml_platform`` has a check of its own for
notebooks, because this module cannot be imported once ``infra`` is shadowed.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError

OURS: Final = ("infra", "runtime", "localcloud", "aml_platform")
_HERE: Final = Path(__file__).parents[2]


def require_own_packages(program: Path, *, path: Sequence[str] | None = None) -> None:
    """Raise ``UsageError`` if the program in the folder ``program`` would import another ``infra``.

    The program's folder is searched first, then ``path`` (default: ``sys.path``).
    """
    found = list(shadowing([program, *map(Path, sys.path if path is None else path)]))
    if not found:
        return
    names = " and ".join(f"{each.stem!r}" for each in found)
    raise UsageError(
        f"{' and '.join(map(str, found))} would be imported instead of aml-platform's {names}.",
        remedy=f"Rename it, for instance to 'platform_{found[0].stem}', and update its imports.",
        at=str(found[0]),
    )


def shadowing(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield modules and packages with our names that come before ours on a path.

    A folder without ``__init__.py`` shadows nothing: Python prefers a package that has one.
    """
    seen: set[Path] = set()
    for folder in folders:
        if folder.resolve() == _HERE:
            return  # from here on, ours win
        for name in OURS:
            for candidate in (folder / name / "__init__.py", folder / f"{name}.py"):
                if candidate.is_file() and candidate not in seen:
                    seen.add(candidate)
                    yield candidate.parent if candidate.name == "__init__.py" else candidate
