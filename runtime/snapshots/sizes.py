"""Where the bytes of a tree are: its largest entries, files and folders. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from runtime.agent.files import printable

LARGE_BYTES: Final = 25 * 1024**2
LARGE_FILES: Final = 500
"""From this many bytes or files on, a person is told what makes up a snapshot. Azure ML's SDK warns
from 25 MB on."""
_SHOWN: Final = 5
_KIB: Final = 1024
_MOST_OF_IT: Final = 0.8


@dataclass(slots=True)
class Entry:
    """A file, or a folder with all that is below it; a folder's path ends in a slash."""

    path: str
    size: int = 0
    files: int = 0

    def __str__(self) -> str:
        inside = f" ({self.files:,} files)" if self.files > 1 else ""
        return f"{printable(self.path)} {size_text(self.size)}{inside}"


def is_large(sizes: Mapping[str, int]) -> bool:
    """Return whether a person is told the size of what is sent; ``sizes`` maps paths to bytes."""
    return len(sizes) >= LARGE_FILES or sum(sizes.values()) >= LARGE_BYTES


def largest_entries(sizes: Mapping[str, int]) -> list[Entry]:
    """Return the entries with the most bytes, largest first; none is inside another.

    In place of a folder that is mostly one of its entries, that entry is listed.
    """
    entries, inside = _entries(sizes)
    found = [_narrowed(name, entries, inside) for name in inside.get("", ())]
    return sorted(found, key=lambda entry: (-entry.size, -entry.files, entry.path))[:_SHOWN]


def size_note(sizes: Mapping[str, int], what: str) -> str:
    """Return a sentence about a large tree, ``""`` for a small one.

    ``what`` is what its files do: ``are new``.
    """
    if not is_large(sizes):
        return ""
    listed = ", ".join(map(str, largest_entries(sizes)))
    return (
        f"The snapshot has {len(sizes):,} files that {what}, {size_text(sum(sizes.values()))}."
        f" The largest: {listed}. What the run does not need can be listed in .amlignore"
    )


def size_text(size: float) -> str:
    """Return a number of bytes as people write it: ``831 B``, ``3.4 KiB``, ``12.0 MiB``."""
    for unit in ("B", "KiB", "MiB"):
        if size < _KIB:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= _KIB
    return f"{size:.1f} GiB"


def mib(size: int) -> str:
    """Return a number of bytes in MiB."""
    return f"{size / 1024**2:,.1f}"


def _entries(sizes: Mapping[str, int]) -> tuple[dict[str, Entry], dict[str, dict[str, None]]]:
    """Return each file and folder by its path, and what is directly in each folder."""
    entries: dict[str, Entry] = {}
    inside: dict[str, dict[str, None]] = {}
    for path, size in sizes.items():
        above = ""
        for each in (*_folders(path), path):
            entry = entries.get(each)
            if entry is None:
                entry = entries[each] = Entry(each)
                inside.setdefault(above, {})[each] = None
            entry.size += size
            entry.files += 1
            above = each
    return entries, inside


def _folders(path: str) -> Iterator[str]:
    at = path.find("/")
    while at >= 0:
        yield path[: at + 1]
        at = path.find("/", at + 1)


def _narrowed(
    path: str, entries: Mapping[str, Entry], inside: Mapping[str, Mapping[str, None]]
) -> Entry:
    entry = entries[path]
    while path in inside:
        largest = max((entries[each] for each in inside[path]), key=lambda each: each.size)
        if largest.size < _MOST_OF_IT * entry.size:
            break
        path, entry = largest.path, largest
    return entry
