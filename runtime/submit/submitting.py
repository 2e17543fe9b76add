"""Submits a run: snapshot, history, launch. Knows no particular kind of target."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.command_line import on_stack
from infra.contract.errors import PlatformError, UsageError
from infra.contract.gathered import Gathered
from infra.contract.json_types import Document
from infra.contract.load import load
from runtime.environments.images import image_identity
from runtime.environments.locking import LockedEnvironment
from runtime.history.store import History
from runtime.model.environments import is_base_image
from runtime.model.run_ids import new_token
from runtime.model.runs import PYSPARK, Billed, EventKind, PreparedRun, RunRecord, RunSpec
from runtime.model.states import RunState
from runtime.snapshots.files import Listing, list_files
from runtime.snapshots.git import git_properties
from runtime.snapshots.limits import check_size
from runtime.snapshots.sizes import size_note, size_text
from runtime.snapshots.store import SnapshotStore, Taken
from runtime.snapshots.use import in_use
from runtime.submit.abilities import (
    BATCH,
    CLUSTER,
    DATABRICKS,
    check_abilities,
    kind_of_run,
    spread,
)
from runtime.submit.kept_specs import keep_spec
from runtime.submit.launching import launching
from runtime.submit.notes import note, silent
from runtime.submit.prepare import (
    DOCKER,
    LOCAL,
    check_script,
    check_spec,
    checked_environment,
    for_target,
    prepared,
    script_path,
)
from runtime.submit.session import ProjectSession
from runtime.submit.shared_folder import make_shared_folder
from runtime.targets.base import Checking, Handle, Planning, Report, Target
from runtime.targets.finding import ON_THIS_MACHINE, Targets

_CHECK_SPARK = "runtime.submit.spark_here:check_spark"
_BUILT = "runtime.submit.environment_there:built_already"
_BILLED = "runtime.submit.billing:billed_of"
_CHECK_GPUS = "runtime.submit.gpus:check_gpus"
_CHECK_OPTIONS: Final[Mapping[str, str]] = {
    DATABRICKS: "runtime.targets.databricks:require_possible",
    BATCH: "runtime.targets.batch:require_possible",
}
"""What looks at the options of a service, by the kind of the target."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan of a submission. ``environment`` is ``None`` if an interpreter is used as it is.

    ``notes`` are sentences about settings that the target ignores. ``there`` is what the target
    says of the environment: the image, and whether it has it. ``built``: whether it is built there.
    """

    spec: RunSpec
    listing: Listing
    environment: LockedEnvironment | None
    notes: tuple[str, ...] = ()
    there: str = ""
    built: str = ""

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.stat.st_size for file in self.listing.files)

    @property
    def size_note(self) -> str:
        """Return a sentence about the size of a large snapshot, ``""`` for a small one."""
        return size_note({f.path: f.stat.st_size for f in self.listing.files}, "are sent if new")


@dataclass(frozen=True, slots=True)
class Submitted:
    """A run that was launched."""

    run: PreparedRun
    taken: Taken
    handle: Handle


@dataclass(frozen=True, slots=True)
class _Checked:
    """A run as its target takes it, what the target ignores and says, and the environment."""

    spec: RunSpec
    notes: tuple[str, ...]
    locked: LockedEnvironment | None
    there: str


def kind_of_name(target: str) -> str:
    """Return the kind of a target of which only the name is known."""
    return target if target in {LOCAL, DOCKER} else CLUSTER


class Submitter:
    """Submits runs of one project; ``home`` is its ``.aml`` folder.

    ``report`` is called with what a person should know before a snapshot is sent.
    ``kind_of`` returns the kind of a target, by which `runtime.submit.abilities` knows it.
    ``most_nodes`` returns how many nodes a cluster may have, ``None`` where that is not known.
    ``vm_size_of`` returns the VM size of a compute, ``""`` where that is not known.
    ``built_here`` returns whether the environments of a target are built on this machine.
    ``kept_manifest`` returns where the manifest is kept that runs are submitted with, ``None`` for
    that of their stack. ``billed`` returns the nodes that a run is billed for.
    """

    def __init__(
        self,
        home: Path,
        history: History,
        *,
        environ: Mapping[str, str] = os.environ,
        now: Callable[[], float] = time.time,
        report: Report = silent,
        kind_of: Callable[[str], str] = kind_of_name,
        most_nodes: Callable[[str], int | None] = lambda _: None,
        vm_size_of: Callable[[str], str] = lambda _: "",
        built_here: Callable[[str], bool] = LOCAL.__eq__,
        kinds: Callable[[], Mapping[str, str]] = dict,
        kept_manifest: Callable[[], str | None] = lambda: None,
        billed: Callable[[RunSpec], Billed | None] = lambda _: None,
    ) -> None:
        self._home = home
        self._snapshots = SnapshotStore(home / "snapshots", environ)
        self._history = history
        self._environ = environ
        self._now = now
        self._report = report
        self._kind_of = kind_of
        self._most_nodes = most_nodes
        self._vm_size_of = vm_size_of
        self._built_here = built_here
        self._kinds = kinds
        self._kept_manifest = kept_manifest
        self._billed = billed

    def plan(self, spec: RunSpec, target: Target | None = None) -> Planned:
        """Check everything and return what would be sent, without storing or starting anything.

        What only the target knows is checked if it is given.
        """
        checked = self._checked(spec, target)
        spec, locked = checked.spec, checked.locked
        if locked is not None and self._installed_here(spec):
            locked = load("runtime.submit.interpreters:with_plan")(
                locked, self._home / "environments"
            )
        listing = list_files(spec.source_directory)
        check_size({f.path: f.stat.st_size for f in listing.files}, at=str(spec.source_directory))
        if not spec.command:
            paths = {file.path for file in listing.files}
            check_script(spec.script, paths, ignore_file=listing.ignore_file)
        built: str = load(_BUILT)(spec, locked, self._place(spec), self._history)
        return Planned(spec, listing, locked, checked.notes, checked.there, built)

    def _place(self, spec: RunSpec) -> tuple[str, bool, Path]:
        kind = kind_of_run(spec, self._kind_of(spec.target))
        return kind, self._installed_here(spec), self._home

    def environment_hash(self, spec: RunSpec) -> str:
        """Return the hash of what is installed for a run; the interpreter if it is used as it is.

        Raises ``DefinitionError`` for an environment that cannot be.
        """
        spec = for_target(spec, kind_of_run(spec, self._kind_of(spec.target)), self._environ)
        declared = spec.environment
        locked = checked_environment(
            spec, self._home, self._environ, built_here=self._built_here(spec.target)
        )
        if locked is not None:
            return locked.hash
        if declared is not None and declared.kind == "registered":
            return f"{declared.registry or ''}/{declared.name}:{declared.version}"
        interpreter = (declared.interpreter if declared else None) or sys.executable
        image = declared.image if declared else None
        return f"{interpreter} in {image_identity(image)}" if image else interpreter

    def _installed_here(self, spec: RunSpec) -> bool:
        """Return whether this machine's Pythons and packages are what the run can use.

        Where the local cloud runs containers, those of a person's image are.
        """
        image = spec.environment.image if spec.environment else None
        own = image is not None and not is_base_image(image.name or "")
        return self._built_here(spec.target) and (spec.target == LOCAL or not own)

    def _checked(
        self, spec: RunSpec, target: Target | None = None, *, taken: bool = False
    ) -> _Checked:
        """Raise everything that is wrong with a run on its target.

        ``taken``: its snapshot was taken earlier, and its script is in there.
        """
        spec = spread(spec)
        wrong, notes, kind, there = Gathered(), tuple[str, ...](), "", ""
        locked: LockedEnvironment | None = None
        with wrong.check():
            check_spec(spec)
        with wrong.check():
            kind = kind_of_run(spec, self._kind_of(spec.target))
            notes = self._check_abilities(spec, kind)
        if kind in _CHECK_OPTIONS:
            with wrong.check():
                load(_CHECK_OPTIONS[kind])(spec)
        if spec.gpus:
            with wrong.check():
                load(_CHECK_GPUS)(spec, kind, self._vm_size_of)
        with wrong.check():
            check_possible(spec, target)
        if spec.script and not taken:
            with wrong.check():
                spec = replace(spec, script=script_path(spec.script, spec.source_directory))
        spec = for_target(spec, kind, self._environ)
        with wrong.check():
            locked = self._environment(spec)
            if spec.target == LOCAL and spec.framework == PYSPARK and not spec.command:
                load(_CHECK_SPARK)(spec, locked, self._environ)
        with wrong.check():
            there = _environment_there(spec, target)
        wrong.raise_all("The run cannot be submitted")
        return _Checked(spec, notes, locked, there)

    def _check_abilities(self, spec: RunSpec, kind: str) -> tuple[str, ...]:
        try:
            return check_abilities(spec, kind, self._most_nodes(spec.target))
        except UsageError as error:
            with_taker = load("runtime.submit.choosing:with_taker")
            raise with_taker(error, spec, self._kinds()) from error

    def _environment(self, spec: RunSpec) -> LockedEnvironment | None:
        locked = checked_environment(
            spec, self._home, self._environ, built_here=self._installed_here(spec)
        )
        if locked is not None and not spec.prepares and spec.target != DOCKER:
            origin = spec.origins.get("prepares")
            load("runtime.submit.already_built:require_built")(
                locked, self._home / "environments", origin
            )
        return locked

    def submit(
        self,
        spec: RunSpec,
        target: Target,
        *,
        stack: str | None = None,
        token: str = "",
        name: str = "",
    ) -> Submitted:
        """Take the snapshot, add the run to the history, and launch it.

        ``token`` is the run id after the experiment's name, if it was decided earlier; ``name`` is
        all of it. Raises ``UsageError`` for the name of another run.

        If the target refuses the run, the history keeps it as failed, with the reason.
        """
        if name and self._history.has(name):
            raise UsageError(
                f"Run {name!r} already exists.",
                remedy="Choose another name, or leave it out.",
            )
        checked = self._checked(spec, target)
        spec, locked = checked.spec, checked.locked
        with ExitStack() as until_launched:
            with in_use(self._home / "snapshots"):
                taken = self._snapshots.take(spec.source_directory)
                if not spec.command:
                    paths = {file.path for file in taken.snapshot.files}
                    check_script(spec.script, paths, ignore_file=taken.ignore_file)
                run = prepared(
                    spec,
                    taken.snapshot,
                    token=token or new_token(self._now()),
                    git=git_properties(spec.source_directory, self._environ),
                    locked=locked,
                    name=name,
                )
                until_launched.enter_context(launching(self._home, run.run_id))
                self._add(run, stack)
            notes = (*checked.notes, *(locked.notes if locked else ()), *taken.notes)
            return self._begun(run, notes, taken, target, stack)

    @contextmanager
    def preparing(
        self,
        spec: RunSpec,
        target: Target,
        name: str,
        before: tuple[str, Mapping[str, str]] | None = None,
    ) -> Iterator[tuple[PreparedRun, tuple[str, ...]]]:
        """Yield a run called ``name`` that is ready to launch, and notes; launch nothing.

        Its snapshot is taken, unless there is one from ``before``: its id and its git properties.
        It is not pruned before the block ends, and later only if the history
        has no run with it. Raises what ``submit`` raises.
        """
        if self._history.has(name):
            raise UsageError(f"Run {name!r} already exists.", remedy="Choose another name.")
        if before is not None:
            with in_use(self._home / "snapshots"):
                yield self.prepared_again(spec, before[0], target, name, before[1]), ()
            return
        checked = self._checked(spec, target)
        spec, locked = checked.spec, checked.locked
        with in_use(self._home / "snapshots"):
            taken = self._snapshots.take(spec.source_directory)
            if not spec.command:
                paths = {file.path for file in taken.snapshot.files}
                check_script(spec.script, paths, ignore_file=taken.ignore_file)
            git = git_properties(spec.source_directory, self._environ)
            run = prepared(spec, taken.snapshot, token="", git=git, locked=locked, name=name)
            yield run, (*checked.notes, *(locked.notes if locked else ()), *taken.notes)

    def prepared_again(
        self, spec: RunSpec, snapshot: str, target: Target, name: str, git: Mapping[str, str]
    ) -> PreparedRun:
        """Return a run of a snapshot that was taken earlier, ready to launch."""
        checked = self._checked(spec, target, taken=True)
        spec, locked = checked.spec, checked.locked
        found = self._snapshots.load(snapshot)
        return prepared(spec, found, token="", git=git, locked=locked, name=name)

    def launch(self, run: PreparedRun, target: Target, stack: str | None) -> None:
        """Add a prepared run to the history and launch it. Doing it twice starts it once.

        If the target refuses the run, the history keeps it as failed, with the reason, and this
        raises it.
        """
        with launching(self._home, run.run_id):
            self._add(run, stack)
            self._launch(run, target, stack)

    def resubmit(
        self,
        spec: RunSpec,
        snapshot: str,
        target: Target,
        *,
        git: Mapping[str, str],
        stack: str | None = None,
        name: str = "",
    ) -> Submitted:
        """Submit a run of a snapshot that was taken earlier; ``git`` are its properties.

        ``name`` is an id of its own. A run of that name that the history has is launched again,
        which starts it once: that is how an interrupted submission is continued. Raises
        ``DefinitionError`` if the snapshot is gone.
        """
        checked = self._checked(spec, target, taken=True)
        spec, locked = checked.spec, checked.locked
        with ExitStack() as until_launched:
            with in_use(self._home / "snapshots"):
                taken = Taken(self._snapshots.load(snapshot), (), None, (), 0)
                token = new_token(self._now())
                run = prepared(spec, taken.snapshot, token=token, git=git, locked=locked, name=name)
                until_launched.enter_context(launching(self._home, run.run_id))
                if not (name and self._history.has(name)):
                    self._add(run, stack)
            notes = (*checked.notes, *(locked.notes if locked else ()))
            return self._begun(run, notes, taken, target, stack)

    def _add(self, run: PreparedRun, stack: str | None) -> None:
        # Before the launch: if this process dies during it, the history still knows the run.
        record = first_record(run, self._now(), stack, self._kept_manifest())
        self._history.add(replace(record, billed=self._billed(run.spec)))
        keep_spec(self._home, run.run_id, run.spec)

    def _begun(
        self,
        run: PreparedRun,
        notes: Sequence[str],
        taken: Taken,
        target: Target,
        stack: str | None,
    ) -> Submitted:
        self._note(run.run_id, "step", {"step": "snapshot zip", "text": snapshot_text(taken)})
        for text in notes:
            self._note(run.run_id, "message", {"text": text})
        said = size_note({file.path: file.size for file in taken.stored}, "are new")
        if said:
            self._report(said)
        return Submitted(run, taken, self._launch(run, target, stack))

    def _launch(self, run: PreparedRun, target: Target, stack: str | None) -> Handle:
        if run.spec.target == LOCAL:
            make_shared_folder(run.spec)
        try:
            handle = target.launch(run)
        except PlatformError as error:
            data = {"state": str(RunState.FAILED), "error": error.detail}
            self._note(run.run_id, "state", data)
            # A target does not know its stack; the hint is to name it.
            error.remedy = on_stack(error.remedy, stack) if stack else error.remedy
            raise
        self._history.change(run.run_id, handle=handle.reference)
        return handle

    def _note(self, run_id: str, kind: EventKind, data: Document) -> None:
        note(self._history, run_id, kind, data, time_s=self._now())


def _environment_there(spec: RunSpec, target: Target | Planning | None) -> str:
    """Return what the target says of the run's environment; raise what it raises."""
    return target.plan(spec) if isinstance(target, Planning) else ""


