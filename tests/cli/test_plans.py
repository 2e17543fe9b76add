"""What a person reads of a plan and of its execution."""

import pytest

from infra.commands import plans
from infra.commands.live_view import Progress
from infra.commands.saved_plans import read_plan, require_same, write_plan
from infra.contract.errors import UsageError
from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Finished, Message, Op, Started, Step
from infra.engine.model.resources import Resource
from infra.engine.planning.decision import step_for

COMPUTE = "azure-native:machinelearningservices:Compute"
URN = f"urn:pulumi:local::demo::{COMPUTE}::cpu"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "no changes (0 unchanged)"),
        ({Op.SAME: 9, Op.READ: 1}, "no changes (9 unchanged)"),
        ({Op.CREATE: 8}, "8 to create"),
        ({Op.UPDATE: 1, Op.DELETE: 2, Op.SAME: 3}, "1 to update, 2 to delete, 3 unchanged"),
        ({Op.REPLACE: 1, Op.CREATE_REPLACEMENT: 1, Op.DELETE_REPLACED: 1}, "1 to replace"),
    ],
)
def test_a_plan_in_one_line(changes, expected):
    assert plans.plan_line(changes) == expected


def test_a_saved_plan_holds_what_the_provider_has_to_learn(tmp_path):
    def steps(value):
        extension = {"name": "more", "version": "1.0.0", "value": value}
        made = Resource(URN, COMPUTE, custom=True, inputs={"x": 1}, extension=extension)
        return [step_for(Op.CREATE, made)]

    file = tmp_path / "plan.json"
    write_plan(file, "local", "local", steps("b25l"))
    saved = read_plan(file, "local", "local")
    require_same(saved, steps("b25l"), file, "local")
    with pytest.raises(UsageError, match=r"Compute cpu: other values \(create\)"):
        require_same(saved, steps("dHdv"), file, "local")


SCALE = "properties.properties.scaleSettings"
CLUSTER = {"computeType": "AmlCompute"}


def cluster(most):
    return {"properties": CLUSTER | {"properties": {"scaleSettings": {"maxNodeCount": most}}}}


def test_a_plan_shows_what_changes_in_the_words_of_the_stack_file(capsys):
    step = Step(
        Op.UPDATE,
        URN,
        COMPUTE,
        diffs={f"{SCALE}.maxNodeCount": "update", "tags.team": "add"},
        old=cluster(2),
        new=cluster(4) | {"tags": {"team": "ml"}},
    )
    plans.print_plan([step, Step(Op.SAME, URN, COMPUTE)])
    assert capsys.readouterr().err.splitlines() == [
        "  ~  machinelearningservices:Compute  cpu",
        "        max_nodes 2 → 4",
        "        tags.team (none) → ml",
    ]


def test_a_plan_of_a_program_of_ones_own_names_property_paths(capsys):
    diffs = {f"{SCALE}.maxNodeCount": "update"}
    step = Step(Op.UPDATE, URN, COMPUTE, diffs=diffs, old=cluster(2), new=cluster(4))
    plans.print_plan([step], own_program=True)
    assert f"        {SCALE}.maxNodeCount 2 → 4\n" in capsys.readouterr().err


def test_a_resource_is_listed_once_and_components_are_counted(capsys):
    group = Step(
        Op.CREATE, "urn:pulumi:local::demo::aml:platform:Compute::cpu", "aml:platform:Compute"
    )
    plans.print_plan([group, Step(Op.CREATE, URN, COMPUTE)])
    assert capsys.readouterr().err.splitlines() == [
        "  +  machinelearningservices:Compute  cpu",
        "     and 1 component that groups these resources",
    ]


def test_a_replacement_is_listed_once_and_not_by_its_halves(capsys):
    old, new = ({"properties": CLUSTER | {"properties": {"vmSize": size}}} for size in "AB")
    diffs = {"properties.properties.vmSize": "update-replace"}
    ops = (Op.CREATE_REPLACEMENT, Op.REPLACE, Op.DELETE_REPLACED)
    plans.print_plan([Step(op, URN, COMPUTE, diffs=diffs, old=old, new=new) for op in ops])
    assert capsys.readouterr().err.splitlines() == [
        "  +- machinelearningservices:Compute  cpu",
        "        vm_size A → B  (replaces)",
    ]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            Finished(Step(Op.CREATE, URN, COMPUTE), 1.25),
            "machinelearningservices:Compute cpu created",
        ),
        (Finished(Step(Op.CREATE, URN, COMPUTE), 1.0, "no quota"), "creating failed"),
        (Message("warning", "mind the gap"), "warning: mind the gap"),
    ],
    ids=["done", "failed", "message"],
)
def test_progress_without_a_terminal_is_lines(capsys, event, expected):
    with Progress() as progress:
        progress(Started(Step(Op.CREATE, URN, COMPUTE)))
        progress(event)
    assert expected in capsys.readouterr().err


def test_what_stays_the_same_is_not_talked_about(capsys):
    with Progress() as progress:
        progress(Finished(Step(Op.SAME, URN, COMPUTE), 0.0))
    assert capsys.readouterr().err == ""


def test_what_is_not_known_yet_is_said_in_words(capsys):
    step = Step(
        Op.UPDATE,
        URN,
        COMPUTE,
        diffs={"a": "update"},
        old={"a": 1},
        new={"a": UNKNOWN, "b": [UNKNOWN]},
    )
    plans.print_plan([step])
    assert "a 1 → [known after deployment]" in capsys.readouterr().err
    assert plans.step_document(step)["new"] == {
        "a": "[known after deployment]",
        "b": ["[known after deployment]"],
    }
