"""Sweeps of a project: submitted as a driven parent run, whose children are runs of its targets.

The one module of this package that knows the project's history, targets and submissions.
"""

import json
import os
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from infra.contract.errors import DefinitionError, PlatformError, UsageError
from infra.contract.json_types import JsonObject
from runtime.history.fold import as_number
from runtime.history.store import History
from runtime.model.pipelines import REUSED_PROPERTY
from runtime.model.runs import PreparedRun, RunRecord, RunSpec
from runtime.model.states import RunState
from runtime.submit.abilities import require_shared_cluster
from runtime.submit.billing import billed_of
from runtime.submit.driven import DrivenTask, start
from runtime.submit.driver_process import Driving
from runtime.submit.kept_specs import keep_spec, kept_spec
from runtime.submit.kept_specs import with_values as with_variables
from runtime.submit.launching import launching
from runtime.submit.notes import note, silent
from runtime.submit.prepare import placed
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import first_record, submitter_of
from runtime.sweeps.children import ProjectChildren, ProjectPreparation, logged_by, logged_values
from runtime.sweeps.driver import Pace, SweepDriver
from runtime.sweeps.native import not_native, sweep_properties, trial_run
from runtime.sweeps.observed import (
    HYPERPARAMETERS,
    METRIC,
    RESUMED,
    SOURCE,
    STOPPED,
    TEMPLATE,
    expression_document,
    first_tags,
    metric_config,
)
from runtime.sweeps.preparation import needs_preparation, preparation_run, trials_among
from runtime.sweeps.results import Results, Trial
from runtime.sweeps.space import (
    Assignment,
    fixed_twice,
)
from runtime.sweeps.sweep import MOST_RUNS, Sweep, clipped, from_document, to_document
from runtime.targets.base import Report, Sweeping, Target
from runtime.targets.finding import LOCAL
from runtime.targets.standby import Preloading

_DRIVER: Final = "sweep"
_RESUMABLE: Final = frozenset({RunState.COMPLETED, RunState.CANCELED})
_GIT: Final = ("azureml.git.", "mlflow.source.git.")
_PACES: Final = {LOCAL: Pace()}
_OTHER_PACE: Final = Pace(first_s=0.5, longest_s=10.0)


# --- submitting


def submit_sweep(
    session: ProjectSession,
    sweep: Sweep,
    spec: RunSpec,
    *,
    at: str | None = None,
    name: str = "",
    native: bool | None = None,
    taken: tuple[str, Mapping[str, str]] | None = None,
    report: Report = silent,
) -> str:
    """Start a sweep of ``spec``, the run that its children vary; return the parent's id.

    ``at`` is the file that defines the sweep, for messages. ``native``: the target's service drives
    it (default: on Azure, where its sweeps are the same). ``taken`` is the id of a snapshot that
    was taken earlier, and its git properties; the source folder is not read then. Raises
    ``PlatformError`` with every reason why it cannot be, before anything is stored or started.
    """
    spec = placed(spec)
    sweep = checked(sweep, spec, session, at=at, report=report)
    target = session.targets.target(spec.target)
    run_id = name or f"HD_{uuid.uuid4()}"
    submitter = submitter_of(session, report)
    with submitter.preparing(spec, target, run_id, taken) as (run, notes):
        for each in notes:
            report(each)
        keep_spec(session.home, run_id, spec)
        record = parent_record(run, sweep, session)
        service = service_of(sweep, target, session, native=native)
        if service is not None:
            return _launched(session, sweep, run, record, service)
        values = _values_of(spec)
        task = DrivenTask(
            _DRIVER,
            {
                "sweep": to_document(sweep),
                "arguments": list(spec.arguments),
                "command": spec.command,
                "snapshot": run.snapshot.id,
            },
            session.stack,
            session.lasting_manifest,
            (*values,),
        )
        start(session.home, session.history, record, task, values)
    return run_id


