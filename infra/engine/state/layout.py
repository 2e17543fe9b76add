"""Where state is stored: the folders and files of Pulumi's file backend.

Finds, names and reads files. ``disk`` changes them; other modules know their content.
"""

import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from infra.contract.errors import StateError, UsageError

SUFFIXES: Final = (".json", ".json.gz", ".json.zst")
_FILE: Final = "file://"
JOURNAL: Final = ".json.journal"
BASE: Final = ".json.base"
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_QUERY: Final = re.compile(r"\?[A-Za-z_]+=[^/]*$")


def state_folder(where: str | Path, home: Path | None = None) -> Path:
    """Return the folder a backend URL (``file://…``) or a path means; ``~`` is the home folder."""
    text = str(where)
    rest = text
    if text.startswith(_FILE):
        rest = unquote(_QUERY.sub("", text.removeprefix(_FILE)))
    if rest == "~" or rest.startswith("~/"):
        rest = str(home or Path.home()) + rest[1:]
    return Path(rest or ".").absolute()


@dataclass(frozen=True)
class StackFiles:
    """The files of one stack below ``root`` (the folder that holds ``.pulumi``).

    A run asks for them dozens of times, so each path is made once.
    """

    root: Path
    project: str
    stack: str
    shown: Callable[[Path], str] = field(default=str, compare=False)
    """What people are shown of a path: that of a copy says nothing to them."""

    @cached_property
    def checkpoint(self) -> Path:
        return self._stacks / f"{self.stack}.json"

    @cached_property
    def journal(self) -> Path:
        return self._stacks / f"{self.stack}{JOURNAL}"

    @cached_property
    def coming(self) -> Path:
        """The next checkpoint, until it replaces the current one."""
        return self._stacks / f"{self.stack}.json.tmp"

    @cached_property
    def previous(self) -> Path:
        return self._stacks / f"{self.stack}.json.bak"

    @cached_property
    def base(self) -> Path:
        """The checkpoint that a run began with, while interim ones stand in its place."""
        return self._stacks / f"{self.stack}{BASE}"

    @cached_property
    def history(self) -> Path:
        return self.root / ".pulumi" / "history" / self.project / self.stack

    @cached_property
    def backups(self) -> Path:
        return self.root / ".pulumi" / "backups" / self.project / self.stack

    @cached_property
    def locks(self) -> Path:
        return self.root / ".pulumi" / "locks" / "organization" / self.project / self.stack

    @cached_property
    def meta(self) -> Path:
        return self.root / ".pulumi" / "meta.yaml"

    @cached_property
    def _stacks(self) -> Path:
        return self.root / ".pulumi" / "stacks" / self.project

    @cached_property
    def _forms(self) -> tuple[Path, ...]:
        """Where a checkpoint may be, plain or compressed."""
        return tuple(self._stacks / f"{self.stack}{suffix}" for suffix in SUFFIXES)

    def current(self) -> Path | None:
        """Return the newest checkpoint file, plain or compressed, if there is one."""
        there = [form for form in self._forms if form.is_file()]
        return max(there, key=lambda form: form.stat().st_mtime_ns, default=None)

    def read(self) -> bytes | None:
        """Return the checkpoint's bytes, uncompressed; ``None`` if there is none."""
        file = self.current()
        if file is None:
            return None
        try:
            data = file.read_bytes()
            if file.suffix == ".gz":
                return gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise StateError(
                f"It cannot be read: {error}.",
                remedy="The file was left as it is. Restore a backup, or fix the permissions.",
                at=self.shown(file),
            ) from error
        if file.suffix == ".zst":
            raise StateError(
                "It is compressed with zstd, which this release does not read.",
                remedy="Export it with the Pulumi CLI, and import that: `aml stack import`.",
                at=self.shown(file),
            )
        return data


def stack_files(
    root: Path, project: str, stack: str, shown: Callable[[Path], str] = str
) -> StackFiles:
    """Return the files of a stack; a name that Pulumi refuses is a ``UsageError``."""
    for what, name in (("project", project), ("stack", stack)):
        if not _NAME.fullmatch(name) or name in {".", ".."}:
            raise UsageError(
                f"{name!r} cannot be the name of a {what}.",
                remedy="Use up to 100 letters, digits, `-`, `_` and `.`.",
            )
    return StackFiles(root, project, stack, shown)


def stack_names(root: Path, project: str) -> list[str]:
    """Return the stacks of a project, by exact suffix: there are other files in that folder."""
    folder = root / ".pulumi" / "stacks" / project
    names = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    found = {name.removesuffix(s) for name in names for s in SUFFIXES if name.endswith(s)}
    return sorted(found)


def hash_of(data: bytes) -> str:
    """Return the hash by which a journal refers to a checkpoint."""
    return hashlib.sha256(data).hexdigest()
