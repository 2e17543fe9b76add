"""Which clusters were made for runs and are to be deleted, one file a run in ``run-clusters``.

A file is written before its cluster is asked for and removed when the cluster's deletion was
accepted, so that no crash in between leaves a cluster that nobody knows of.
"""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.targets.base import RUN_CLUSTERS

NAME: Final = "amlcompute"
"""The target that makes a cluster for a run; no compute may have this name."""
_STARTED_AT: Final = "runtime.agent.process_tree:started_at"


@dataclass(frozen=True, slots=True)
class RunClusterRecord:
    """A cluster (its ARM id) and who submits its run: a process, and when that was started."""

    run_id: str
    compute: str
    stack: str
    pid: int
    started: str

    @property
    def submitting(self) -> bool:
        """Whether the process that makes the cluster is still there; the job may be missing."""
        return bool(self.started) and bool(load(_STARTED_AT)(self.pid) == self.started)


class RunClusterRecords:
    """The records below ``home``, a project's ``.aml`` folder."""

    def __init__(self, home: Path) -> None:
        self._folder = home / RUN_CLUSTERS

    def add(self, run_id: str, compute: str, stack: str) -> None:
        """Record a cluster that this process is about to make."""
        folder = private_folder(self._folder)
        pid = os.getpid()
        started = load(_STARTED_AT)(pid)
        document = {"compute": compute, "stack": stack, "pid": pid, "started": started}
        partial = private_file(folder / f".{pid}-{run_id}")
        partial.write_text(json.dumps(document), encoding="utf-8")
        partial.replace(folder / f"{run_id}.json")

    def get(self, run_id: str) -> RunClusterRecord | None:
        """Return the record of a run; ``None`` if nothing is left to delete."""
        try:
            text = (self._folder / f"{run_id}.json").read_text(encoding="utf-8")
            return RunClusterRecord(run_id, **json.loads(text))
        except (OSError, ValueError, TypeError):
            return None

    def all(self) -> Sequence[RunClusterRecord]:
        """Return every record."""
        names = sorted(file.stem for file in self._folder.glob("[!.]*.json"))
        return [record for record in map(self.get, names) if record is not None]

    def remove(self, run_id: str) -> None:
        """Forget a cluster that is gone, or that is kept."""
        with suppress(FileNotFoundError):
            (self._folder / f"{run_id}.json").unlink()
