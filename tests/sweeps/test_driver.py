"""The driver of sweeps, with children that end when they are told to, and killed at every point."""

import json

import pytest

from runtime.model.states import RunState
from runtime.sweeps.driver import Child, Look, SweepDriver
from runtime.sweeps.space import Expression
from runtime.sweeps.sweep import Policy, Sweep

SPACE = {"--lr": Expression("choice", tuple(range(1, 7)))}

SAMPLED = (
    "[GENERATOR][INFO]Successfully sampled '4' jobs, they will soon be submitted to the execution"
    " target."
)
FINISHED = (
    "[CONTROLLER][INFO]Experiment was 'ExperimentStatus.RUNNING', is 'ExperimentStatus.FINISHED'."
)


class KilledError(BaseException):
    """What kill -9 is to a driver: nothing that it could catch."""


class Machine:
    """Parent, children and clock of a sweep; all that happens is what outlives the driver.

    A child runs for as many looks as it has values. ``dies_at`` is the call that kills the driver:
    before it has any effect if ``before``, else after.
    """

    run_id = "HD_1"

    def __init__(self, values=lambda child: [child.number], *, fails=()):
        self.entries, self.events, self.lines = [], [], []
        self.started, self.stopped = {}, {}
        self.looks = {}
        self.most = 0
        self.time = 0.0
        self.asked_to_stop = False
        self.calls, self.dies_at, self.before = 0, None, False
        self._values, self._fails = values, fails

    # --- the parent

    def journal(self):
        return [(kind, json.loads(data)) for kind, data in self.entries]

    def record(self, kind, data):
        self._call(lambda: self.entries.append((kind, json.dumps(data))))

    def event(self, kind, data):
        self._call(lambda: self.events.append((kind, data)))

    def state(self, state, error=None):
        self._call(lambda: self.events.append(("state", {"state": state, "error": error})))

    def log(self, name, line):
        assert name == "azureml-logs/hyperdrive.txt"
        self._call(lambda: self.lines.append(line.partition("]")[2]))

    def is_canceled(self):
        return self.asked_to_stop

    # --- the children

    def start(self, child: Child):
        def begin():
            assert self.started.setdefault(child.id, child) == child
            self.looks.setdefault(child.id, 0)

        self._call(begin)

    def look(self, children):
        self._call(lambda: None)
        for child in children:
            self.looks[child] += 1
        self.most = max(self.most, sum(not self._look(c).state.final for c in self.started))
        return {child: self._look(child) for child in children}

    def cancel(self, child, why):
        self._call(lambda: self.stopped.setdefault(child, why))

    def sleep(self, seconds):
        self.time += seconds

    def now(self):
        return self.time

    def _look(self, child):
        values = self._values(self.started[child])
        logged = values[: self.looks[child]]
        if child in self.stopped:
            return Look(RunState.CANCELED, logged)
        ended = RunState.FAILED if self.started[child].number in self._fails else RunState.COMPLETED
        return Look(ended if self.looks[child] > len(values) else RunState.RUNNING, logged)

    def _call(self, effect):
        self.calls += 1
        if self.calls == self.dies_at and self.before:
            raise KilledError
        effect()
        if self.calls == self.dies_at:
            raise KilledError

    # --- what came of it

    def final(self):
        return [data for kind, data in self.events if kind == "state"][-1]

    def properties(self):
        return {data["key"]: data["value"] for kind, data in self.events if kind == "property"}

    def tags(self):
        return {data["key"]: data["value"] for kind, data in self.events if kind == "tag"}


class Preparation:
    """The run that prepares what the children of a machine share; it takes three looks."""

    run_id = "HD_1_preparation"

    def __init__(self, machine, ends=RunState.COMPLETED, why=""):
        self.starts, self.looks, self.canceled = 0, 0, ""
        self._machine, self._ends, self._why = machine, ends, why

    def start(self):
        def begin():
            assert not self._machine.started
            self.starts += 1

        self._machine._call(begin)

    def look(self):
        self._machine._call(lambda: None)
        self.looks += 1
        if self.canceled:
            return RunState.CANCELED, ""
        if self.looks > 2:
            return self._ends, self._why
        return RunState.RUNNING, ""

    def cancel(self, why):
        self.canceled = why


def sweep(sampling="grid", **options):
    known = {"metric": "acc", "goal": "maximize", "max_total": 6, "max_concurrent": 2, "seed": 1}
    return Sweep(SPACE, sampling, **(known | options))


def driven(machine, made, **options):
    SweepDriver(made, machine, machine, now=machine.now, sleep=machine.sleep, **options).drive()
    return machine


