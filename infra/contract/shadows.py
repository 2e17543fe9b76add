"""Packages of a user's that have the names of ours and would be imported in their place.

Looks at folders and says what to rename; imports nothing.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from infra.contract.errors import UsageError

OURS: Final = ("infra", "runtime", "localcloud")
_HERE: Final = Path(__file__).parents[2]


def require_own_packages(program: Path, *, path: Sequence[str] | None = None) -> None:
    """Raise ``UsageError`` where ``program`` would import somebody else's ``infra``.

    ``program`` is the folder of a program, which comes first when it runs; ``path`` (default:
    ``sys.path``) what comes after it.
    """
    found = list(shadowing([program, *map(Path, sys.path if path is None else path)]))
    if not found:
        return
    names = " and ".join(f"{each.stem!r}" for each in found)
    raise UsageError(
        f"{' and '.join(map(str, found))} would be imported instead of aml-platform's {names}.",
        remedy=f"Rename it, for instance to 'platform_{found[0].stem}', and mend its imports.",
        at=str(found[0]),
    )


def shadowing(folders: Sequence[Path]) -> Iterator[Path]:
    """Yield modules and packages of our names that come before ours on a path of folders.

    A folder without ``__init__.py`` hides nothing: Python prefers a package that has one.
    """
    seen: set[Path] = set()
    for folder in folders:
        if folder.resolve() == _HERE:
            return  # ours come first from here on
        for name in OURS:
            for candidate in (folder / name / "__init__.py", folder / f"{name}.py"):
                if candidate.is_file() and candidate not in seen:
                    seen.add(candidate)
                    yield candidate.parent if candidate.name == "__init__.py" else candidate
