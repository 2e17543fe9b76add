"""The graph of a pipeline: order, what may run together, and every problem at once."""

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from infra.contract.errors import DefinitionError
from runtime.model.data import DataInput, DataLocation, DataOutput
from runtime.model.pipelines import Parameter, Pipeline, Source, Step
from runtime.model.runs import RunSpec
from runtime.pipelines.graph import below, graph_problems, in_order, levels
from runtime.pipelines.parameters import token, with_values
from runtime.pipelines.placing import placed, written_before
from runtime.pipelines.planning import StepState, plan_of

HERE = DataLocation("local", "")


def step(name, *, reads=(), writes=("out",), after=(), **changes):
    run = RunSpec(
        "s.py",
        Path(),
        inputs=tuple(DataInput(each, HERE) for each in reads),
        outputs=tuple(DataOutput(each) for each in writes),
    )
    found = {each: Source(each, "out") for each in reads}
    return Step(name, run, reads=found, after=tuple(after), **changes)


def pipeline(*steps, **fields):
    return Pipeline("p", tuple(steps), **fields)


def test_edges_come_from_outputs_used_as_inputs_and_from_run_after():
    made = pipeline(step("c", after=["b"]), step("b", reads=["a"]), step("a"))
    assert in_order(made) == ("a", "b", "c")


def test_independent_steps_may_run_together():
    made = pipeline(step("a"), step("b"), step("c", reads=["a", "b"]), step("d", reads=["a"]))
    assert levels(made) == (("a", "b"), ("c", "d"))


def test_cycles_are_refused_with_their_steps():
    made = pipeline(step("a", after=["b"]), step("b", reads=["c"]), step("c", reads=["a"]))
    with pytest.raises(DefinitionError, match=r"wait for each other: . → . → . → ."):
        in_order(made)


def test_every_problem_of_a_graph_is_named_at_once():
    place = DataLocation("datastore", "x/", "s")
    same = replace(step("d").run, outputs=(DataOutput("out", place),))
    made = pipeline(
        step("a", at="p.yml:3"),
        step("a"),
        replace(step("b"), reads={"x": Source("a", "model")}),
        replace(step("c"), reads={"y": Source("aa", "out")}, at="p.yml:9"),
        replace(step("d"), run=same),
        replace(step("e"), run=same),
        outputs={"best": Source("b", "oot")},
    )
    found = "\n".join(f"{each.at} {each.message} {each.remedy}" for each in graph_problems(made))
    assert "2 steps are called 'a'." in found
    assert "output 'model' of step 'a', which does not have it." in found
    assert "p.yml:9 Step 'c' waits for step 'aa', which the pipeline does not have." in found
    assert "Use one of: a, " in found
    assert "Output 'best' of the pipeline is output 'oot' of step 'b'" in found
    assert "Steps 'd' and 'e' both write to 'x/'" in found


@pytest.mark.parametrize("name", ["..", ".", "a/../../b", "größe 日本", "a.py"])
def test_the_data_of_a_step_is_below_its_pipeline_whatever_it_is_called(name, tmp_path):
    (output,) = placed(step(name), tmp_path, lambda _: "local").outputs
    assert Path(output.location.path).resolve().parents[1] == tmp_path / "data"


def test_data_is_not_looked_for_where_a_step_before_it_writes():
    def store(path, datastore="blobs"):
        return DataLocation("datastore", path, datastore)

    def reads(name, after, *place):
        given = step(name, after=after)
        inputs = (DataInput("in", store(*place)),)
        return replace(given, run=replace(given.run, inputs=inputs))

    made = step("made", writes=())
    outputs = (DataOutput("out", store("a/b")), DataOutput("any", store("")))
    made = replace(made, run=replace(made.run, outputs=outputs))
    steps = pipeline(
        made,
        step("between", after=["made"]),
        reads("below", ["between"], "a/b/c.txt"),
        reads("same", ["between"], "/a/b/"),
        reads("above", ["made"], "a"),
        reads("at once", [], "a/b"),
        reads("beside", ["made"], "a/bc"),
        reads("elsewhere", ["made"], "a/b", "other"),
    )
    found = {name for name, inputs in written_before(steps).items() if inputs == {"in"}}
    assert found == {"below", "same", "above"}


def test_a_dataset_is_not_looked_for_where_a_step_before_it_registers_it():
    def reads(name, after, path):
        given = step(name, after=after)
        inputs = (DataInput("in", DataLocation("asset", path)),)
        return replace(given, run=replace(given.run, inputs=inputs))

    made = step("made", writes=())
    outputs = (DataOutput("out", registered_as="clean"),)
    steps = pipeline(
        replace(made, run=replace(made.run, outputs=outputs)),
        reads("newest", ["made"], "clean@latest"),
        reads("version", ["made"], "clean:3"),
        reads("at once", [], "clean@latest"),
        reads("another", ["made"], "cleaner:1"),
    )
    found = {name for name, inputs in written_before(steps).items() if inputs == {"in"}}
    assert found == {"newest", "version"}