def test_as_many_children_run_at_once_as_may_and_others_follow():
    machine = driven(Machine(), sweep())
    assert [child.assignment["--lr"] for child in machine.started.values()] == [1, 2, 3, 4, 5, 6]
    assert list(machine.started) == [f"HD_1_{number}" for number in range(6)]
    assert machine.most == 2
    assert machine.final() == {"state": RunState.COMPLETED, "error": None}


def test_its_log_has_the_lines_of_the_service():
    lines = driven(Machine(), sweep(max_concurrent=4)).lines
    assert lines[:4] == [
        "[API][INFO]Experiment created",
        "[GENERATOR][INFO]Trying to sample '4' jobs from the hyperparameter space",
        SAMPLED,
        "[SCHEDULER][INFO]Scheduling job, id='HD_1_0'",
    ]
    assert lines[-3:] == [
        "[GENERATOR][INFO]Max number of jobs '6' reached for experiment.",
        "[GENERATOR][INFO]All jobs generated.",
        FINISHED,
    ]


def test_failed_children_do_not_fail_the_parent_and_are_noted():
    machine = driven(Machine(fails=(1, 5)), sweep())
    assert machine.final() == {
        "state": RunState.COMPLETED,
        "error": "User errors were found in at least one of the child runs.",
    }


def test_the_best_child_is_by_the_best_value_ever_logged():
    machine = driven(Machine(lambda child: [[9, 0], [8, 8], [1]][child.number % 3]), sweep())
    assert machine.properties()["best_child_run_id"] == "HD_1_0"
    assert machine.properties()["score"] == "9"


def test_without_the_metric_there_is_no_best_child():
    machine = driven(Machine(lambda _: []), sweep())
    assert machine.properties()["best_metric_status"] == "NoMetric"
    assert "best_child_run_id" not in machine.properties()


def test_a_policy_stops_a_child_with_its_reason():
    machine = Machine(lambda child: [10.0] if child.number == 0 else [1.0] * 50)
    driven(machine, sweep(policy=Policy("bandit", 2, slack_amount=1), max_total=2))
    driven(machine2 := Machine(lambda child: [9 - 8 * child.number] * 20), sweep(
        policy=Policy("bandit", 2, delay_evaluation=4, slack_amount=1), max_total=2))  # fmt: skip
    assert machine.stopped == {}  # the best one logged once: nobody is compared with it
    (why,) = machine2.stopped.values()
    assert why == (
        "BanditPolicy (slack_amount 1): its best value 1 is worse than 8, the limit below the best"
        " value 9 after 4 values."
    )
    assert f"[ENFORCER][INFO]Job HD_1_1 is stopped by {why}" in machine2.lines


def test_a_child_that_never_logged_the_metric_is_noted_as_one_that_no_policy_judges():
    def values(child):
        return [1.0] * child.number

    policy = Policy("bandit", slack_amount=1)
    machine = driven(Machine(values), sweep(policy=policy, max_total=2))
    (line,) = (each for each in machine.lines if "policy cannot be applied" in each)
    assert line.startswith("[ENFORCER][INFO]Jobs [HD_1_0] do not contain any metrics")
    assert machine.stopped == {}


def test_when_the_time_is_up_running_children_are_canceled_and_none_follow():
    machine = driven(Machine(lambda _: [1.0] * 9999), sweep(max_duration_s=60))
    assert len(machine.started) == len(machine.stopped) == 2
    assert set(machine.stopped.values()) == {"The sweep reached max_duration_minutes (1)."}
    assert machine.final()["state"] is RunState.COMPLETED


def test_canceling_the_parent_cancels_its_children():
    machine = Machine(lambda _: [1.0] * 1000)
    machine.asked_to_stop = True
    driven(machine, sweep())
    assert machine.final()["state"] is RunState.CANCELED
    assert machine.started == {}
    late = Machine(lambda child: [float(child.number)])
    sleep = late.sleep
    late.sleep = lambda seconds: (sleep(seconds), setattr(late, "asked_to_stop", True))
    driven(late, sweep())
    assert set(late.stopped) == set(late.started)
    assert late.tags()["cancellation_requested"] == "true"


def test_values_to_resume_come_first():
    machine = driven(Machine(), sweep(max_total=3, first=({"--lr": 99},)))
    values = [child.assignment["--lr"] for child in machine.started.values()]
    assert values == [99, 1, 2]


def test_the_best_may_be_a_child_of_a_sweep_that_is_resumed():
    earlier = [("HD_0_3", {"--lr": 1}, [100.0])]
    machine = driven(Machine(), sweep(), earlier=earlier)
    assert machine.properties()["best_child_run_id"] == "HD_0_3"


