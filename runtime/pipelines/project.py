"""The driver of a pipeline in a project: starts its steps, follows them, and says why each runs.

What happened is in the journal of the parent's folder before it is acted on, so that a driver that
is killed at any moment is continued by the next one: a step that was started is followed, one that
was about to be is started, and none is started twice.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError, UnreachableError
from infra.contract.load import load
from runtime.history.child_runs import PARENT
from runtime.model.data import DataLocation
from runtime.model.pipelines import REUSED_PROPERTY, STEP_PROPERTY, Step
from runtime.model.runs import RunRecord, RunSpec
from runtime.model.states import RunState
from runtime.pipelines.contents import Contents
from runtime.pipelines.documents import Work, child_ids, work_of
from runtime.pipelines.fingerprint import (
    Parts,
    can_be_compared,
    differences,
    fingerprint,
    parts_of,
)
from runtime.pipelines.graph import in_order
from runtime.pipelines.kept_steps import DoneStep, KeptSteps, done_step
from runtime.pipelines.placing import bound, outputs_of, placed
from runtime.pipelines.planning import StepState, failed, plan_of
from runtime.pipelines.sweep_steps import leave, outputs_of_best, submit_step
from runtime.submit.driven import driven_folder
from runtime.submit.driver_process import Driving, timestamp
from runtime.submit.notes import in_a_line
from runtime.submit.prepare import LOCAL
from runtime.submit.submitting import submitter_of
from runtime.submit.watch import Pace, Watcher
from runtime.targets.base import Target
from runtime.targets.run_places import Workspace
from runtime.targets.standby import Preloading

LOG: Final = "logs/azureml/executionlogs.txt"
"""The log of a pipeline, as Azure ML names it: what each step does, and why."""
_STEP_RUN: Final = "azureml.StepRun"
_PACE: Final = Pace(first_s=0.01, growth=1.2, longest_s=5.0)
_LOOK_EVERY_S: Final = 0.2
_LONGEST_HERE_S: Final = 0.05
"""A step on this machine is looked at this often: its end is seen at once, and costs nothing."""
_GROWTH_HERE: Final = 1.05
"""So slowly that the end of a step of half a second is seen within a few hundredths of one."""
_AT_ONCE_HERE: Final = 8
"""How many steps run on this machine at once, at most one a processor."""
_MANY_HERE: Final = 3
"""From this many steps on this machine, forking them from one process pays for that process."""
_ENDS: Final[Mapping[RunState, StepState]] = {
    RunState.COMPLETED: StepState.COMPLETED,
    RunState.FAILED: StepState.FAILED,
    RunState.CANCELED: StepState.CANCELED,
}


def drive(driving: Driving) -> None:
    """Execute the pipeline of a parent run to its end."""
    with closing(_Opened(driving)) as opened:
        _Execution(driving, opened.workspace).run()


class _Opened:
    """The workspace of a pipeline, whose connections are opened when its data is looked at."""

    def __init__(self, driving: Driving) -> None:
        self._driving = driving
        self._made: Workspace | None = None
        self._close: Callable[[], None] = lambda: None

    def workspace(self) -> Workspace:
        if self._made is None:
            session = self._driving.session
            make = load("runtime.targets.workspace_transport:open_transport", extra="azureml")
            transport = make(session.home, session.targets.manifest_file, session.stack)
            self._made, self._close = Workspace(transport), transport.close
        return self._made

    def close(self) -> None:
        self._close()


@dataclass(slots=True)
class _Begun:
    """What a step is made of, found when it is due."""

    run: RunSpec
    parts: Parts
    fingerprint: str
    why: str = ""
    compared: bool = True
    contents: Mapping[str, str] = field(default_factory=dict)


class _Execution:
    """One execution of a pipeline."""

    def __init__(self, driving: Driving, workspace: Callable[[], Workspace]) -> None:
        self._driving = driving
        self._session = driving.session
        self._history = driving.session.history
        self._submitter = submitter_of(driving.session)
        self._work: Work = work_of(driving.plan, driving.values)
        self._pipeline = self._work.pipeline
        self._steps = {each.name: each for each in self._pipeline.steps}
        self._ids = child_ids(driving.run_id, list(self._steps))
        self._folder = driven_folder(driving.home, driving.run_id).path
        self._contents = Contents(workspace)
        self._kept = KeptSteps(driving.home, self._history)
        self._done: dict[str, DoneStep] = {}
        self._begun: dict[str, str] = {}  # step → its fingerprint, "" if it is not kept
        self._runs: dict[str, RunSpec] = {}
        self._targets: dict[str, Target] = {}
        self._canceled = False
        self._plan = plan_of(self._pipeline, in_order(self._pipeline), self._known())
        self._before = self._resumed()

    def run(self) -> None:
        """Start and follow steps until all have ended; then the parent's state says how."""
        self._driving.state(RunState.RUNNING)
        self._preload()
        self._adopt()
        interval_s = _PACE.first_s
        while not self._plan.over:
            if self._driving.is_canceled() and not self._canceled:
                self._cancel()
            happened = self._start_ready() + self._follow()
            interval_s = _PACE.first_s if happened else self._longer(interval_s)
            if not happened:
                self._wait(interval_s)
        self._end()

    def _preload(self) -> None:
        """Have a process ready for the steps on this machine, if enough of them may start."""
        here = [each for each in self._pipeline.steps if each.run.target == LOCAL]
        if sum(not self._plan.states[each.name].ended for each in here) < _MANY_HERE:
            return
        target = self._session.targets.target(LOCAL)
        if isinstance(target, Preloading):
            target.preload()

    def _wait(self, interval_s: float) -> None:
        """Wait, but no longer than until somebody cancels the pipeline for the first time."""
        until = time.monotonic() + interval_s
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _LOOK_EVERY_S))
            if self._driving.is_canceled() and not self._canceled:
                return

    # --- what earlier drivers did

    def _known(self) -> dict[str, StepState]:
        """Return what the journal says each step has come to."""
        states: dict[str, StepState] = {}
        for kind, data in self._driving.journal():
            if kind == "begun":
                states[data["step"]] = StepState.RUNNING
                self._begun[data["step"]] = data["fingerprint"]
            elif kind == "ended":
                states[data["step"]] = StepState(data["state"])
                if data.get("done"):
                    self._done[data["step"]] = done_step(data["done"])
        return states

    def _adopt(self) -> None:
        """Launch again the steps that an earlier driver was about to: that starts each once."""
        for name in self._plan.running:
            run_id = self._ids[name]
            if self._history.has(run_id) and self._history.record(run_id).handle:
                self._note_run(name, self._bound(self._steps[name]))
            else:
                self._launch(self._steps[name], self._bound(self._steps[name]))

    def _resumed(self) -> dict[str, DoneStep]:
        """Return the steps that completed in the run that this one resumes.

        One whose output was deleted runs again if a step that runs reads it.
        """
        if self._work.resumes is None:
            return {}
        done = completed_steps(driven_folder(self._driving.home, self._work.resumes).path)
        for name in reversed(in_order(self._pipeline)):
            is_read = any(name in each.upstream for each in self._steps.values()
                          if each.name not in done)  # fmt: skip
            if name in done and is_read and self._contents.lost(done[name]):
                del done[name]
        return done

    # --- starting

    def _start_ready(self) -> int:
        """Start the steps that are due and that there is room for; return how many."""
        ready, count = self._plan.ready(), 0
        for number, name in enumerate(ready):
            if self._plan.states[name].ended:
                continue  # one of those before it could not be started: it is skipped
            if self._driving.is_canceled() or not self._room(self._steps[name]):
                self._plan.later(ready[number:])
                break
            self._start(self._steps[name])
            count += 1
        return count

    def _room(self, step: Step) -> bool:
        if step.run.target != LOCAL or step.sweep is not None:
            return True  # elsewhere there are queues; a sweep limits itself
        here = [each for each, run in self._runs.items() if run.target == LOCAL]
        return len(here) < _most_here()

    def _start(self, step: Step) -> None:
        """Start a step, or take what it did before."""
        if step.name in self._before:
            why = f"it completed in run {self._work.resumes}, which is resumed"
            self._reuse(step, self._before[step.name], why)
            return
        try:
            begun = self._examine(step)
            found = None if not begun.compared else self._kept.find(begun.fingerprint)
            if found is not None and not self._contents.unchanged(found):
                found, begun = (
                    None,
                    replace(begun, why="what it wrote was changed or deleted since"),
                )
        except PlatformError as error:
            self._fail(step, error)
            return
        self._kept.note(self._pipeline.name, step.name, begun.parts)
        if found is not None:
            self._reuse(step, found, "nothing that it is made of has changed")
            return
        self._log(f"Step {step.name} runs: {begun.why}.")
        kept = begun.fingerprint if step.reuse else ""
        self._driving.record("begun", {"step": step.name, "fingerprint": kept, "why": begun.why})
        self._begun[step.name] = kept
        self._plan.became(step.name, StepState.RUNNING)
        self._launch(step, begun.run)

    def _examine(self, step: Step) -> _Begun:
        """Find out what a step is made of, and why it runs unless an earlier run stands for it."""
        run = self._bound(step)
        bound_step = replace(step, run=run)
        contents = {each.name: self._content(step, each.name, run) for each in run.inputs}
        code = self._work.code[step.name]
        parts = parts_of(
            bound_step, source=code.snapshot, environment=code.environment, contents=contents
        )
        never = can_be_compared(bound_step, contents)
        if self._work.regenerate:
            never = "every step is to run again (regenerate_outputs)"
        before = self._kept.last(self._pipeline.name, step.name)
        changed = differences(before, parts) if before is not None else ""
        why = (
            never
            or changed
            or (
                "it has not run before"
                if before is None
                else "no run of it can stand for it: they did not complete, are gone, or read data"
                " that changed meanwhile"
            )
        )
        return _Begun(run, parts, fingerprint(parts), why, not never, contents)

    def _content(self, step: Step, name: str, run: RunSpec) -> str:
        source = step.reads.get(name)
        known = self._done[source.step].contents if source else {}
        if source is not None and not source.path and source.output in known:
            return known[source.output]
        return self._contents.of(next(each for each in run.inputs if each.name == name))

    def _bound(self, step: Step) -> RunSpec:
        """Return the run of a step with its data in place, and its place below the parent."""
        outputs: dict[str, Mapping[str, DataLocation]] = {
            name: self._done[name].outputs for name in step.upstream if name in self._done
        }
        run = placed(step, self._folder, self._session.targets.kind)
        run = bound(step, run, outputs, self._contents.has_data)
        return replace(
            run,
            experiment=self._pipeline.experiment,
            display_name=run.display_name or step.name,
            properties={
                **run.properties,
                PARENT: self._driving.run_id,
                STEP_PROPERTY: step.name,
                "azureml.runsource": _STEP_RUN,
            },
        )

    def _launch(self, step: Step, run: RunSpec) -> None:
        code, run_id = self._work.code[step.name], self._ids[step.name]
        try:
            self._child(step, run_id)
            if step.sweep is not None:
                submit_step(self._session, step, run, code, run_id, report=self._log)
            else:
                self._submitter.resubmit(
                    run,
                    code.snapshot,
                    self._session.targets.target(run.target),
                    git=code.git,
                    stack=self._session.stack,
                    name=run_id,
                )
        except PlatformError as error:
            self._fail(step, error)
            return
        self._note_run(step.name, run)

    def _note_run(self, name: str, run: RunSpec) -> None:
        self._runs[name] = run
        record = self._history.record(self._ids[name])
        self._targets[self._ids[name]] = self._session.target_of(record)

    def _child(self, step: Step, run_id: str) -> None:
        data = {"run": run_id, "name": step.name, "parent": self._driving.run_id}
        self._driving.event("child", data)

    def _reuse(self, step: Step, done: DoneStep, why: str) -> None:
        """Let an earlier run stand for a step: it is a child of this pipeline all the same."""
        run_id = self._ids[step.name]
        record = self._history.record(done.run_id)
        if not self._history.has(run_id):
            self._history.add(reused_record(record, run_id, step, self._driving.run_id))
        self._child(step, run_id)
        self._log(f"Step {step.name} is reused from run {done.run_id}: {why}.")
        self._became(step.name, StepState.REUSED, done, why=why)

    # --- following

    def _follow(self) -> int:
        """Ask the targets of the steps that run; return how many have ended."""
        if not self._runs:
            return 0
        watched = {self._ids[name]: self._targets[self._ids[name]] for name in self._runs}
        try:
            Watcher(self._history).refresh(watched)
        except UnreachableError:
            return 0  # training outlasts a restart of the cloud: it is asked again
        ended = 0
        for name in list(self._runs):
            record = self._history.record(self._ids[name])
            if record.state.final:
                self._ended(self._steps[name], record)
                ended += 1
        return ended

    def _ended(self, step: Step, record: RunRecord) -> None:
        run = self._runs.pop(step.name)
        state = _ENDS[record.state]
        if state is not StepState.COMPLETED:
            why = (record.error or "").strip()
            self._log(f"Step {step.name} {str(state).lower()}: {in_a_line(why)}")
            self._became(step.name, state, None, why=why)
            return
        outputs = outputs_of(run, record.run_id)
        if step.sweep is not None:
            try:
                outputs |= outputs_of_best(self._session, step, run, record)
                leave(self._session, step, record, outputs)
            except PlatformError as error:
                self._fail(step, error)
                return
        contents = {
            name: self._contents.at(place, may_be_empty=True) for name, place in outputs.items()
        }
        done = DoneStep(record.run_id, outputs, contents)
        self._log(f"Step {step.name} completed.")
        kept = self._begun.get(step.name)
        if kept and self._read_the_same(step, kept):
            self._kept.keep(kept, done)
        self._became(step.name, state, done)

    def _read_the_same(self, step: Step, kept: str) -> bool:
        """Return whether data that no step writes is what it was when the step started."""
        if all(each.name in step.reads for each in step.run.inputs):
            return True
        try:
            is_same = self._examine(step).fingerprint == kept
        except PlatformError:
            is_same = False
        if not is_same:
            self._log(f"Step {step.name} will run again: its data changed while it ran.")
        return is_same

    def _fail(self, step: Step, error: PlatformError) -> None:
        """Fail a step that could not be started."""
        self._log(f"Step {step.name} could not be started: {error.detail} {error.remedy}")
        self._became(step.name, StepState.FAILED, None, why=error.detail)

    def _became(self, name: str, state: StepState, done: DoneStep | None, why: str = "") -> None:
        if done is not None:
            self._done[name] = done
        document = done.document() if done else None
        entry = {"step": name, "run": self._ids[name], "state": str(state), "why": why}
        self._driving.record("ended", {**entry, "done": document})
        for skipped in self._plan.became(name, state):
            self._skip(skipped, f"step {name} {str(state).lower()}")

    def _skip(self, name: str, why: str) -> None:
        self._log(f"Step {name} is not run: {why}.")
        entry = {"step": name, "run": "", "state": str(StepState.SKIPPED), "why": why}
        self._driving.record("ended", entry)

    # --- the end

    def _cancel(self) -> None:
        self._canceled = True
        for name in self._plan.stop():
            self._skip(name, "the pipeline was canceled")
        for name in list(self._runs):
            record = self._history.record(self._ids[name])
            try:
                self._session.target_of(record).cancel(self._session.handle_of(record))
            except PlatformError as error:
                self._log(f"Step {name} cannot be canceled: {error.detail}")

    def _end(self) -> None:
        wrong = failed(self._plan.states)
        canceled = [n for n, s in self._plan.states.items() if s is StepState.CANCELED]
        if self._driving.is_canceled():
            return  # it ends as canceled
        if wrong:
            left = [n for n, s in self._plan.states.items() if s is StepState.SKIPPED]
            rest = f" Not run: {', '.join(left)}." if left else ""
            names = ", ".join(wrong)
            first = self._ids[wrong[0]]
            self._driving.state(
                RunState.FAILED,
                f"Failed: {names}.{rest} `aml run logs {first}` shows why;"
                f" `aml run resume {self._driving.run_id}` runs only what did not complete.",
            )
        elif canceled:
            self._driving.state(RunState.CANCELED, f"Canceled: {', '.join(canceled)}.")

    def _log(self, line: str) -> None:
        self._driving.log(LOG, f"[{timestamp()}] {line}")

    def _longer(self, interval_s: float) -> float:
        if any(run.target == LOCAL for run in self._runs.values()):
            return min(interval_s * _GROWTH_HERE, _LONGEST_HERE_S)
        return min(interval_s * _PACE.growth, _PACE.longest_s)


def completed_steps(folder: Path) -> dict[str, DoneStep]:
    """Return the steps of a pipeline's run that have completed, from its journal."""
    read_events = load("runtime.agent.events:read_events")
    content = (folder / "journal.jsonl").read_bytes()
    return {
        each["data"]["step"]: done_step(each["data"]["done"])
        for each in read_events(content)
        if each["kind"] == "ended" and each["data"].get("done")
    }


def reused_record(record: RunRecord, run_id: str, step: Step, parent: str) -> RunRecord:
    """Return the run of a step for which an earlier one stands: its logs and files are those."""
    now = time.time()
    origin = record.properties.get(REUSED_PROPERTY) or record.run_id
    return replace(
        record,
        run_id=run_id,
        created=now,
        started=now,
        ended=now,
        held=(),
        display_name=step.name,
        properties={
            **record.properties,
            PARENT: parent,
            STEP_PROPERTY: step.name,
            REUSED_PROPERTY: origin,
            "azureml.isreused": "true",
        },
    )


def _most_here() -> int:
    processors = load("os:cpu_count")() or 1
    return min(_AT_ONCE_HERE, max(2, processors))
