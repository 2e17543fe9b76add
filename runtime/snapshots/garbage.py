"""Finds and deletes what no run needs any more in the store of snapshots.

Trees go before the contents they name: a tree that is there has all of its contents, also after a
crash in between. Whoever deletes holds the store alone (``runtime.snapshots.use``).
"""

import json
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_OBJECT: Final = re.compile(r"[0-9a-f]{62}")
_TREE: Final = re.compile(r"[0-9a-f]{40}\.json")


@dataclass(frozen=True, slots=True)
class Garbage:
    """Files of the store that are not needed: trees, then contents; and their bytes."""

    trees: tuple[Path, ...]
    objects: tuple[Path, ...]
    size: int

    def delete(self) -> None:
        """Delete the files. One that is gone already is no error."""
        for file in (*self.trees, *self.objects):
            with suppress(FileNotFoundError):
                file.unlink()


def garbage(root: Path, needed: Collection[str]) -> Garbage:
    """Return what is in the store below ``root`` beside the ``needed`` snapshots.

    Includes what an interrupted submission left. If a needed tree cannot be read, no content is
    garbage.
    """
    trees = tuple(file for file in _files(root / "trees") if not _is_needed(file, needed))
    kept = _contents(root, needed)
    objects = (
        ()
        if kept is None
        else tuple(
            file
            for folder in _folders(root / "objects")
            for file in _files(folder)
            if not _OBJECT.fullmatch(file.name) or folder.name + file.name not in kept
        )
    )
    return Garbage(trees, objects, sum(_size(file) for file in (*trees, *objects)))


def _is_needed(tree: Path, needed: Collection[str]) -> bool:
    return bool(_TREE.fullmatch(tree.name)) and tree.stem in needed


def _contents(root: Path, needed: Collection[str]) -> set[str] | None:
    """Return the contents that the needed trees name, ``None`` if one cannot be read."""
    found: set[str] = set()
    for snapshot in needed:
        try:
            document = json.loads((root / "trees" / f"{snapshot}.json").read_text(encoding="utf-8"))
            found |= {str(file["sha256"]) for file in document["files"]}
        except FileNotFoundError:
            continue  # of a run of another machine
        except (OSError, ValueError, KeyError, TypeError):
            return None
    return found


def _folders(folder: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (each for each in folder.iterdir() if each.is_dir())


def _files(folder: Path) -> list[Path]:
    with suppress(OSError):
        return [each for each in folder.iterdir() if each.is_file()]
    return []


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0
