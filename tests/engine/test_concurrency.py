"""Many requests at once, slots for provider calls, and Ctrl-C."""

import time

import pytest

from infra.contract.errors import ProviderError
from infra.engine.deployment.recorder import NullRecorder
from infra.engine.deployment.session import Cancellation, Options, Session
from infra.engine.model.events import Op, Started, Step
from tests.engine.cloud import FIXED, THING, nothing, urn_of

NAMES = [f"n{i}" for i in range(8)]


def all_at_once(in_background, names, gates=()):
    def script(p):
        futures = [in_background(lambda name=name: p.thing(name)) for name in names]
        for gate in gates:
            gate.go.set()
        for future in futures:
            future.result(5)

    return script


def test_parallelism_is_bounded(stage, in_background):
    gates = [stage.cloud.gate("create", name) for name in NAMES]

    def script(p):
        futures = [in_background(lambda name=name: p.thing(name)) for name in NAMES]
        deadline = time.monotonic() + 5
        while stage.cloud.busy < 3 and time.monotonic() < deadline:
            time.sleep(0.001)
        for gate in gates:
            gate.go.set()
        for future in futures:
            future.result(5)

    result = stage.up(script, parallel=3)
    assert stage.cloud.most_busy == 3
    assert len(result.steps) == len(NAMES)


def test_one_slot_is_serial(stage, in_background):
    stage.up(all_at_once(in_background, NAMES), parallel=1)
    assert stage.cloud.most_busy == 1
    stage.up(nothing, parallel=1)
    assert stage.cloud.most_busy == 1


def test_a_step_begins_once_it_has_a_slot():
    """A step that waits for a slot is not shown as running, and Ctrl-C still prevents it."""
    free = []

    def listener(event):
        if isinstance(event, Started):
            free.append(session.slot.acquire(blocking=False))
            if free[-1]:
                session.slot.release()

    session = Session(NullRecorder(), Options(parallel=1), listener, Cancellation())
    with session.provider_step(Step(Op.CREATE, urn_of("a"), THING)):
        pass
    assert free == [False]


def test_a_failure_is_never_taken_back():
    session = Session(NullRecorder(), Options(), lambda _: None, Cancellation())
    session.mark_failed()
    with pytest.raises(AttributeError):
        session.failed = False
    assert session.failed
    assert not session.halted()


def test_independent_deletes_run_at_the_same_time(stage, in_background):
    stage.up(lambda p: (p.thing("a"), p.thing("b")))
    one, other = stage.cloud.gate("delete", "a"), stage.cloud.gate("delete", "b")

    def let_go():
        assert one.entered.wait(5)
        assert other.entered.wait(5)
        one.go.set()
        other.go.set()

    waiting = in_background(let_go)
    assert stage.up(nothing).names == []
    waiting.result(5)


def test_deletes_run_dependents_first(stage):
    def script(p):
        group = p.component("g")
        a = p.resource("a", parent=group.urn)
        b = p.on(a, "b")
        p.resource("c", dependencies=(b.urn,))
        p.resource("d", deleted_with=b.urn)

    stage.up(script)
    result = stage.up(nothing)
    order = [name for _, name in result.steps]
    assert order.index("c") < order.index("b") < order.index("a") < order.index("g")
    assert order.index("d") < order.index("b")
    assert ("delete", "d") not in stage.cloud.calls


def test_the_default_provider_is_registered_once(stage, in_background):
    result = stage.up(all_at_once(in_background, NAMES))
    providers = [r for r in result.notebook.loaded().resources if r.name == "default"]
    assert len(providers) == 1
    assert providers[0].id in result.resource("n0").provider


def test_cancellation_finishes_what_runs_and_records_it(stage, in_background):
    gate = stage.cloud.gate("create", "a")

    def script(p):
        running = in_background(lambda: p.thing("a", FIXED))
        assert gate.entered.wait(5)
        stage.cancellation.stop()
        gate.go.set()
        assert running.result(5).id == "/a"
        p.thing("b")

    result = stage.up(script)
    assert result.names == ["a"]
    assert result.summary.failed
    assert stage.loaded.pending == []


def test_what_waits_for_a_slot_does_not_begin_after_cancellation(stage, in_background):
    gate = stage.cloud.gate("create", "a")

    def script(p):
        running = in_background(lambda: p.thing("a", FIXED))
        assert gate.entered.wait(5)
        waiting = in_background(lambda: p.thing("b", FIXED))
        stage.cancellation.stop()
        gate.go.set()
        running.result(5)
        waiting.result(5)

    assert stage.up(script, parallel=1).names == ["a"]
    assert ("create", "b") not in stage.cloud.calls


def test_cancellation_stops_deletes(stage, in_background):
    stage.up(lambda p: p.on(p.thing("a"), "b"))
    gate = stage.cloud.gate("delete", "b")

    def interrupt():
        assert gate.entered.wait(5)
        stage.cancellation.stop()
        gate.go.set()

    waiting = in_background(interrupt)
    result = stage.up(nothing)
    waiting.result(5)
    assert result.names == ["a"]
    assert result.summary.failed


def test_finish_deletes_nothing_after_cancellation(stage):
    stage.up(lambda p: p.thing("a"))
    result = stage.up(lambda _: stage.cancellation.stop())
    assert result.names == ["a"]
    assert result.summary.failed


def test_abandoning_cancels_providers_and_leaves_operations_pending(accounts, in_background):
    gate = accounts.cloud.gate("create", "a")
    accounts.cloud.failing["create", "a"] = ProviderError("stopped", remedy="none")

    def script(p):
        running = in_background(lambda: p.thing("a", FIXED))
        assert gate.entered.wait(5)
        accounts.cancellation.abandon()
        assert accounts.providers[-1].canceled.wait(5)
        gate.go.set()
        running.result(5)

    result = accounts.up(script)
    assert result.summary.failed
    assert accounts.cancellation.stopped
    assert [p.kind for p in accounts.loaded.pending] == ["creating"]


def test_a_provider_that_cannot_stop_is_left_alone(stage):
    stage.up(lambda p: p.thing("a"))
    stage.cancellation.abandon()
    assert stage.cancellation.abandoned


def test_each_write_precedes_its_answer(stage):
    seen = []

    def script(p):
        p.thing("a", FIXED)
        seen.extend(stage.notebook.writes)

    stage.up(script)
    assert seen[-2:] == ["begin creating a", "ok creating a"]
    assert stage.events[-2].step.op is Op.CREATE
