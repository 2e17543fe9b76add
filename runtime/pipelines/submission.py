"""Submits a pipeline: everything is checked first, then its code is kept and its driver started."""

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from infra.catalogue.names import RULES
from infra.contract.errors import DefinitionError, PlatformError, UsageError
from infra.contract.load import load
from infra.contract.private import private_folder
from runtime.model.environments import EnvironmentSpec
from runtime.model.pipelines import PIPELINE_TARGET, ParameterValue, Pipeline, Step
from runtime.model.run_ids import new_token
from runtime.model.run_ids import run_id as new_run_id
from runtime.model.runs import RunRecord, RunSpec
from runtime.model.states import RunState
from runtime.pipelines.documents import StepCode, Work, work_document, work_of
from runtime.pipelines.graph import (
    Problem,
    graph_problems,
    known_problems,
    problem_of,
    raise_problems,
    steps_text,
)
from runtime.pipelines.native_runs import launch_native, service_of
from runtime.pipelines.parameters import filled, has_its_place, read_values, shown, with_values
from runtime.pipelines.placing import placed, unread, written_before
from runtime.snapshots.git import git_properties
from runtime.snapshots.store import SnapshotStore, Taken
from runtime.snapshots.use import in_use
from runtime.submit.driven import DrivenTask, driven_folder, read_task, start
from runtime.submit.notes import silent
from runtime.submit.prepare import RERUN_PROPERTY, check_script, script_path
from runtime.submit.prepare import placed as at_target
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import Submitter, submitter_of
from runtime.targets.base import Checking, Report
from runtime.targets.finding import ON_THIS_MACHINE
from runtime.targets.folder_runs import require_data
from runtime.targets.run_places import check_places

DRIVER: Final = "pipeline"
RUN_KIND: Final = "azureml.PipelineRun"
_AS_DECLARED: Final = frozenset({"conda", "pip"})
_CHECKED: Final = "(the parent's folder)"


@dataclass(frozen=True, slots=True)
class Options:
    """How a pipeline is executed.

    ``values`` are those of its parameters. ``regenerate``: no step is reused. ``resumes``: the
    completed steps of that run stand as they are. ``native``: the service of the steps' workspace
    drives it (default: in Azure, where it does the same).
    """

    values: Mapping[str, ParameterValue] = field(default_factory=dict)
    regenerate: bool = False
    resumes: str | None = None
    name: str = ""
    native: bool | None = None


def check(
    session: ProjectSession,
    pipeline: Pipeline,
    values: Mapping[str, ParameterValue] | None = None,
    *,
    folder: Path | None = None,
    problems: Sequence[Problem] = (),
    report: Report = silent,
) -> Pipeline:
    """Return a pipeline that can run: its parameters have values, its environments are known.

    Nothing is stored or started. ``report`` is told what the target of a step ignores. Raises
    ``DefinitionError`` with every problem at once: of the graph, of the parameters, and of each
    step with its compute, script, environment and data; ``problems`` are those of steps that could
    not be read.
    """
    # The graph of a pipeline without the steps that could not be read has gaps.
    found = [*problems, *known_problems(pipeline)] if problems else graph_problems(pipeline)
    known, wrong = read_values(pipeline, values or {})
    found += [replace(each, at=each.at or pipeline.at) for each in wrong]
    pipeline = filled(pipeline, known)
    rule = RULES["experiment"].problem(pipeline.experiment)
    if rule and all(rule != each.message for each in problems):
        found.append(Problem(rule, "Name the experiment with `-e NAME`.", pipeline.at))
    checking = _Checking(session, folder or Path(_CHECKED))
    written = written_before(pipeline)
    steps = []
    for step in filter(has_its_place, pipeline.steps):
        later = written.get(step.name, frozenset())
        try:
            steps.append(checking.step(step, later))
        except PlatformError as error:
            itself = _of_itself(step, later)
            own = [error, *(each for each in itself if each.detail not in error.detail)]
            found += [problem_of(each, step.at, step.name) for each in own]
    raise_problems(found)
    for note in checking.notes:
        report(note)
    return replace(pipeline, steps=tuple(steps))


def _of_itself(step: Step, written: Collection[str]) -> Iterator[PlatformError]:
    """Yield what is wrong with the data and the script of a step, wherever it runs."""
    checks: list[Callable[[RunSpec], object]] = [check_places]
    if step.has_code and not step.run.command:
        checks.append(lambda run: script_path(run.script, run.source_directory))
    for check_run in checks:
        try:
            check_run(unread(step, step.run, written))
        except PlatformError as error:
            yield error