def test_each_child_has_its_values_among_the_parents_tags():
    tags = driven(Machine(), sweep(max_total=2)).tags()
    assert tags["HD_1_1"] == tags["_aml_system_HD_1_1"] == '{"--lr": 2}'
    assert tags["all_jobs_generated"] == "true"


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("sampling", ["grid", "random", "bayesian"])
def test_killed_at_any_point_no_child_is_lost_and_none_starts_twice(sampling, before):
    made = sweep(sampling)
    whole = driven(Machine(), made)
    points = range(1, whole.calls + 1)
    assert len(points) >= 50
    for point in points:
        machine = Machine()
        machine.dies_at, machine.before = point, before
        with pytest.raises(KilledError):
            driven(machine, made)
        driven(machine, made)
        assert list(machine.started) == list(whole.started)
        if sampling != "bayesian":  # which depends on the order in which children end
            assert machine.started == whole.started
        assert machine.final()["state"] is RunState.COMPLETED
        assert machine.properties()["best_child_run_id"] == "HD_1_5"
        assert machine.most <= 2
        assert {kind for kind, _ in machine.entries} == {"begun", "child"}
        made_children = {data["run"] for kind, data in machine.events if kind == "child"}
        assert made_children == set(whole.started)
        assert machine.tags().keys() == whole.tags().keys()
        assert machine.tags()["all_jobs_generated"] == "true"


@pytest.mark.parametrize("before", [True, False])
def test_killed_at_any_point_no_child_is_stopped_by_a_point_that_it_has_passed(before):
    # The first child begins below the third, which starts when the first is above it.
    values = {0: [1, 9, 9, 9, 9, 9, 9, 9], 2: [5, 5]}
    made = sweep(policy=Policy("bandit", slack_amount=1))

    def machine_of():
        return Machine(lambda child: values.get(child.number, [1]))

    whole = driven(machine_of(), made)
    assert "HD_1_0" not in whole.stopped
    assert "HD_1_2" in whole.stopped
    for point in range(1, whole.calls + 1):
        machine = machine_of()
        machine.dies_at, machine.before = point, before
        with pytest.raises(KilledError):
            driven(machine, made)
        driven(machine, made)
        assert "HD_1_0" not in machine.stopped
        assert machine.properties()["best_child_run_id"] == "HD_1_0"


def test_what_children_share_is_prepared_before_the_first_and_once():
    machine = Machine()
    preparation = Preparation(machine)
    driven(machine, sweep(), preparation=preparation)
    assert (preparation.starts, preparation.looks) == (1, 3)
    at = machine.lines.index("[SCHEDULER][INFO]The execution environment is being prepared.")
    assert machine.lines[at - 1] == SAMPLED.replace("4", "2")
    assert machine.lines[at + 1] == "[SCHEDULER][INFO]Scheduling job, id='HD_1_0'"
    made = [data["run"] for kind, data in machine.events if kind == "child"]
    assert made == ["HD_1_preparation", *(f"HD_1_{number}" for number in range(6))]
    assert machine.final()["state"] is RunState.COMPLETED


def test_a_preparation_that_fails_is_how_the_sweep_fails_and_no_child_starts():
    machine = Machine()
    driven(machine, sweep(), preparation=Preparation(machine, RunState.FAILED, "No such package."))
    assert machine.started == {}
    assert machine.final() == {
        "state": RunState.FAILED,
        "error": "The environment of its runs could not be prepared (run HD_1_preparation):"
        " No such package.",
    }


def test_canceling_the_parent_cancels_the_preparation():
    machine = Machine()
    preparation = Preparation(machine)

    def sleep(seconds):
        machine.sleep(seconds)
        machine.asked_to_stop = True

    SweepDriver(
        sweep(), machine, machine, preparation=preparation, now=machine.now, sleep=sleep
    ).drive()
    assert preparation.canceled == "The sweep was canceled."
    assert machine.started == {}
    assert machine.final()["state"] is RunState.CANCELED


@pytest.mark.parametrize("before", [True, False])
def test_killed_while_it_prepares_a_driver_goes_on_with_the_same_run(before):
    made = sweep()
    whole = driven(first := Machine(), made, preparation=Preparation(first))
    for point in range(1, whole.calls + 1):
        machine = Machine()
        preparation = Preparation(machine)
        machine.dies_at, machine.before = point, before
        with pytest.raises(KilledError):
            driven(machine, made, preparation=preparation)
        driven(machine, made, preparation=preparation)
        assert machine.started == whole.started
        assert machine.final()["state"] is RunState.COMPLETED


def test_killed_again_and_again_it_still_ends():
    machine, made, kills = Machine(), sweep("random", max_total=40), 0
    while True:
        machine.dies_at = machine.calls + 150
        try:
            driven(machine, made)
            break
        except KilledError:
            kills += 1
    assert kills >= 2
    assert len(machine.started) == 40
