"""What the page of a pipeline's run makes of its steps."""

from pathlib import Path

from runtime.model.data import DataOutput
from runtime.model.pipelines import REUSED_PROPERTY, STEP_PROPERTY, Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.pipelines.past import PastStep
from runtime.studio.graph_view import graph_of
from tests.studio.conftest import record


def step(name, reads=(), after=()):
    spec = RunSpec("s.py", Path(), outputs=(DataOutput("out"),))
    return Step(name, spec, {f"from_{each}": Source(each, "out") for each in reads}, after=after)


PIPELINE = Pipeline(
    "p", (step("prepare"), step("train", ["prepare"]), step("check", (), ("prepare",)))
)


def child(number, name, **fields):
    properties = {STEP_PROPERTY: name} | fields.pop("properties", {})
    return record(number, properties=properties, **fields)


def test_steps_are_boxes_below_those_they_wait_for():
    graph = graph_of(PIPELINE, [PastStep(each.name, "Waiting") for each in PIPELINE.steps], [])
    prepare, train, check = graph.nodes
    assert prepare.y < train.y == check.y
    assert train.x + graph.box[0] < check.x
    assert check.x + graph.box[0] < graph.width
    assert [edge.label for edge in graph.edges] == ["out", ""]
    assert {node.run_id for node in graph.nodes} == {""}


def test_a_step_says_how_it_went_and_which_run_it_is():
    steps = [
        PastStep("prepare", "Reused", "run1", "nothing changed"),
        PastStep("train", "Completed", "run2", "its code changed"),
        PastStep("check", "Running"),
    ]
    children = [
        child(1, "prepare", properties={REUSED_PROPERTY: "earlier"}),
        child(2, "train"),
        child(3, "check", ended=None),
    ]
    nodes = graph_of(PIPELINE, steps, children).nodes
    assert [(node.run_id, node.reused, node.says) for node in nodes] == [
        ("run1", "earlier", "Reused"),
        ("run2", "", "Completed · 10.0 s"),
        ("run3", "", "Running"),
    ]
    assert nodes[1].why == "its code changed"


def test_a_long_name_fits_into_its_box():
    only = Pipeline("p", (step("n" * 99),))
    (node,) = graph_of(only, [PastStep("n" * 99, "Waiting")], []).nodes
    assert len(node.title) < 30 < len(node.name)
