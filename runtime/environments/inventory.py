"""What the cache of built environments holds, and which of it can go."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from infra.contract.errors import UnknownNameError
from infra.contract.load import nearest
from runtime.environments.builders import LOCK_FILE
from runtime.environments.cache import RECORD
from runtime.environments.resolved import ResolvedLock


@dataclass(frozen=True, slots=True)
class StoredEnvironment:
    """A built environment. ``name`` is its folder's, ``hash`` the identity of its declaration.

    ``size`` is in bytes; ``built`` and ``used`` are seconds since the epoch.
    """

    name: str
    hash: str
    folder: Path
    python: str
    size: int
    built: float
    used: float
    source: str | None = None
    requirements: tuple[str, ...] = ()
    lock: ResolvedLock | None = None


def stored(root: Path) -> list[StoredEnvironment]:
    """Return the built environments below ``root``, the most recently used first."""
    found = [_read(record) for record in root.glob(f"*/{RECORD}")]
    return sorted((each for each in found if each), key=lambda each: -each.used)


def named(found: Sequence[StoredEnvironment], name: str) -> StoredEnvironment:
    """Return the environment of which ``name`` is the name or its beginning.

    Raises ``UnknownNameError`` if there is none, or several.
    """
    exact = [each for each in found if each.name == name]
    matches = exact or [each for each in found if each.name.startswith(name)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(each.name for each in matches)
        raise UnknownNameError(
            f"{name!r} is the beginning of several environments: {names}.",
            remedy="Give more of the name.",
        )
    raise UnknownNameError(
        f"There is no built environment {name!r}.",
        remedy=nearest(name, {each.name: each for each in found}, noun="environment")
        if found
        else "Build one with `aml env build FILE`.",
    )


class Prunable(Protocol):
    """Something that was used last at a time, and takes so many bytes."""

    @property
    def used(self) -> float: ...

    @property
    def size(self) -> int: ...


Stored = TypeVar("Stored", bound=Prunable)


def to_prune(
    found: Iterable[Stored],
    *,
    now: float,
    older_than_s: float | None = None,
    keep: int | None = None,
    size: int | None = None,
) -> list[Stored]:
    """Return what goes: each that one of the conditions takes. The least recently used go first.

    ``older_than_s``: those not used for so long. ``keep``: all but so many. ``size``: what exceeds
    so many bytes.
    """
    gone, total = [], 0
    for number, each in enumerate(sorted(found, key=lambda one: -one.used), start=1):
        total += each.size
        if (
            (older_than_s is not None and now - each.used > older_than_s)
            or (keep is not None and number > keep)
            or (size is not None and total > size)
        ):
            gone.append(each)
    return gone


def _read(record: Path) -> StoredEnvironment | None:
    """Return the environment of a record; ``None`` if it is being removed."""
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        used = record.stat().st_mtime
    except (OSError, ValueError):
        return None
    folder = record.parent
    try:
        lock = ResolvedLock((folder / LOCK_FILE).read_text(encoding="utf-8"))
    except OSError:
        lock = None  # of an earlier release
    return StoredEnvironment(
        name=folder.name,
        hash=str(found.get("hash", folder.name)),
        folder=folder,
        python=(lock.python if lock else "") or str(found.get("python", "")),
        size=int(found.get("size", 0)),
        built=float(found.get("built", 0)),
        used=used,
        source=found.get("source"),
        requirements=tuple(found.get("requirements", ())),
        lock=lock,
    )