def test_an_input_and_an_output_of_a_step_do_not_share_their_name():
    made = pipeline(step("a"), step("b", reads=["a"], writes=["a", "b"]))
    (problem,) = graph_problems(made)
    assert problem.message == "An input and an output of step 'b' are both called 'a'."


def test_parameters_are_read_as_their_types():
    run = replace(step("a").run, arguments=("--n", token("n")), command=f"echo {token('t')}")
    made = pipeline(
        replace(step("a"), run=run),
        parameters=(Parameter("n", "int", 1), Parameter("t", "string", "x y")),
    )
    filled, values = with_values(made, {"n": "3"})
    assert values == {"n": 3, "t": "x y"}
    assert filled.steps[0].run.arguments == ("--n", "3")
    assert filled.steps[0].run.command == "echo 'x y'"


def test_a_parameter_may_say_where_data_is():
    made = pipeline(
        replace(step("a", reads=["raw"]), reads={}, parameters={"raw": "where"}),
        parameters=(Parameter("where", "datapath", DataLocation("datastore", "a", "s")),),
    )
    filled, _ = with_values(made, {"where": "azureml://datastores/t/paths/b"})
    assert filled.steps[0].run.inputs[0].location == DataLocation("datastore", "b", "t")


def test_every_wrong_value_of_a_parameter_is_named():
    run = replace(step("a").run, arguments=(token("nn"),))
    made = pipeline(
        replace(step("a"), run=run),
        parameters=(Parameter("n", "int"), Parameter("b", "bool", default=True)),
    )
    with pytest.raises(DefinitionError) as wrong:
        with_values(made, {"b": "maybe", "m": 1})
    for text in ("no parameter 'm'", "'n' has no value", "'b' is 'maybe'", "uses parameter 'nn'"):
        assert text in wrong.value.detail


def drawn(seed, count=30):
    """A random acyclic graph."""
    chosen = random.Random(seed)  # noqa: S311
    names = [f"s{n}" for n in range(count)]
    steps = [
        step(name, reads=chosen.sample(names[:n], min(n, chosen.randrange(3))))
        for n, name in enumerate(names)
    ]
    chosen.shuffle(steps)
    return pipeline(*steps)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("continues", [True, False])
def test_a_plan_starts_each_step_once_after_those_it_reads(seed, continues):
    made = replace(drawn(seed), continue_on_failure=continues)
    chosen = random.Random(seed)  # noqa: S311
    plan = plan_of(made, in_order(made))
    started, running = [], []
    while not plan.over:
        for name in plan.ready():
            assert all(plan.states[each].done for each in made.step(name).upstream)
            started.append(name)
            plan.became(name, StepState.RUNNING)
            running.append(name)
        name = running.pop(chosen.randrange(len(running)))
        plan.became(name, StepState.FAILED if chosen.random() < 0.1 else StepState.COMPLETED)
    assert len(started) == len(set(started))
    failed = {name for name, state in plan.states.items() if state is StepState.FAILED}
    lost = below(made, failed) if failed else set()
    skipped = {name for name, state in plan.states.items() if state is StepState.SKIPPED}
    assert lost <= skipped
    if continues:
        assert skipped == lost


def test_a_failed_step_fails_what_depends_on_it_and_no_more_if_the_rest_continues():
    made = pipeline(
        step("a"), step("b", reads=["a"]), step("c"), step("d", reads=["c"]),
        continue_on_failure=True,
    )  # fmt: skip
    plan = plan_of(made, in_order(made))
    assert plan.ready() == ["a", "c"]
    for name in ("a", "c"):
        plan.became(name, StepState.RUNNING)
    assert plan.became("a", StepState.FAILED) == ["b"]
    plan.became("c", StepState.COMPLETED)
    assert plan.ready() == ["d"]


def test_an_interrupted_plan_goes_on_where_it_was():
    made = pipeline(step("a"), step("b", reads=["a"]), step("c", reads=["b"]))
    plan = plan_of(made, in_order(made), {"a": StepState.COMPLETED, "b": StepState.RUNNING})
    assert (plan.ready(), plan.running) == ([], ["b"])
    plan.became("b", StepState.COMPLETED)
    assert plan.ready() == ["c"]


def test_a_chain_of_a_thousand_steps_is_skipped_at_once():
    names = [f"s{n}" for n in range(1000)]
    chain = [step("s0"), *(step(b, reads=[a]) for a, b in pairwise(names))]
    made = pipeline(*chain)
    plan = plan_of(made, in_order(made))
    plan.became(plan.ready()[0], StepState.RUNNING)
    assert len(plan.became("s0", StepState.FAILED)) == 999
    assert plan.over
