"""Where a submission is: home, stack, history and targets, from options and environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.contract.errors import PlatformError
from infra.contract.project import DEFAULT_STACK, find_project, home_folder, project_root
from runtime.history.store import History
from runtime.model.runs import RunRecord
from runtime.submit.watch import Watcher, unfinished
from runtime.targets.base import Handle, Target
from runtime.targets.finding import Targets


@dataclass(frozen=True, slots=True)
class ProjectSession:
    """What the submissions of one project and stack share."""

    home: Path
    stack: str
    history: History
    targets: Targets
    _others: "dict[str, ProjectSession]" = field(default_factory=dict)

    def close(self) -> None:
        """Close the connections to its targets."""
        for session in self._others.values():
            session.close()
        self.targets.close()

    def target_of(self, record: RunRecord) -> Target:
        """Return the target a run went to, of the stack it was submitted to."""
        if record.stack in {None, self.stack}:
            return self.targets.target(record.target)
        if record.stack not in self._others:
            self._others[str(record.stack)] = open_session(record.stack)
        return self._others[str(record.stack)].targets.target(record.target)

    def handle_of(self, record: RunRecord) -> Handle:
        """Return what the target knows the run by."""
        return Handle(self.target_of(record).name, record.handle or record.run_id)

    def refresh(self) -> Sequence[PlatformError]:
        """Ask the targets about the runs that have not ended; return why some did not answer.

        A target that is gone or silent leaves its runs as they were last seen.
        """
        asked: dict[Target, dict[str, Target]] = {}
        silent: dict[str, PlatformError] = {}
        for record in unfinished(self.history):
            try:
                target = self.target_of(record)
                asked.setdefault(target, {})[record.run_id] = target
            except PlatformError as error:
                silent.setdefault(error.detail, error)
        for runs in asked.values():
            try:
                Watcher(self.history).refresh(runs)
            except PlatformError as error:
                silent.setdefault(error.detail, error)
        return list(silent.values())

    def targets_of(self, record: RunRecord) -> Mapping[str, Target]:
        """Return what a watcher wants of one run."""
        return {record.run_id: self.target_of(record)}


def open_session(stack: str | None, manifest: Path | None = None) -> ProjectSession:
    """Return the session of ``stack``; works without a project, on a machine that only submits."""
    home = home_folder()
    if project_root() is not None:
        project = find_project()
        name = stack or project.selected_stack()
        file = manifest or project.manifest_file(name)
    else:
        name = stack or DEFAULT_STACK
        file = manifest or home / "manifests" / f"{name}.json"
    return ProjectSession(home, name, History(home / "history.sqlite"), Targets(home, file, name))
