"""Lists the files of a source folder that belong to a snapshot.

Ignore rules come from one file at the root: ``.amlignore`` if it exists, else ``.gitignore``, with
git's meaning. ``.git``, ``.aml``, ``.venv``, ``__pycache__``, the stack files of Pulumi and their
schema are excluded unless a rule re-includes them by name. Reads names and sizes, never contents.
"""

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from infra.contract.errors import DefinitionError
from runtime.agent.files import printable, storable
from runtime.snapshots.patterns import IgnoreRule, IgnoreRules, parse_rules
from runtime.snapshots.reinclusion import Entry, Walked, difference_notes, named

IGNORE_FILES: Final = (".amlignore", ".gitignore")
_HOME: Final = ".aml"
_SCHEMA: Final = "stack.schema.json"
LEFT_OUT_BY_DEFAULT: Final = frozenset({".git", ".venv", "__pycache__", _HOME, _SCHEMA})
_STACK_FILE: Final = re.compile(r"Pulumi\..+\.ya?ml")
"""The configuration of a stack, with its secrets; ``Pulumi.yaml`` is the project's and has none."""


class Found(NamedTuple):
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
    nothing, unreadable files, and names that blob storage refuses are left out, with a note. So is
    what the default rules exclude, and there is a note for files that Azure ML's own clients would
    treat differently.
    """
    if not root.is_dir():
        raise DefinitionError(
            f"There is no folder {root}.", remedy="Give the folder of the script.", at=str(root)
        )
    listing = Listing()
    rules: Sequence[IgnoreRule] = ()
    for name in IGNORE_FILES:
        if (root / name).is_file():
            listing.ignore_file = name
            text = (root / name).read_text(encoding="utf-8", errors="surrogateescape")
            rules = parse_rules(text, name)
            break
    walk = _Walk(root.resolve(), rules)
    walk.folder("", reincluded=False)
    listing.files = sorted(walk.files, key=lambda found: found.path)
    listing.notes += _default_notes(walk.left_out_by_default)
    listing.notes += _stack_file_notes(walk.stack_files)
    listing.notes += difference_notes(walk.root, rules, walk.walked)
    listing.notes += walk.notes
    return listing


class _Walk:
    """One walk of a source folder. It keeps what it found, and what it did not enter."""

    def __init__(self, root: Path, rules: Sequence[IgnoreRule]) -> None:
        self.root = root
        self.files: list[Found] = []
        self.notes: list[str] = []
        self.left_out_by_default: list[str] = []
        self.stack_files: list[str] = []
        self.walked = Walked()
        self._rules = IgnoreRules(rules)
        self._reincludes = any(rule.negated for rule in rules)
        self._user = os.geteuid()

    def folder(self, below: str, *, reincluded: bool) -> None:
        """List a folder; ``below`` is empty or ends in a slash."""
        try:
            with os.scandir(f"{self.root}/{below}") as found:
                entries = list(found)
        except OSError as error:
            name = printable(below) or "."
            self.notes.append(f"{name} cannot be read ({error.strerror}) and is left out")
            return
        for entry in entries:
            self._entry(entry, below + entry.name, reincluded=reincluded)

    def _entry(self, entry: "os.DirEntry[str]", path: str, *, reincluded: bool) -> None:
        folder = entry.is_dir(follow_symlinks=False)
        rule = self._rules.deciding(path, entry.name, folder=folder)
        if rule is not None and not rule.negated:
            if self._reincludes:
                self.walked.left_out.append(Entry(path, rule, folder))
            return
        if entry.name in LEFT_OUT_BY_DEFAULT and _by_default(path, entry.name, rule):
            self.left_out_by_default.append(path)
            return
        if not folder and _is_stack_file(entry.name, rule):
            self.stack_files.append(path)
            return
        again = reincluded or (rule is not None and rule.negated)
        if folder:
            self.folder(f"{path}/", reincluded=again)
        elif entry.is_symlink():
            self._linked(path)
        elif entry.is_file():
            if again:
                self.walked.reincluded.append(path)
            self._readable(path, entry.stat())

    def _linked(self, path: str) -> None:
        try:
            target = (self.root / path).resolve()
        except (OSError, RuntimeError):  # RuntimeError before Python 3.13
            self.notes.append(f"{printable(path)} is a link to itself and is left out")
            return
        if not target.is_relative_to(self.root):
            why = "out of the source folder"
            self.notes.append(f"{printable(path)} is a link {why} and is left out")
        elif not target.is_file():
            kind = "a folder" if target.is_dir() else "nothing"
            self.notes.append(f"{printable(path)} is a link to {kind} and is left out")
        else:
            self._readable(path, target.stat())

    def _readable(self, path: str, status: os.stat_result) -> None:
        # The system is asked only where the mode does not tell: most files are the user's own.
        owned = status.st_uid == self._user and status.st_mode & stat.S_IRUSR
        plain = path.isascii() and path.isprintable()
        if not plain and not storable(path):
            why = "has a name that no cloud can store"
            self.notes.append(f"{printable(path)} {why} and is left out")
        elif not owned and not os.access(self.root / path, os.R_OK):
            self.notes.append(f"{printable(path)} cannot be read and is left out")
        else:
            self.files.append(Found(path, status))


def _by_default(path: str, name: str, rule: IgnoreRule | None) -> bool:
    """Return whether an entry with one of the default names is left out."""
    # `!*/` re-includes all folders, and means the folders of the project.
    return (name != _HOME or path == _HOME) and (rule is None or name not in rule.text)


def _is_stack_file(name: str, rule: IgnoreRule | None) -> bool:
    """Return whether this is a stack file that no rule re-includes by name."""
    if not name.startswith("Pulumi.") or _STACK_FILE.fullmatch(name) is None:
        return False
    return rule is None or "Pulumi" not in rule.text


def _stack_file_notes(paths: Sequence[str]) -> list[str]:
    if not paths:
        return []
    verb = "is" if len(paths) == 1 else "are"
    left_out = f"{named(sorted(paths))} {verb} left out by default, as stack files hold secrets"
    return [f"{left_out}; `!Pulumi.*.yaml` in .amlignore includes them"]


def _default_notes(paths: Sequence[str]) -> list[str]:
    if all(path == _HOME or path.rpartition("/")[2] == _SCHEMA for path in paths):
        return []  # our own, which nobody looks for
    paths = sorted(paths)
    rule = paths[-1].rpartition("/")[2]
    verb = "is" if len(paths) == 1 else "are"
    return [f"{named(paths)} {verb} left out by default; `!{rule}` in .amlignore includes {rule}"]
