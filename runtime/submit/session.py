"""A session of submissions: the home folder, stack, history and targets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from infra.contract.load import load
from infra.contract.project import (
    home_folder,
    manifest_file,
    selected_stack,
)
from runtime.history.child_runs import PARENT
from runtime.history.store import History
from runtime.model.runs import RunRecord
from runtime.submit.watch import Watcher, unfinished
from runtime.targets.base import DRIVEN, INTERACTIVE, RUN_CLUSTERS, Handle, Target
from runtime.targets.finding import Targets

_WITHOUT_TARGET: Final[Mapping[str | None, str]] = {
    INTERACTIVE: "runtime.submit.interactive:InteractiveRuns",
    DRIVEN: "runtime.submit.driven:DrivenRuns",
}
"""Handle of a run that no target launched → what answers for it."""


@dataclass(frozen=True, slots=True)
class ProjectSession:
    """What the submissions to one stack of a project share.

    ``manifest`` was given in place of the stack's own.
    """

    home: Path
    stack: str
    history: History
    targets: Targets
    manifest: Path | None = None
    _others: "dict[tuple[str | None, str | None], ProjectSession]" = field(default_factory=dict)

    def close(self) -> None:
        """Close the connections of its targets and its history."""
        for session in self._others.values():
            session.close()
        self.targets.close()
        self.history.close()

    def target_of(self, record: RunRecord) -> Target:
        """Return the target of a run, from the stack or the manifest it was submitted with."""
        if record.handle in _WITHOUT_TARGET:
            own: Target = load(_WITHOUT_TARGET[record.handle])(self.home, record.run_id)
            return own
        return self.submitting(record.stack, record.manifest).targets.target(record.target)

    def submitting(self, stack: str | None, manifest: str | None) -> "ProjectSession":
        """Return the session with the stack and the kept manifest that a run was submitted with."""
        if stack in {None, self.stack} and manifest in {None, self.kept_manifest()}:
            return self
        key = (stack, manifest)
        if key not in self._others:
            self._others[key] = open_session(stack, Path(manifest) if manifest else None, self.home)
        return self._others[key]

    def kept_manifest(self) -> str | None:
        """Return where the manifest that was given is kept for whoever asks for its runs later."""
        if self.manifest is None or not self.manifest.is_file():
            return None
        keep = load("runtime.submit.kept_manifests:kept_manifest")
        kept: str | None = keep(self.home, self.stack, self.manifest)
        return kept

    @property
    def lasting_manifest(self) -> str:
        """Return a manifest file that is there for as long as a run's driver may need it."""
        return self.kept_manifest() or str(self.targets.manifest_file.absolute())

    def handle_of(self, record: RunRecord) -> Handle:
        """Return the handle by which the target identifies a run."""
        return Handle(self.target_of(record).name, record.handle or record.run_id)

    def refresh(self) -> Sequence[PlatformError]:
        """Poll the runs that have not ended; return the errors of targets that did not answer.

        The runs of such a target keep their last known state.
        """
        by_target: dict[Target, dict[str, Target]] = {}
        errors: dict[str, PlatformError] = {}
        for record in unfinished(self.history):
            if waits_for_driver(record):
                continue
            try:
                target = self.target_of(record)
                by_target.setdefault(target, {})[record.run_id] = target
            except PlatformError as error:
                errors.setdefault(error.detail, error)
        for runs in by_target.values():
            try:
                Watcher(self.history).refresh(runs)
            except PlatformError as error:
                errors.setdefault(error.detail, error)
        if (self.home / RUN_CLUSTERS).is_dir():
            left: Sequence[PlatformError] = load("runtime.submit.run_clusters:delete_left")(self)
            errors = {**{each.detail: each for each in left}, **errors}
        return list(errors.values())

    def targets_of(self, record: RunRecord) -> Mapping[str, Target]:
        """Return the argument of a watcher for one run."""
        return {record.run_id: self.target_of(record)}


def waits_for_driver(record: RunRecord) -> bool:
    """Return whether a run below another one was not launched yet.

    Its target knows nothing of it and would call it lost, but the driver of its parent, or the one
    that follows that, launches it.
    """
    return record.handle is None and PARENT in record.properties


def open_session(
    stack: str | None, manifest: Path | None = None, home: Path | None = None
) -> ProjectSession:
    """Open the session of ``stack`` (default: the selected one). Needs no project folder."""
    home = home or home_folder()
    name = stack or selected_stack(home)
    file = manifest or manifest_file(home, name)
    history, targets = History(home / "history.sqlite"), Targets(home, file, name)
    return ProjectSession(home, name, history, targets, manifest)
