"""Pipelines that the service of a workspace drives: when it does, and how it is given one."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from infra.contract.errors import PlatformError, UsageError
from infra.contract.json_types import Document, JsonObject
from runtime.model.pipelines import NATIVE_PROPERTY, Pipeline, Step
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.pipelines.documents import Work, child_ids
from runtime.pipelines.native import (
    not_native,
    pipeline_properties,
    reads_of,
    reuses_otherwise,
)
from runtime.submit.billing import billed_of
from runtime.submit.launching import launching
from runtime.submit.notes import note
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import submitter_of
from runtime.targets.base import Pipelining, Report

Services: TypeAlias = Mapping[str, Pipelining]
"""The targets of a pipeline's steps, by their names."""


def service_of(
    session: ProjectSession, pipeline: Pipeline, *, native: bool | None, report: Report
) -> Services | None:
    """Return what drives a pipeline in place of our driver, if it does.

    ``report`` is told why the service of a workspace in Azure does not. Raises ``UsageError`` if it
    has to and cannot.
    """
    if native is False:
        return None
    names = dict.fromkeys(each.run.target for each in pipeline.steps)
    in_azure = not any(session.targets.built_here(name) for name in names)
    if native is None and not in_azure:
        return None
    services = service_targets(session, names)
    why = not_native(pipeline)
    others = [name for name in names if name not in services]
    if others:
        why = f"target {others[0]!r} has no service that runs pipelines"
    elif len({each.workspace.lower() for each in services.values()}) > 1:
        why = "its steps are on computes of several workspaces"
    if native and why:
        raise UsageError(f"The pipeline cannot be native: {why}.", remedy="Leave out `--native`.")
    why = why or ("" if native else reuses_otherwise(pipeline))
    if why:
        report(f"This machine drives the pipeline: {why}.")
        return None
    return services


def service_targets(session: ProjectSession, names: Iterable[str]) -> Services:
    """Return those of the targets whose service can drive pipelines, by their names."""
    targets = {name: session.targets.target(name) for name in names}
    return {name: each for name, each in targets.items() if isinstance(each, Pipelining)}


def launch_native(
    session: ProjectSession, services: Services, record: RunRecord, work: Work
) -> None:
    """Submit a pipeline to the service of its workspace, and keep its run in the history."""
    first = work.pipeline.steps[0].run.target
    properties = {**record.properties, NATIVE_PROPERTY: "true"}
    parts = {
        each.run.display_name or each.name: billed_of(each.run, session.targets)
        for each in work.pipeline.steps
    }
    record = replace(record, target=first, properties=properties, billed_parts=parts)
    with launching(session.home, record.run_id):
        session.history.add(record)
        try:
            job = native_job(session, services, work, record.run_id)
            handle = services[first].launch_pipeline(record.run_id, job)
        except PlatformError as error:
            data = {"state": str(RunState.FAILED), "error": error.detail}
            note(session.history, record.run_id, "state", data, time_s=time.time())
            raise
        session.history.change(record.run_id, handle=handle.reference)


def native_job(session: ProjectSession, services: Services, work: Work, name: str) -> JsonObject:
    """Send the code and environments of the steps; return the properties of the pipeline job."""
    ids = child_ids(name, [each.name for each in work.pipeline.steps])
    nodes = {
        each.name: _node(session, services[each.run.target], work, each, ids[each.name])
        for each in work.pipeline.steps
    }
    return pipeline_properties(work.pipeline, nodes, regenerate=work.regenerate)


def _node(
    session: ProjectSession, target: Pipelining, work: Work, step: Step, run_id: str
) -> Document:
    code = work.code[step.name]
    spec = replace(
        step.run,
        experiment=work.pipeline.experiment,
        display_name=step.run.display_name or step.name,
        # What other steps write has no place yet: it is checked with theirs.
        inputs=tuple(each for each in step.run.inputs if each.name not in step.reads),
    )
    known = session.targets.target(step.run.target)
    run = submitter_of(session).prepared_again(spec, code.snapshot, known, run_id, code.git)
    run = replace(run, spec=replace(run.spec, inputs=step.run.inputs))
    return target.pipeline_node(run, reads_of(step), is_reusable=step.reuse)
