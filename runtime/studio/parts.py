"""What the page of a run shows of the runs below it: trials, the steps of a pipeline, or a list."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.contract.json_text import json_text
from runtime.model.pipelines import PIPELINE_TARGET
from runtime.model.runs import RunRecord
from runtime.pipelines.past import is_pipeline, pipeline_of_run, steps_of_run
from runtime.studio.graph_view import Graph, graph_of
from runtime.studio.sweep_view import Row, charts_of, rows_of
from runtime.submit.session import ProjectSession
from runtime.sweeps.importance import Importance, importance_of
from runtime.sweeps.observed import METRIC
from runtime.sweeps.project import results_of


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep as its page shows it. ``charts`` is the JSON that its charts are drawn from."""

    metric: str
    goal: str
    parameters: Sequence[str]
    rows: Sequence[Row]
    importance: Sequence[Importance]
    most: str
    charts: str


@dataclass(frozen=True, slots=True)
class Parts:
    """The runs below a run, newest first, and what they are parts of."""

    sweep: Sweep | None
    graph: Graph | None
    children: Sequence[RunRecord]


def parts_of(session: ProjectSession, record: RunRecord) -> Parts:
    """Return what the template ``parts.html`` shows of a run."""
    children = session.history.children(record.run_id)
    return Parts(_sweep(session, record), _graph(session, record, children), children)


def _sweep(session: ProjectSession, record: RunRecord) -> Sweep | None:
    properties = record.properties
    if properties.get("runTemplate") != "HyperDrive" or METRIC not in properties:
        return None
    results = results_of(session.history, record)
    return Sweep(
        results.metric,
        results.goal,
        results.parameters,
        rows_of(results),
        importance_of(results),
        record.tags.get("max_total_jobs", ""),
        json_text(charts_of(results, record.started or record.created), indent=None),
    )


def _graph(
    session: ProjectSession, record: RunRecord, children: Sequence[RunRecord]
) -> Graph | None:
    """Return the graph of a pipeline that was driven from here; of others only runs are known."""
    if record.target != PIPELINE_TARGET or not is_pipeline(session, record.run_id):
        return None
    pipeline, _ = pipeline_of_run(session, record.run_id)
    steps = steps_of_run(session, record.run_id)
    return graph_of(pipeline, steps, children)
