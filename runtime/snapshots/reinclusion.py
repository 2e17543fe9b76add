"""Finds the files that Azure ML's own clients would treat differently from git.

A snapshot follows git: nothing below an excluded folder is re-included. Azure ML's SDK and CLI
match each path with its parents in one go, and the SDK, which walks the tree, enters some folders
that git does not. Only files that are really there are reported. Reads names, writes nothing.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from runtime.agent.files import printable
from runtime.snapshots.patterns import IgnoreRule, IgnoreRules
from runtime.snapshots.wildmatch import as_bytes

_MOST_ENTRIES: Final = 5_000
"""How many entries below excluded folders are looked at: data sets have millions."""
_SHOWN: Final = 3
_CLIENTS: Final[Mapping[tuple[bool, bool], str]] = {
    (True, True): "Azure ML's SDK and CLI",
    (True, False): "Azure ML's SDK v1",
    (False, True): "Azure ML's CLI v2",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder that ``rule`` excludes."""

    path: str
    rule: IgnoreRule
    folder: bool


@dataclass(slots=True)
class Walked:
    """What a walk found where rules re-include: entries left out, and files re-included."""

    left_out: list[Entry] = field(default_factory=list)
    reincluded: list[str] = field(default_factory=list)


class _Group(NamedTuple):
    """Files that ``rule`` excludes, ``again`` re-includes, and ``clients`` would send.

    ``below``: the rule excludes a folder above them.
    """

    rule: IgnoreRule
    again: IgnoreRule
    clients: str
    below: bool


def difference_notes(root: Path, rules: Sequence[IgnoreRule], walked: Walked) -> list[str]:
    """Return a note for each pair of rules by which other clients would send other files."""
    if not any(rule.negated for rule in rules):
        return []
    reincluding = IgnoreRules(rule for rule in rules if rule.negated)
    groups: dict[_Group, list[str]] = {}
    for path, rule, below in _candidates(root, walked.left_out, reincluding):
        clients = _CLIENTS.get((sdk_sends(rules, path), cli_sends(rules, path)))
        if clients is not None:
            group = _Group(rule, _reincluding(rules, path), clients, below)
            groups.setdefault(group, []).append(path)
    dropped: dict[str, list[str]] = {}
    for path in walked.reincluded:
        clients = _CLIENTS.get((not sdk_sends(rules, path), not cli_sends(rules, path)))
        if clients is not None:
            dropped.setdefault(clients, []).append(path)
    return [
        *(_left_out_note(paths, group) for group, paths in groups.items()),
        *(_sent_note(paths, clients) for clients, paths in dropped.items()),
    ]


def sdk_sends(rules: Sequence[IgnoreRule], path: str) -> bool:
    """Return whether SDK v1's walk of the tree sends a file.

    It matches each folder on the way without its final slash, so that ``data/`` does not keep it
    from entering ``data``.
    """
    return not any(_cut(rules, each) for each in (*_parents(path), path))


def cli_sends(rules: Sequence[IgnoreRule], path: str) -> bool:
    """Return whether the CLI's flat list of all paths has a file."""
    return not _cut(rules, path)


def named(paths: Sequence[str]) -> str:
    """Return the first of many paths, and how many more there are."""
    shown = ", ".join(printable(path) for path in paths[:_SHOWN])
    return shown + (f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else "")


def _cut(rules: Sequence[IgnoreRule], path: str) -> bool:
    """Return whether the last rule that matches a path, or a folder above it, excludes it."""
    rule = _last(rules, path)
    return rule is not None and not rule.negated


def _last(rules: Iterable[IgnoreRule], path: str) -> IgnoreRule | None:
    path = as_bytes(path)
    parents = _parents(path)
    for rule in reversed(tuple(rules)):
        if any(_matches(rule, each) for each in parents):
            return rule
        if not rule.folders_only and _matches(rule, path):
            return rule
    return None


def _reincluding(rules: Sequence[IgnoreRule], path: str) -> IgnoreRule:
    """Return the rule by which another client sends a path."""
    rule = _last((rule for rule in rules if rule.negated), path)
    if rule is None:
        raise AssertionError("only paths that a rule re-includes are asked for")
    return rule


def _matches(rule: IgnoreRule, path: str) -> bool:
    return rule.matches(path if rule.anchored else path.rpartition("/")[2]) is not None


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _candidates(
    root: Path, left_out: Iterable[Entry], reincluding: IgnoreRules
) -> Iterator[tuple[str, IgnoreRule, bool]]:
    """Yield the files that are left out and re-included, and whether their folder is left out."""
    seen = 0
    for entry in left_out:
        if not entry.folder:
            if _last(reincluding.rules, entry.path):
                yield entry.path, entry.rule, False
            continue
        for path in _below(root, f"{entry.path}/"):
            seen += 1
            if seen > _MOST_ENTRIES:
                return
            if _last(reincluding.rules, path):
                yield path, entry.rule, True


def _below(root: Path, folder: str) -> Iterator[str]:
    try:
        with os.scandir(root / folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _below(root, f"{folder}{entry.name}/")
        elif entry.is_file(follow_symlinks=False):
            yield folder + entry.name


def _left_out_note(paths: Sequence[str], group: _Group) -> str:
    verb, them = ("is", "it") if len(paths) == 1 else ("are", "them")
    excludes = f"`{group.rule.text}` ({group.rule.place})"
    why = (
        f"nothing below a folder that {excludes} excludes can be re-included"
        if group.below
        else f"{excludes} excludes {them} by name"
    )
    return (
        f"{named(paths)} {verb} left out although `{group.again.text}` ({group.again.place})"
        f" re-includes {them}: as in git, {why}. {group.clients} would send {them}"
    )


def _sent_note(paths: Sequence[str], clients: str) -> str:
    verb, them = ("is", "it") if len(paths) == 1 else ("are", "them")
    return (
        f"{named(paths)} {verb} sent, as the ignore rules mean in git; {clients} would leave"
        f" {them} out"
    )