def checked(
    sweep: Sweep,
    spec: RunSpec,
    session: ProjectSession,
    *,
    at: str | None = None,
    report: Report = silent,
) -> Sweep:
    """Return the sweep as it will be, with a seed. Raises ``PlatformError`` if it cannot be."""
    require_shared_cluster(spec, "a sweep")
    problems = [*sweep.problems(), *_fixed(sweep, spec), *_of_resuming(sweep, session.history)]
    if spec.cluster is not None:
        problems.append("A cluster made for one run cannot be shared by those of a sweep.")
    if problems:
        kind = DefinitionError if at else UsageError
        raise kind("\n".join(problems), remedy="Change the sweep, then submit it again.", at=at)
    sweep, notes = clipped(sweep)
    for each in (*notes, *sweep.notes()):
        report(each)
    nodes = session.targets.most_nodes(spec.target)
    if nodes is not None:
        most = max(1, nodes // spec.node_count)
        if sweep.max_concurrent > most:
            report(f"Target {spec.target!r} has nodes for {most} runs at once; more wait.")
        sweep = replace(sweep, max_concurrent=min(sweep.max_concurrent, most))
    seed = sweep.seed if sweep.seed is not None else secrets.randbelow(2**31)
    return replace(sweep, seed=seed)


def service_of(
    sweep: Sweep, target: Target, session: ProjectSession, *, native: bool | None
) -> Sweeping | None:
    """Return what drives the sweep in place of our driver, if it does. Raises ``UsageError``."""
    why = not_native(sweep)
    if native and not isinstance(target, Sweeping):
        why = f"target {target.name!r} has no service that runs sweeps"
    if native and why:
        raise UsageError(f"The sweep cannot be native: {why}.", remedy="Leave out `--native`.")
    if not isinstance(target, Sweeping) or why:
        return None
    in_azure = not session.targets.built_here(target.name)
    return target if native or (native is None and in_azure) else None


def _launched(
    session: ProjectSession, sweep: Sweep, run: PreparedRun, record: RunRecord, target: Sweeping
) -> str:
    """Submit a sweep to the service of its target; return the run's id."""
    billed = billed_of(run.spec, session.targets)
    with launching(session.home, run.run_id):
        session.history.add(replace(record, billed_parts={"": billed}))
        try:
            handle = target.launch_sweep(trial_run(run, sweep), sweep_properties(sweep, run))
        except PlatformError as error:
            data = {"state": str(RunState.FAILED), "error": error.detail}
            note(session.history, run.run_id, "state", data, time_s=time.time())
            raise
        session.history.change(run.run_id, handle=handle.reference)
    return run.run_id


def parent_record(run: PreparedRun, sweep: Sweep, session: ProjectSession) -> RunRecord:
    """Return the record of the parent: the run that its children vary, with the sweep's tags."""
    record = first_record(run, time.time(), session.stack, session.kept_manifest())
    return replace(
        record,
        tags={**record.tags, **first_tags(sweep)},
        properties={
            **record.properties,
            **TEMPLATE,
            METRIC: json.dumps(metric_config(sweep)),
            **({RESUMED: json.dumps(sweep.resume_from)} if sweep.resume_from else {}),
        },
    )


def _fixed(sweep: Sweep, spec: RunSpec) -> list[str]:
    if sweep.style == "expressions":
        return []
    twice = fixed_twice(spec.arguments, sweep.space)
    where = spec.origins.get("arguments", "the run configuration")
    return [
        f"{each} is both an argument of the run ({where}) and a parameter of the sweep. Remove it"
        " from one of them."
        for each in twice
    ]


def _of_resuming(sweep: Sweep, history: History) -> list[str]:
    """Return why a sweep cannot resume the ones it names."""
    problems, total = [], sweep.max_total
    for run_id in sweep.resume_from:
        record = history.record(run_id)
        total += len(trials_among(history.children(run_id)))
        if not is_sweep(record):
            problems.append(f"Run {run_id} is not a sweep.")
        elif record.state not in _RESUMABLE:
            problems.append(
                f"Sweep {run_id} is {record.state}; it has to be completed or canceled."
            )
        elif json.loads(record.properties[METRIC]) != metric_config(sweep):
            problems.append(
                f"Sweep {run_id} has another primary metric: {record.properties[METRIC]}."
            )
        elif sweep.sampling == "bayesian" and _space_of(record) != _plain_space(sweep):
            problems.append(f"Sweep {run_id} has another search space, and sampling is bayesian.")
    if total > MOST_RUNS:
        problems.append(f"The sweep and those it resumes have {total} runs; {MOST_RUNS} at most.")
    return problems


def is_sweep(record: RunRecord) -> bool:
    """Return whether a run is the parent of a sweep."""
    return record.properties.get(SOURCE) == TEMPLATE[SOURCE]


def _space_of(record: RunRecord) -> JsonObject:
    found: JsonObject = json.loads(record.tags.get("generator_config", "{}"))
    space: JsonObject = found.get("parameter_space", {})
    return space


def _plain_space(sweep: Sweep) -> JsonObject:
    space = {name: expression_document(each) for name, each in sweep.space.items()}
    plain: JsonObject = json.loads(json.dumps(space))
    return plain


def _values_of(spec: RunSpec) -> dict[str, str]:
    environment = spec.environment.variables if spec.environment else {}
    return {**environment, **spec.variables}


def assignment_of(record: RunRecord) -> Assignment:
    """Return the values of a child, in the order of its arguments."""
    found: Assignment = json.loads(record.tags.get(HYPERPARAMETERS, "{}"))
    return found


def _resumed(record: RunRecord) -> list[str]:
    known: list[str] = json.loads(record.properties.get(RESUMED, "[]"))
    return known


def best_value(history: History, record: RunRecord) -> tuple[str, float] | None:
    """Return the primary metric of a sweep and its best value so far, ``None`` without one."""
    score, metric = record.properties.get("score"), record.properties.get(METRIC)
    if score is not None and metric is not None:
        return str(json.loads(metric)["name"]), as_number(score)  # it was noted at the end
    results = results_of(history, record)
    found = [best for each in results.trials if (best := results.best(each)) is not None]
    return (results.metric, found[0]) if found else None


def results_of(history: History, record: RunRecord, *, resumed: bool = False) -> Results:
    """Return the children of a sweep, compared; ``resumed``: with those of the ones it resumes."""
    metric: JsonObject = json.loads(record.properties[METRIC])
    name = str(metric["name"])
    # A step that was reused has no children of its own: they are those of the run it stands for.
    own = record.properties.get(REUSED_PROPERTY, record.run_id)
    trials = (
        _trial(history, child, number, name)
        for parent in (*(_resumed(record) if resumed else ()), own)
        for number, child in enumerate(reversed(trials_among(history.children(parent))))
    )
    return Results.of(name, str(metric["goal"]).lower(), trials)


def _trial(history: History, child: RunRecord, number: int, metric: str) -> Trial:
    logged = logged_by(history, child.run_id, metric)
    return Trial(
        child.run_id,
        number,
        child.state,
        assignment_of(child),
        tuple(value for _, value in logged),
        # One that had ended by itself before it could be stopped has completed.
        "" if child.state is RunState.COMPLETED else child.properties.get(STOPPED, ""),
        tuple(moment for moment, _ in logged),
        (child.error or "") if child.state is RunState.FAILED else "",
    )


# --- driving


def drive(driving: Driving) -> None:
    """Drive a sweep to its end: what a driven parent of kind ``sweep`` does."""
    session, plan = driving.session, driving.plan
    sweep = from_document(plan["sweep"])
    parent = session.history.record(driving.run_id)
    driving.state(RunState.PREPARING)
    spec = replace(
        kept_spec(session.home, driving.run_id),
        arguments=tuple(plan["arguments"]),
        command=plan["command"],
    )
    spec = with_variables(spec, {}, {**os.environ, **driving.values})
    target = session.targets.target(spec.target)
    if isinstance(target, Preloading):
        target.preload()
    submitter = submitter_of(session)
    git = {key: value for key, value in parent.properties.items() if key.startswith(_GIT)}
    base = submitter.prepared_again(spec, plan["snapshot"], target, driving.run_id, git)
    children = ProjectChildren(session, submitter, target, base, sweep)
    preparation = None
    name, targets = spec.target, session.targets
    if needs_preparation(base, targets.kind(name), built_here=targets.built_here(name)):
        run = preparation_run(base, driving.run_id)
        preparation = ProjectPreparation(session, submitter, target, run)
    earlier = [
        (child.run_id, assignment_of(child), logged_values(session.history, child.run_id, metric))
        for run_id in sweep.resume_from
        for metric in [sweep.metric]
        for child in trials_among(session.history.children(run_id))
    ]
    SweepDriver(
        sweep,
        driving,
        children,
        preparation=preparation,
        earlier=earlier,
        pace=_PACES.get(spec.target, _OTHER_PACE),
    ).drive()
