"""Lists the files of a source folder that belong to a snapshot.

Ignore rules come from one file at the root: ``.amlignore`` if it exists, else ``.gitignore``, with
git's meaning. ``.git``, ``.aml``, ``.venv`` and ``__pycache__`` are excluded unless a rule
re-includes them. Reads names and sizes, never contents.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.agent.files import printable, storable
from runtime.snapshots.patterns import IgnoreRule, excluded, parse_rules

IGNORE_FILES: Final = (".amlignore", ".gitignore")
LEFT_OUT_BY_DEFAULT: Final = ".git\n/.aml\n.venv\n__pycache__/\n"


@dataclass(frozen=True, slots=True)
class Found:
    """One file: its POSIX path relative to the root, and its ``stat``."""

    path: str
    stat: os.stat_result


@dataclass(slots=True)
class Listing:
    """The files of a folder, sorted by path; ``notes`` lists what was left out, and why."""

    files: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ignore_file: str | None = None


def list_files(root: Path) -> Listing:
    """Return the files below ``root`` that belong to a snapshot.

    A symbolic link to a file inside the root is followed. Links out of the root, to folders or to
    nothing, unreadable files, and names that blob storage refuses are left out, with a note.
    """
    if not root.is_dir():
        raise DefinitionError(
            f"There is no folder {root}.", remedy="Give the folder of the script.", at=str(root)
        )
    listing = Listing()
    rules = parse_rules(LEFT_OUT_BY_DEFAULT)
    for name in IGNORE_FILES:
        if (root / name).is_file():
            listing.ignore_file = name
            text = (root / name).read_text(encoding="utf-8", errors="surrogateescape")
            rules += parse_rules(text)
            break
    listing.files = sorted(_walk(root.resolve(), "", rules, listing.notes), key=lambda f: f.path)
    return listing


def _walk(root: Path, below: str, rules: Sequence[IgnoreRule], notes: list[str]) -> Iterator[Found]:
    try:
        entries = list(os.scandir(root / below))
    except OSError as error:
        notes.append(f"{printable(below) or '.'} cannot be read ({error.strerror}) and is left out")
        return
    for entry in entries:
        path = below + entry.name
        folder = entry.is_dir(follow_symlinks=False)
        if excluded(rules, path, folder=folder):
            continue
        if folder:
            yield from _walk(root, f"{path}/", rules, notes)
        elif entry.is_symlink():
            yield from _linked(root, path, notes)
        elif entry.is_file():
            yield from _readable(root, path, entry.stat(), notes)


def _linked(root: Path, path: str, notes: list[str]) -> Iterator[Found]:
    try:
        target = (root / path).resolve()
    except (OSError, RuntimeError):  # RuntimeError before Python 3.13
        notes.append(f"{printable(path)} is a link to itself and is left out")
        return
    if not target.is_relative_to(root):
        notes.append(f"{printable(path)} is a link out of the source folder and is left out")
    elif not target.is_file():
        kind = "a folder" if target.is_dir() else "nothing"
        notes.append(f"{printable(path)} is a link to {kind} and is left out")
    else:
        yield from _readable(root, path, target.stat(), notes)


def _readable(root: Path, path: str, stat: os.stat_result, notes: list[str]) -> Iterator[Found]:
    if not storable(path):
        notes.append(f"{printable(path)} has a name that no cloud can store and is left out")
    elif not os.access(root / path, os.R_OK):
        notes.append(f"{printable(path)} cannot be read and is left out")
    else:
        yield Found(path, stat)
