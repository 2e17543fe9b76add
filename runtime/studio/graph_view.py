"""What the page of a pipeline's run shows: its steps as a graph and as a table. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from infra.contract.times import duration
from runtime.model.pipelines import REUSED_PROPERTY, STEP_PROPERTY, Pipeline
from runtime.model.runs import RunRecord
from runtime.pipelines.drawing import label_of, shortened
from runtime.pipelines.layout import HEIGHT, WIDTH, layout_of
from runtime.pipelines.past import PastStep
from runtime.pipelines.planning import StepState


@dataclass(frozen=True, slots=True)
class Node:
    """A step as a box, whose left upper corner is at ``x``, ``y``.

    ``run_id`` is the step's run, ``reused`` the run that it stands for; ``""`` for none.
    ``seconds`` is how long it ran, ``None`` for a step that has not ended, or did not run.
    """

    name: str
    target: str
    state: str
    why: str
    run_id: str
    reused: str
    seconds: float | None
    x: float
    y: float

    @property
    def title(self) -> str:
        """The name as it fits into the box."""
        return shortened(self.name)

    @property
    def says(self) -> str:
        """The state, with how long the step ran."""
        return self.state if self.seconds is None else f"{self.state} · {duration(self.seconds)}"


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow. ``label`` names the outputs that are read, ``""``: the step below only waits."""

    path: str
    label: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Graph:
    """A pipeline's run as boxes and arrows; sizes are in pixels."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    width: float
    height: float
    box: tuple[int, int] = (WIDTH, HEIGHT)


def graph_of(pipeline: Pipeline, steps: Iterable[PastStep], children: Iterable[RunRecord]) -> Graph:
    """Return the graph of a run: ``steps`` in the order of their execution, and their runs."""
    layout, known = layout_of(pipeline), {each.name: each for each in pipeline.steps}
    places = layout.places
    runs = {child.properties.get(STEP_PROPERTY, ""): child for child in children}
    nodes = [
        _node(step, known[step.name].run.target, runs.get(step.name), places[step.name])
        for step in steps
    ]
    edges = [
        Edge(each.path, shortened(label_of(known[each.below], each.above)), *each.label)
        for each in layout.arrows
    ]
    return Graph(nodes, edges, layout.width, layout.height)


def _node(step: PastStep, target: str, run: RunRecord | None, at: tuple[float, float]) -> Node:
    properties: Mapping[str, str] = run.properties if run else {}
    is_reused = step.state == StepState.REUSED
    return Node(
        name=step.name,
        target=target,
        state=step.state,
        why=step.why,
        run_id=step.run_id or (run.run_id if run else ""),
        reused=properties.get(REUSED_PROPERTY, "") if is_reused else "",
        seconds=None if is_reused else _seconds(run),
        x=at[0],
        y=at[1],
    )


def _seconds(run: RunRecord | None) -> float | None:
    return None if run is None or run.ended is None else run.ended - run.created
