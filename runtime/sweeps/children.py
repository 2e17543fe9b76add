"""The children of a sweep: what each is; and how a project's runs are started and followed."""

import json
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from infra.contract.errors import PlatformError
from runtime.history.child_runs import PARENT
from runtime.history.fold import as_number
from runtime.history.store import History
from runtime.model.data import DataOutput, output_path
from runtime.model.runs import SWEEP_VARIABLE, PreparedRun, RunEvent, RunSpec
from runtime.model.states import NEXT, RunState
from runtime.model.trials import with_values
from runtime.submit.notes import note
from runtime.submit.prepare import command_of
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import Submitter
from runtime.submit.watch import Watcher
from runtime.sweeps.driver import Child, Look
from runtime.sweeps.observed import HYPERPARAMETERS, STOPPED
from runtime.sweeps.space import Assignment, arguments_of, bare, value_text
from runtime.sweeps.sweep import Sweep
from runtime.targets.base import Handle, Target


def child_run(base: PreparedRun, sweep: Sweep, child: Child) -> PreparedRun:
    """Return the run of one child: the sweep's run with its values. Pure."""
    spec = child_spec(base.spec, sweep, child.assignment)
    parent = {PARENT: child.id.rpartition("_")[0]}
    tags = {**spec.tags, HYPERPARAMETERS: json.dumps(child.assignment)}
    spec = replace(spec, tags=tags, outputs=_own_outputs(spec.outputs, child.id))
    return replace(
        base,
        run_id=child.id,
        spec=spec,
        command=command_of(spec),
        properties={**base.properties, **parent},
    )


def _own_outputs(outputs: Iterable[DataOutput], child: str) -> tuple[DataOutput, ...]:
    """Return outputs in folders of this machine as those of one child."""
    return tuple(
        replace(each, location=replace(each.location, path=output_path(each, child)))
        if each.location is not None and each.location.kind == "local"
        else each
        for each in outputs
    )


def child_spec(spec: RunSpec, sweep: Sweep, assignment: Assignment) -> RunSpec:
    """Return what is run with one set of values: as arguments, or in place of expressions."""
    texts = {name: value_text(value) for name, value in assignment.items()}
    named = {f"{SWEEP_VARIABLE}{bare(name)}": text for name, text in texts.items()}
    variables = {**spec.variables, **named}
    if sweep.style == "arguments":
        given = arguments_of(assignment)
        if spec.command:
            return replace(spec, command=f"{spec.command} {shlex.join(given)}", variables=variables)
        return replace(spec, arguments=(*spec.arguments, *given), variables=variables)
    variables = {name: with_values(text, texts) for name, text in variables.items()}
    return replace(spec, command=with_values(spec.command, texts), variables=variables)


class _OwnRuns:
    """Runs below one parent on one target, started once and followed together."""

    def __init__(self, session: ProjectSession, submitter: Submitter, target: Target) -> None:
        self._history = session.history
        self._stack = session.stack
        self._submitter = submitter
        self._target = target
        self._watcher = Watcher(session.history)

    def launch(self, run: PreparedRun) -> None:
        """Launch a run that was not; a refusal of the target is how it ends."""
        if self._history.has(run.run_id):
            record = self._history.record(run.run_id)
            if record.state is RunState.CANCEL_REQUESTED:
                self._target.cancel(self._handle(run.run_id))
            if record.state.final or record.handle is not None:
                return
        try:
            self._submitter.launch(run, self._target, self._stack)
        except PlatformError:
            if not self._history.has(run.run_id):
                raise

    def refresh(self, runs: Iterable[str]) -> bool:
        """Poll the runs in one call; return whether the target has answered."""
        try:
            self._watcher.refresh(dict.fromkeys(runs, self._target))
        except PlatformError:
            return False
        return True

    def stop(self, run_id: str, why: str) -> None:
        """Ask a run to stop, and keep the reason with it."""
        record = self._history.record(run_id)
        if record.state.final:
            return
        if RunState.CANCEL_REQUESTED in NEXT[record.state]:
            data = {"state": str(RunState.CANCEL_REQUESTED), "reason": why}
            now = time.time()
            note(self._history, run_id, "property", {"key": STOPPED, "value": why}, time_s=now)
            note(self._history, run_id, "state", data, time_s=now)
        self._target.cancel(self._handle(run_id))

    def _handle(self, run_id: str) -> Handle:
        return Handle(self._target.name, self._history.record(run_id).handle or run_id)


class ProjectChildren(_OwnRuns):
    """The children of one sweep, as runs of the project's history on one target."""

    def __init__(
        self,
        session: ProjectSession,
        submitter: Submitter,
        target: Target,
        base: PreparedRun,
        sweep: Sweep,
    ) -> None:
        super().__init__(session, submitter, target)
        self._base = base
        self._sweep = sweep
        self._read: dict[str, tuple[int, tuple[float, ...]]] = {}

    def start(self, child: Child) -> None:
        """Launch a child that was not; a refusal of the target is how the child ends."""
        self.launch(child_run(self._base, self._sweep, child))

    def look(self, children: Iterable[str]) -> Mapping[str, Look]:
        """Poll the children in one call. Those of a target that does not answer are as before."""
        ids = list(children)
        if not self.refresh(ids):
            return {}
        return {
            child: Look(self._history.record(child).state, self._values(child)) for child in ids
        }

    def cancel(self, child: str, why: str) -> None:
        """Ask a child to stop, and keep the reason with it."""
        self.stop(child, why)

    def _values(self, child: str) -> tuple[float, ...]:
        """Return the values of the primary metric, reading the events that are new."""
        after, values = self._read.get(child, (-1, ()))
        new = list(self._history.events(child, after=after))
        if new:
            logged = _logged((event for _, event in new), self._sweep.metric)
            values = (*values, *(value for _, value in logged))
            self._read[child] = (new[-1][0], values)
        return values


class ProjectPreparation(_OwnRuns):
    """The run that prepares the environment of a sweep's children."""

    def __init__(
        self, session: ProjectSession, submitter: Submitter, target: Target, run: PreparedRun
    ) -> None:
        super().__init__(session, submitter, target)
        self.run_id = run.run_id
        self._run = run

    def start(self) -> None:
        """Launch it unless it was; a refusal of the target is how it ends."""
        self.launch(self._run)

    def look(self) -> tuple[RunState, str]:
        """Return its state, and why it failed; as before if the target does not answer."""
        self.refresh([self.run_id])
        record = self._history.record(self.run_id)
        return record.state, record.error or ""

    def cancel(self, why: str) -> None:
        """Ask it to stop, and keep the reason with it."""
        self.stop(self.run_id, why)


def logged_values(history: History, run_id: str, metric: str) -> tuple[float, ...]:
    """Return the values of a metric that a run logged, in the order it did."""
    return tuple(value for _, value in logged_by(history, run_id, metric))


def logged_by(history: History, run_id: str, metric: str) -> list[tuple[float, float]]:
    root = history.root_of(run_id)
    of = run_id if root != run_id else None
    return list(_logged((event for _, event in history.events(root)), metric, of))


def _logged(
    events: Iterable[RunEvent], metric: str, run_id: str | None = None
) -> Iterator[tuple[float, float]]:
    """Yield the moments at which a metric was logged, in seconds since 1970, and its values."""
    for event in events:
        data = event.data
        if (
            event.kind == "metric"
            and data.get("key") == metric
            and not data.get("type")
            and (data.get("run") or None) == run_id
        ):
            given = data.get("timestamp")
            moment = given / 1000 if isinstance(given, int | float) and given else event.time
            yield moment, as_number(data["value"])
