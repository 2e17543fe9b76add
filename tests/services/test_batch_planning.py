"""Which tasks start where, decided from documents."""

import pytest

from localcloud.services.batch.planning import Start, starts


def task(name, state="active", result=None, **more):
    return {"id": name, "state": state, "executionInfo": {"result": result}, **more}


def planned(tasks, free, *, slots=1, running=0, **job):
    document = {"id": "j", "state": "active", **job}
    return starts({"taskSlotsPerNode": slots}, free, [document], {"j": tasks}, {"j": running})


DONE = task("done", "completed", "success")
AFTER = {"dependsOn": {"taskIds": ["DONE"]}}
NUMBERED = {"dependsOn": {"taskIdRanges": [{"start": 1, "end": 2}]}}
PAIR = {"multiInstanceSettings": {"numberOfInstances": 2}}


@pytest.mark.parametrize(
    ("tasks", "options", "expected"),
    [
        pytest.param([task("a"), task("b")], {"free": {"n": 1}}, [("a", "n")], id="in order"),
        pytest.param(
            [task("a", requiredSlots=2), task("b")], {"free": {"n": 1}, "slots": 2}, [("b", "n")],
            id="one that does not fit is overtaken",
        ),
        pytest.param(
            [task("a", **PAIR), task("b")], {"free": {"n": 1}}, [], id="nodes are kept for several",
        ),
        pytest.param(
            [task("a", **PAIR)], {"free": {"n": 1, "m": 1}}, [("a", "n", "m")], id="several nodes",
        ),
        pytest.param([DONE, task("b", **AFTER)], {"free": {"n": 1}}, [("b", "n")], id="after"),
        pytest.param(
            [task("1", "completed", "success"), task("2"), task("b", **NUMBERED)],
            {"free": {"n": 1, "m": 1}}, [("2", "n")], id="after a range",
        ),
        pytest.param(
            [task("a")], {"free": {"n": 1}, "running": 1, "maxParallelTasks": 1}, [], id="limited",
        ),
        pytest.param([task("a")], {"free": {"n": 1}, "state": "disabled"}, [], id="disabled"),
    ],
)  # fmt: skip
def test_tasks_start_where_they_fit(tasks, options, expected):
    assert planned(tasks, **options) == [Start("j", row[0], row[1:]) for row in expected]


def test_jobs_go_by_priority():
    jobs = [{"id": n, "state": "active", "priority": p} for n, p in (("low", 0), ("high", 9))]
    tasks = {"low": [task("a")], "high": [task("b")]}
    assert starts({}, {"n": 1}, jobs, tasks, {}) == [Start("high", "b", ("n",))]