def check_possible(spec: RunSpec, target: Target | Checking | None = None) -> None:
    """Raise ``PlatformError`` for data, and for what ``target``, if given, cannot have."""
    if spec.inputs or spec.outputs:
        load("runtime.targets.run_places:check_places")(spec)
    if isinstance(target, Checking):
        target.check(spec)


def submitter_of(session: ProjectSession, report: Report = silent) -> Submitter:
    """Return what submits to the targets of a session. ``report`` gets what to tell a person."""
    targets = session.targets
    return Submitter(
        session.home,
        session.history,
        report=report,
        kind_of=targets.kind,
        most_nodes=targets.most_nodes,
        vm_size_of=targets.vm_size,
        built_here=targets.built_here,
        kinds=targets.kinds,
        kept_manifest=session.kept_manifest,
        billed=lambda spec: _billed(spec, targets),
    )


def _billed(spec: RunSpec, targets: Targets) -> Billed | None:
    """Return the nodes that a run is billed for; ``None`` on this machine."""
    if spec.target in ON_THIS_MACHINE:
        return None
    found: Billed = load(_BILLED)(spec, targets)
    return found


def first_record(
    run: PreparedRun, created: float, stack: str | None, manifest: str | None = None
) -> RunRecord:
    """Return the initial record of a run."""
    return RunRecord(
        run_id=run.run_id,
        experiment=run.experiment,
        target=run.spec.target,
        state=RunState.NOT_STARTED,
        created=created,
        script=run.spec.command or run.spec.script,
        arguments=run.spec.arguments,
        tags=dict(run.spec.tags),
        properties=dict(run.properties),
        stack=stack,
        display_name=run.spec.display_name,
        description=run.spec.description,
        manifest=manifest,
    )


def snapshot_text(taken: Taken) -> str:
    """Summarize a snapshot, and what is new in it, in one line."""
    count = len(taken.snapshot.files)
    files = f"{count} file{'s' * (count != 1)}, {size_text(taken.snapshot.size)}"
    if taken.snapshot.reused:
        return f"{files}, unchanged: snapshot {taken.snapshot.id[:12]} is reused"
    new = f"{taken.stored_files} new, {size_text(taken.stored_bytes)}"
    return f"{files} ({new}): snapshot {taken.snapshot.id[:12]}"
