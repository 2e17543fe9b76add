"""Which jobs a plan would interrupt."""

import pytest

from infra.contract.errors import ProviderError
from infra.deploy.run.affected_jobs import (
    AffectedCompute,
    affected_computes,
    affected_jobs,
    jobs_affected_by,
)
from infra.engine.model.events import Op, Step

COMPUTE = "azure-native:machinelearningservices:Compute"
WS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
CPU = f"{WS}/computes/cpu"
MOST = "properties.properties.scaleSettings.maxNodeCount"


def most(number: int):
    return {"properties": {"properties": {"scaleSettings": {"maxNodeCount": number}}}}


def step(op: Op, *, type_: str = COMPUTE, before: int = 4, after: int = 4) -> Step:
    diffs = {MOST: "update"} if before != after else {"tags.a": "add"}
    old, new = most(before), most(after)
    return Step(op, "urn:x", type_, id=CPU, diffs=diffs, old=old, new=new)


def job(status: str, *, compute: str = CPU, nodes: int | None = None, title: str = ""):
    resources = {} if nodes is None else {"resources": {"instanceCount": nodes}}
    properties = {"status": status, "computeId": compute, "displayName": title, **resources}
    return {"name": "run-1", "properties": properties}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(step(Op.DELETE), [AffectedCompute(CPU, "deleted")], id="deleted"),
        pytest.param(step(Op.REPLACE), [AffectedCompute(CPU, "replaced")], id="replaced"),
        pytest.param(
            step(Op.UPDATE, after=1), [AffectedCompute(CPU, "shrunk to 1 node", 1)], id="shrunk"
        ),
        pytest.param(step(Op.UPDATE, after=8), [], id="grown"),
        pytest.param(step(Op.UPDATE), [], id="changed otherwise"),
        pytest.param(step(Op.DELETE, type_="azure-native:x:Y"), [], id="something else"),
    ],
)
def test_computes_that_lose_nodes(one: Step, expected) -> None:
    assert affected_computes([one, one]) == expected


@pytest.mark.parametrize(
    ("compute", "one", "said"),
    [
        pytest.param(
            AffectedCompute(CPU, "deleted"), job("Running"), "is running on it", id="running"
        ),
        pytest.param(
            AffectedCompute(CPU, "deleted"), job("Queued"), "is queued for it", id="waiting"
        ),
        pytest.param(
            AffectedCompute(CPU, "replaced"),
            job("Running", compute=CPU.upper()),
            "replaced",
            id="case",
        ),
        pytest.param(
            AffectedCompute(CPU, "shrunk to 1 node", 1),
            job("Running", nodes=2),
            "shrunk",
            id="wide",
        ),
        pytest.param(
            AffectedCompute(CPU, "deleted"),
            job("Running", title="train"),
            "'train' (run-1)",
            id="title",
        ),
    ],
)
def test_a_job_it_hits_is_named(compute: AffectedCompute, one, said: str) -> None:
    (line,) = jobs_affected_by(compute, [one])
    assert "'cpu' would be" in line
    assert "run-1" in line
    assert said in line


@pytest.mark.parametrize(
    ("compute", "one"),
    [
        pytest.param(AffectedCompute(CPU, "deleted"), job("Completed"), id="over"),
        pytest.param(
            AffectedCompute(CPU, "deleted"), job("Running", compute=f"{CPU}2"), id="elsewhere"
        ),
        pytest.param(AffectedCompute(CPU, "shrunk", 1), job("Running"), id="fits on what is left"),
        pytest.param(AffectedCompute(CPU, "shrunk", 1), job("Queued"), id="can still wait"),
    ],
)
def test_other_jobs_are_not(compute: AffectedCompute, one) -> None:
    assert jobs_affected_by(compute, [one]) == []


def test_jobs_are_listed_once_per_workspace_and_only_if_needed() -> None:
    asked: list[str] = []

    def jobs(workspace: str):
        asked.append(workspace)
        return [job("Running")]

    assert affected_jobs([step(Op.UPDATE)], jobs) == []
    assert len(affected_jobs([step(Op.DELETE), step(Op.REPLACE)], jobs)) == 1
    assert asked == [WS]


def test_a_job_list_that_is_refused_is_reported() -> None:
    def refuse(_: str):
        raise ProviderError("You may not.", remedy="Ask.")

    (line,) = affected_jobs([step(Op.DELETE)], refuse)
    assert line == "The jobs that this would interrupt cannot be listed: You may not."