def submit(
    session: ProjectSession,
    pipeline: Pipeline,
    options: Options,
    report: Report = silent,
    *,
    problems: Sequence[Problem] = (),
) -> str:
    """Check a pipeline, keep the code of its steps, start its driver; return its run's id.

    ``report`` receives what a person should know before anything is sent. Raises what ``check``
    raises.
    """
    name = options.name or new_run_id(pipeline.experiment, new_token(time.time()))
    if session.history.has(name):
        raise UsageError(
            f"Run {name!r} already exists.", remedy="Choose another name, or leave it out."
        )
    work = keep_code(session, pipeline, options, name=name, problems=problems, report=report)
    service = service_of(session, work.pipeline, native=options.native, report=report)
    if service is None:
        _start(session, name, work)
    else:
        launch_native(session, service, pipeline_record(work, name, session), work)
    report(steps_text(work.pipeline))
    return name


def keep_code(
    session: ProjectSession,
    pipeline: Pipeline,
    options: Options,
    *,
    name: str = "",
    problems: Sequence[Problem] = (),
    report: Report = silent,
) -> Work:
    """Check a pipeline and keep the code of its steps as it is now. Raises what ``check`` raises.

    ``name`` is the run's id, if it is known.
    """
    home = session.home.absolute()
    folder = driven_folder(home, name).path if name else None
    checked = check(
        session, pipeline, options.values, folder=folder, problems=problems, report=report
    )
    _, values = with_values(pipeline, options.values)
    with in_use(home / "snapshots"):
        code = _Code(session, home).of(checked)
    texts = {each: shown(value) for each, value in values.items()}
    template = pipeline if pipeline.parameters else None
    return Work(checked, code, options.regenerate, options.resumes, texts, template)


def start_work(session: ProjectSession, work: Work, name: str = "") -> str:
    """Start a run of a pipeline whose code was kept earlier; return its id (default: a new one)."""
    name = name or new_run_id(work.pipeline.experiment, new_token(time.time()))
    _start(session, name, work)
    return name


def resume(session: ProjectSession, run_id: str, given: Mapping[str, str]) -> str:
    """Run again what did not complete of a pipeline that has ended; return the new run's id.

    Its completed steps stand as they are, whatever their data holds now; code, parameters and
    environments are those it was submitted with. ``given`` are values of environment variables,
    beside those of this process. Raises ``UsageError`` for a pipeline that completed or that has
    not ended, and for variables without values.
    """
    record = session.history.record(run_id)
    folder = driven_folder(session.home, run_id)
    if record.state is RunState.COMPLETED or not record.state.final:
        state = "completed" if record.state is RunState.COMPLETED else "has not ended"
        raise UsageError(
            f"Pipeline {run_id} {state}: there is nothing to resume.",
            remedy="Submit it again; steps that have not changed are reused.",
        )
    work = kept_work(run_id, read_task(folder), {**os.environ, **given})
    return start_work(session, replace(work, resumes=run_id))


def kept_work(run_id: str, task: DrivenTask, known: Mapping[str, str]) -> Work:
    """Return what a pipeline was submitted with; ``known`` are values of environment variables.

    Raises ``UsageError`` that names the variables without one.
    """
    missing = [each for each in task.variables if each not in known]
    if missing:
        raise UsageError(
            f"Run {run_id} has environment variables whose values are not kept: "
            f"{', '.join(missing)}.",
            remedy="Set them in this shell, or give each with `--variable NAME=VALUE`.",
        )
    return work_of(task.plan, {each: known[each] for each in task.variables})


def start_again(session: ProjectSession, run_id: str, work: Work) -> str:
    """Start a pipeline again; return the new run's id. What did not change is reused."""
    properties = {**work.pipeline.properties, RERUN_PROPERTY: run_id}
    pipeline = replace(work.pipeline, properties=properties)
    return start_work(session, replace(work, pipeline=pipeline, resumes=None))


def _start(session: ProjectSession, name: str, work: Work) -> None:
    document, variables = work_document(work)
    task = DrivenTask(DRIVER, document, session.stack, session.lasting_manifest, tuple(variables))
    record = pipeline_record(work, name, session)
    start(session.home.absolute(), session.history, record, task, variables)


