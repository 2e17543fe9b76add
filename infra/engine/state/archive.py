"""The history of operations, and backups of former states.

Written in the layout and format of Pulumi's file backend. Deciding what to prune is pure.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Literal

from infra.contract.json_types import Document, JsonObject
from infra.engine.model.events import Failure
from infra.engine.state.checkpoint import dumped
from infra.engine.state.disk import Disk
from infra.engine.state.layout import StackFiles

KEPT_BACKUPS: Final = 20  # the last ones; of older ones the last of each day

FAILURES: Final = "failures"
"""The key of an entry for what its operation failed of."""

OperationName = Literal["update", "refresh", "destroy", "import"]


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """Describes an operation in the history. ``config`` is the stack file's, secrets encrypted.

    A config value is a string, or ``{"secure": ciphertext}``.
    """

    kind: OperationName = "update"
    message: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    config: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """How an operation ended; ``changes`` counts steps by Pulumi's name for them (``create``).

    ``failures`` are why it failed, without secrets.
    """

    succeeded: bool
    changes: Mapping[str, int] = field(default_factory=dict)
    failures: Sequence[Failure] = ()


class Archive:
    """History and backups of one stack."""

    def __init__(self, files: StackFiles, disk: Disk) -> None:
        self._files = files
        self._disk = disk

    def back_up(self, data: bytes, now_ns: int) -> Path | None:
        """Back up a checkpoint, unless the newest backup is the same; prune old ones."""
        there = self._backups()
        if there and there[-1].read_bytes() == data:
            return None
        file = self._files.backups / f"{self._files.stack}.{now_ns}.json"
        self._disk.write(file, data)
        for old in superfluous([*there, file]):
            self._disk.remove(old)
        return file

    def record(
        self,
        operation: OperationInfo,
        outcome: UpdateResult,
        data: bytes,
        begun_ns: int,
        now_ns: int,
    ) -> None:
        """Write one history entry and the checkpoint it ended with."""
        stem = f"{self._files.stack}-{now_ns}"
        document: JsonObject = {
            "kind": operation.kind,
            "startTime": begun_ns // 1_000_000_000,
            "message": operation.message,
            "environment": dict(sorted(operation.environment.items())),
            "config": dict(sorted(operation.config.items())),
            "version": 0,
            "result": "succeeded" if outcome.succeeded else "failed",
            "endTime": now_ns // 1_000_000_000,
            "resourceChanges": dict(sorted(outcome.changes.items())),
        }
        if outcome.failures:  # ours; the Pulumi CLI passes over what it does not know
            document[FAILURES] = [asdict(failure) for failure in outcome.failures]
        self._disk.write(self._files.history / f"{stem}.checkpoint.json", data)
        self._disk.write(self._files.history / f"{stem}.history.json", dumped(document))

    def clear(self) -> None:
        """Remove the history; backups stay."""
        folder = self._files.history
        for file in folder.glob(f"{self._files.stack}-*") if folder.is_dir() else ():
            self._disk.remove(file)

    def entries(self) -> list[JsonObject]:
        """Return the history, newest first."""
        return [json.loads(file.read_bytes()) for file in reversed(self._entries())]

    def checkpoint(self, number: int) -> tuple[Path, bytes] | None:
        """Return what an operation ended with, numbered from 1; ``None`` if it is not kept."""
        files = self._entries()
        if not 1 <= number <= len(files):
            return None
        entry = files[number - 1]
        file = entry.with_name(entry.name.replace(".history.json", ".checkpoint.json"))
        return (file, file.read_bytes()) if file.exists() else None

    def _entries(self) -> list[Path]:
        folder = self._files.history
        return sorted(folder.glob("*.history.json"), key=_moment_ns) if folder.is_dir() else []

    def _backups(self) -> list[Path]:
        folder = self._files.backups
        files = folder.glob(f"{self._files.stack}.*.json") if folder.is_dir() else ()
        return sorted((file for file in files if _moment_ns(file) > 0), key=_moment_ns)


def superfluous(backups: Sequence[Path]) -> list[Path]:
    """Return the backups, oldest first, that are neither among the last nor the last of a day."""
    older = backups[:-KEPT_BACKUPS]
    last_of_day = {_day(file): file for file in older}
    return [file for file in older if last_of_day[_day(file)] != file]


def _day(file: Path) -> date:
    return datetime.fromtimestamp(_moment_ns(file) / 1e9, UTC).date()


def _moment_ns(file: Path) -> int:
    """Return the time in a file's name (``dev.17952….json``, ``dev-17952….history.json``)."""
    for part in reversed(file.name.replace("-", ".").split(".")):
        if part.isdigit():
            return int(part)
    return 0
