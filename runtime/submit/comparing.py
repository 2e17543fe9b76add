"""Finds what is known of two runs on this machine, and compares them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError, UsageError
from infra.contract.json_types import Document
from runtime.environments.lock_store import FOLDER as LOCKS
from runtime.environments.lock_store import LockStore
from runtime.history.store import Filter, History
from runtime.model.environments import LOCK_PROPERTY
from runtime.model.runs import RunRecord, SourceSnapshot
from runtime.snapshots.store import SnapshotStore, object_file
from runtime.submit.differences import Differences, FileChange, Known, differences, text_diff
from runtime.submit.kept_specs import FOLDER as SPECS
from runtime.submit.prepare import SNAPSHOT_PROPERTY

_NO_FILE: Final = "/dev/null"
_SETTINGS: Final = ("name", "version", "python", "interpreter")


def run_before(history: History, record: RunRecord) -> RunRecord:
    """Return the run before ``record`` in its experiment. ``UsageError`` if there is none."""
    if not history.has(record.run_id):
        raise UsageError(
            f"Run {record.run_id} was started by run {history.root_of(record.run_id)}: none is"
            " before it in its experiment.",
            remedy="Name the run to compare it with: `aml run diff RUN OTHER`.",
        )
    found = False
    for each in history.each_run(Filter(record.experiment)):
        if found:
            return each
        found = each.run_id == record.run_id
    raise UsageError(
        f"Run {record.run_id} is the first of experiment {record.experiment!r}.",
        remedy="Name the run to compare it with: `aml run diff RUN OTHER`.",
    )


def compared(home: Path, one: RunRecord, other: RunRecord) -> Differences:
    """Return the differences of two runs; the earlier one is ``before``."""
    before, after = sorted((one, other), key=lambda record: (record.created, record.run_id))
    return differences(known_of(home, before), known_of(home, after))


def file_diff(home: Path, change: FileChange) -> list[str] | None:
    """Return the unified diff of a file, ``None`` if it is no text, is large or is not here."""
    objects = home / "snapshots" / "objects"
    try:
        old, new = (
            object_file(objects, file.sha256).read_bytes() if file else b""
            for file in (change.before, change.after)
        )
    except OSError:
        return None
    names = tuple(file.path if file else _NO_FILE for file in (change.before, change.after))
    lines = text_diff(old, new, (names[0], names[1]))
    return None if lines is None else list(lines)


def known_of(home: Path, record: RunRecord) -> Known:
    """Return what this machine knows of a run: its files, its packages, what was declared."""
    snapshot = _snapshot(home, record)
    return Known(
        record,
        files=snapshot.files if snapshot else None,
        packages=_packages(home, record),
        declared=_declared(home, record),
    )


def _snapshot(home: Path, record: RunRecord) -> SourceSnapshot | None:
    try:
        return SnapshotStore(home / "snapshots").load(record.properties[SNAPSHOT_PROPERTY])
    except (PlatformError, KeyError):
        return None  # taken on another machine, or pruned


def _packages(home: Path, record: RunRecord) -> Mapping[str, str]:
    digest = record.properties.get(LOCK_PROPERTY)
    if digest is None:
        return {}
    try:
        lock = LockStore(home / LOCKS).load(digest)
    except PlatformError:
        return {}
    return {"python": lock.python, **lock.versions}


def _declared(home: Path, record: RunRecord) -> str:
    """Return what a run's environment was declared as, as far as its submission kept it."""
    kept = home / SPECS / f"{record.run_id}.json"
    for file in (kept, home / "runs" / record.run_id / "run.json"):
        try:
            document: Document = json.loads(file.read_text(encoding="utf-8"))
            environment: Document = document["environment"] or {}
        except (OSError, ValueError, KeyError, TypeError):
            continue
        return "\n".join(_lines(environment))
    return ""


def _lines(environment: Document) -> Iterator[str]:
    """Yield the settings and the documents of an environment that say what is installed."""
    for key in _SETTINGS:
        if environment.get(key):
            yield f"{key}: {environment[key]}"
    image: Document = environment.get("image") or {}
    if image.get("name"):
        yield f"image: {image['name']}"
    for text in (
        image.get("dockerfile"),
        environment.get("conda"),
        environment.get("requirements"),
    ):
        if text:
            yield str(text)
