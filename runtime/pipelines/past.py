"""Pipelines that have run, or run now: their steps and what each has come to."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra.contract.errors import UsageError
from runtime.agent.events import read_events
from runtime.model.pipelines import Pipeline
from runtime.pipelines.documents import child_ids, work_of
from runtime.pipelines.graph import in_order
from runtime.pipelines.planning import StepState
from runtime.submit.driven import JOURNAL, driven_folder, read_task
from runtime.submit.session import ProjectSession


@dataclass(frozen=True, slots=True)
class PastStep:
    """A step of a pipeline's run: its state, its run (``""`` for none), and why it is so."""

    name: str
    state: str
    run_id: str = ""
    why: str = ""


def is_pipeline(session: ProjectSession, run_id: str) -> bool:
    """Return whether a run is that of a pipeline."""
    try:
        return read_task(driven_folder(session.home, run_id)).driver == "pipeline"
    except (OSError, ValueError):
        return False


def steps_of_run(session: ProjectSession, run_id: str) -> list[PastStep]:
    """Return the steps of a pipeline's run in the order of their execution."""
    pipeline = _pipeline(session, run_id)
    found = {name: PastStep(name, str(StepState.WAITING)) for name in in_order(pipeline)}
    runs = child_ids(run_id, [each.name for each in pipeline.steps])
    file = driven_folder(session.home, run_id).path / JOURNAL
    for entry in read_events(file.read_bytes() if file.exists() else b""):
        data = entry["data"]
        if entry["kind"] == "begun":
            step, why = str(data["step"]), str(data.get("why") or "")
            found[step] = PastStep(step, str(StepState.RUNNING), runs[step], why)
        elif entry["kind"] == "ended":
            before = found[data["step"]]
            why = str(data.get("why") or "") or before.why
            found[data["step"]] = PastStep(data["step"], data["state"], data["run"], why)
    return list(found.values())


def pipeline_of_run(session: ProjectSession, run_id: str) -> tuple[Pipeline, Mapping[str, str]]:
    """Return the pipeline of a run, and the states of its steps."""
    pipeline = _pipeline(session, run_id)
    return pipeline, {each.name: each.state for each in steps_of_run(session, run_id)}


def _pipeline(session: ProjectSession, run_id: str) -> Pipeline:
    if not is_pipeline(session, run_id):
        raise UsageError(
            f"Run {run_id} is not that of a pipeline.", remedy="Give a pipeline's file or run."
        )
    return work_of(read_task(driven_folder(session.home, run_id)).plan, {}).pipeline