def pipeline_record(work: Work, name: str, session: ProjectSession) -> RunRecord:
    """Return the record of a pipeline's run that has not started."""
    pipeline = work.pipeline
    return RunRecord(
        run_id=name,
        experiment=pipeline.experiment,
        target=PIPELINE_TARGET,
        state=RunState.NOT_STARTED,
        created=time.time(),
        script=pipeline.at,
        params=dict(work.values),
        tags=dict(pipeline.tags),
        properties={**pipeline.properties, "azureml.runsource": RUN_KIND},
        stack=session.stack,
        manifest=session.kept_manifest(),
        display_name=pipeline.display_name or pipeline.name,
        description=pipeline.description,
    )


class _Checking:
    """Checks steps; what many of them share is looked at once."""

    def __init__(self, session: ProjectSession, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._submitter: Submitter = submitter_of(session)
        self._kinds: dict[str, str] = {}
        self._seen: set[object] = set()
        self.notes: list[str] = []
        self._environments: dict[tuple[str, str], EnvironmentSpec | None] = {}

    def step(self, step: Step, written: Collection[str]) -> Step:
        """Return a step that its target can run. Raises what is wrong with it.

        ``written`` names inputs that need not be there yet.
        """
        run = at_target(step.run)
        if not step.has_code:
            run = replace(run, source_directory=private_folder(self._session.home / "empty"))
        kind = self._kind(run.target)
        if run.environment is not None and run.environment.kind not in _AS_DECLARED:
            run = replace(run, environment=self._registered(run))
        if run.environment is None and run.target not in ON_THIS_MACHINE:
            raise DefinitionError(
                f"It has no environment, and target {run.target!r} needs one.",
                remedy="Give it one: `environment: {conda_file: FILE}` in a job, `runconfig` in a"
                " step, or conda_dependencies.yml in its source folder.",
            )
        step = step if run is step.run else replace(step, run=run)
        # A thousand steps with one script are one script to check.
        alike = replace(
            run, arguments=(), inputs=(), outputs=(), variables={}, origins={}, tags={},
            properties={}, display_name=None, description=None, command="-" if run.command else "",
        )  # fmt: skip
        places = tuple(each.location for each in run.outputs)
        same = (repr(alike), unread(step, run, written).inputs, places)
        if same not in self._seen:
            own = placed(step, self._folder, lambda _: kind)
            alone = unread(step, own, written)
            target = self._session.targets.asked_first(run.target)
            planned = self._submitter.plan(alone, target)
            if not isinstance(target, Checking):
                require_data(
                    alone,
                    self._session.home,
                    self._session.targets.manifest_file,
                    self._session.stack,
                )
            self.notes += [f"Step {step.name}: {each}" for each in planned.notes]
            self._seen.add(same)
        return step

    def _registered(self, run: RunSpec) -> EnvironmentSpec | None:
        """Return the environment that a target builds in place of a registered one."""
        key = (repr(run.environment), run.target)
        if key not in self._environments:
            found = load("runtime.submit.registered:with_environment")
            made: RunSpec = found(run, self._session.targets, self._session.stack)
            self._environments[key] = made.environment
        return self._environments[key]

    def _kind(self, target: str) -> str:
        if target not in self._kinds:
            self._session.targets.require(target)
            self._kinds[target] = self._session.targets.kind(target)
        return self._kinds[target]


class _Code:
    """Keeps the code of steps as it is now; a folder that several share is read once."""

    def __init__(self, session: ProjectSession, home: Path) -> None:
        self._store = SnapshotStore(home / "snapshots", os.environ)
        self._submitter = submitter_of(session)
        self._taken: dict[Path, tuple[Taken, Mapping[str, str]]] = {}
        self._environments: dict[tuple[str, str], str] = {}

    def of(self, pipeline: Pipeline) -> dict[str, StepCode]:
        """Return the code of every step."""
        return {each.name: self._code(each) for each in pipeline.steps}

    def _code(self, step: Step) -> StepCode:
        folder = step.run.source_directory.absolute()
        if folder not in self._taken:
            taken = self._store.take(folder)
            self._taken[folder] = (taken, git_properties(folder, os.environ))
        taken, git = self._taken[folder]
        if not step.run.command:
            paths = {file.path for file in taken.snapshot.files}
            check_script(step.run.script, paths, ignore_file=taken.ignore_file)
        return StepCode(taken.snapshot.id, git, self._environment(step))

    def _environment(self, step: Step) -> str:
        """Return the hash of what is installed for a step."""
        key = (repr(step.run.environment), step.run.target)
        if key not in self._environments:
            self._environments[key] = self._submitter.environment_hash(step.run)
        return self._environments[key]
