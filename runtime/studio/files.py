"""A file of a run, read to be shown: text, JSON, a table, a picture, or nothing but a download.

Names and contents come from anywhere: they are text, and a page of theirs never runs as ours.
"""

import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias

from runtime.agent.files import Below, is_inside, readable_below
from runtime.studio.terminal_text import plain

Kind: TypeAlias = Literal["text", "table", "picture", "html", "other"]
MOST_BYTES: Final = 1024 * 1024
MOST_ROWS: Final = 500
PICTURES: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
_TABLES: Final = {".csv": ",", ".tsv": "\t"}
_LOGS: Final = frozenset({".txt", ".log"})
_PAGES: Final = frozenset({".html", ".htm"})


@dataclass(frozen=True, slots=True)
class Shown:
    """A file as a page shows it. ``cut``: there is more of it than that."""

    name: str
    size: int
    kind: Kind
    text: str = ""
    rows: Sequence[Sequence[str]] = field(default_factory=list)
    cut: bool = False


def listed(folder: Path) -> Sequence[tuple[str, int]]:
    """Return the names and sizes in bytes of the files below a folder, sorted."""
    if not folder.is_dir():
        return []
    return [(name, (folder / name).stat().st_size) for name in readable_below(folder)]


def file_of(folder: Path, name: str) -> Path:
    """Return a file below a folder. Raises ``OutsideError`` for a name that leads out of it."""
    file = Below(folder).file(name)
    if not file.is_file() or not is_inside(folder, file):
        raise FileNotFoundError(name)
    return file


def shown(file: Path, name: str) -> Shown:
    """Read a file to be shown; what it is called may differ from its own name."""
    size, suffix = file.stat().st_size, Path(name).suffix.lower()
    if suffix in PICTURES:
        return Shown(name, size, "picture")
    with file.open("rb") as source:
        content = source.read(MOST_BYTES)
    cut = size > len(content)
    if b"\0" in content:
        return Shown(name, size, "other")
    text = content.decode("utf-8", "replace")
    if suffix in _TABLES:
        with suppress(csv.Error):  # then it is no table that anybody reads
            rows = list(csv.reader(io.StringIO(text), delimiter=_TABLES[suffix]))
            more = len(rows) > MOST_ROWS
            return Shown(name, size, "table", rows=rows[:MOST_ROWS], cut=cut or more)
    if suffix == ".json" and not cut:
        text = _indented(text)
    if suffix in _LOGS:
        text = plain(text)
    return Shown(name, size, "html" if suffix in _PAGES else "text", text, cut=cut)


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text
