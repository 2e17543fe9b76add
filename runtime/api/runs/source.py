"""Where the record and the events of a run are: its own, or those of the run that created it."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from infra.contract.json_types import Document
from runtime.history.child_runs import part_record
from runtime.model.runs import EventKind, RunEvent, RunRecord
from runtime.submit.collect import collect
from runtime.submit.interactive import run_folder
from runtime.submit.notes import note
from runtime.submit.session import ProjectSession, waits_for_driver
from runtime.submit.watch import Watcher
from runtime.targets.base import INTERACTIVE


class Source:
    """One run in the history of ``session``.

    ``root`` is the run whose events tell of it. That is another one for a child that a script
    created: those have no record of their own.
    """

    def __init__(self, session: ProjectSession, run_id: str) -> None:
        self.session = session
        self.run_id = run_id
        self.root = session.history.root_of(run_id)

    @property
    def is_part(self) -> bool:
        """Whether the run has no record of its own."""
        return self.root != self.run_id

    @property
    def is_interactive(self) -> bool:
        """Whether a process logs the run itself, without a script."""
        return self.session.history.record(self.root).handle == INTERACTIVE

    @property
    def record(self) -> RunRecord:
        """The run as the history has it."""
        root = self.session.history.record(self.root)
        return part_record(root, self.run_id, list(self.events())) if self.is_part else root

    def events(self) -> Iterator[RunEvent]:
        """Yield the events of the root, in the order they came."""
        return (event for _, event in self.session.history.events(self.root))

    def note(self, kind: EventKind, data: Document) -> None:
        """Append an event about the run."""
        about = {**data, "run": self.run_id} if self.is_part else data
        note(self.session.history, self.root, kind, about, time_s=time.time())

    def refresh(self) -> RunRecord:
        """Ask the target, and return the record."""
        root = self.session.history.record(self.root)
        if not (root.state.final or waits_for_driver(root)):
            Watcher(self.session.history).refresh(self.session.targets_of(root))
        return self.record

    def files(self, report: Sequence[str] | None = None) -> Path:
        """Return the folder of the run's files, which are collected if they were not yet.

        Raises ``UsageError`` while a script runs. What is left out is appended to ``report``.
        """
        root = self.session.history.record(self.root)
        live = run_folder(self.session.home, self.root).artifacts
        if root.handle == INTERACTIVE and not root.state.final:
            return live
        if root.outputs is None:
            left_out: list[str] = []
            target = self.session.target_of(root)
            collect(
                self.session.history, target, self.root, self.session.home, report=left_out.append
            )
            if isinstance(report, list):
                report += left_out
            root = self.session.history.record(self.root)
        folder = Path(str(root.outputs))
        return folder / "runs" / self.run_id if self.is_part else folder
