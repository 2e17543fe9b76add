"""What a deployment relies on in every recorder, as tests to inherit.

``RecorderContract`` holds for every recorder, ``KeepingRecorderContract`` for one whose records are
loaded by the next run.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from infra.engine.model.resources import Resource


def resource(name, **fields):
    urn = f"urn:pulumi:dev::proj::things:index:Thing::{name}"
    return Resource(urn, "things:index:Thing", custom=True, id=f"/{name}", **fields)


A, B, C = resource("a"), resource("b"), resource("c")


class RecorderContract:
    """Inherit it; ``record`` opens a recorder over what the last one recorded."""

    @pytest.fixture
    def record(self):
        """Return a context manager that yields a recorder."""
        raise NotImplementedError

    def test_every_record_has_a_key_of_its_own(self, record):
        with record() as recorder:
            first = recorder.begin("creating", A)
            recorder.ok(first, A)
            keys = [first, recorder.same(None, B), recorder.begin("deleting", A)]
            keys.append(recorder.same(keys[1], replace(B, protect=True)))
            recorder.fail(keys[2])
        assert len(set(keys)) == len(keys)

    def test_many_threads_get_distinct_keys(self, record):
        with record() as recorder, ThreadPoolExecutor(8) as pool:
            names = [f"n{number}" for number in range(40)]
            keys = list(pool.map(lambda name: recorder.begin("creating", resource(name)), names))
            assert len(set(keys)) == len(names)
            list(pool.map(lambda key, name: recorder.ok(key, resource(name)), keys, names))

    def test_empty_records_are_accepted(self, record):
        with record() as recorder:
            recorder.forget([])
            recorder.settle([])


class KeepingRecorderContract(RecorderContract):
    """For a recorder whose records the next run loads, with the fixture ``load``."""

    @pytest.fixture
    def load(self):
        """Return a function that returns what the next run finds."""
        raise NotImplementedError

    @pytest.fixture
    def recorded(self, record):
        """Record three resources that were created."""
        with record() as recorder:
            for each in (A, B, C):
                recorder.ok(recorder.begin("creating", each), each)

    @pytest.fixture
    def marks(self, load):
        def of():
            return {r.name: (r.delete, r.pending_replacement) for r in load().resources}

        return of

    def test_what_was_done_is_loaded(self, recorded, load):
        assert list(load().resources) == [A, B, C]
        assert not load().pending

    def test_what_only_began_is_pending(self, record, load):
        with record() as recorder:
            recorder.begin("creating", A, absent_checked=True)
        (operation,) = load().pending
        assert (operation.kind, operation.resource) == ("creating", A)
        assert operation.absent_checked
        assert not load().resources

    def test_what_failed_left_nothing(self, recorded, record, load):
        with record() as recorder:
            recorder.fail(recorder.begin("updating", replace(A, inputs={"x": 1})))
        assert list(load().resources) == [A, B, C]
        assert not load().pending

    def test_a_delete_removes_its_entry(self, recorded, record, load):
        with record() as recorder:
            recorder.ok(recorder.begin("deleting", C), None, removes=[2])
        assert list(load().resources) == [A, B]

    def test_an_update_replaces_its_entry(self, recorded, record, load):
        changed = replace(C, inputs={"x": 1})
        with record() as recorder:
            recorder.ok(recorder.begin("updating", changed), changed, removes=[2])
        assert sorted(load().resources, key=lambda r: r.urn) == [A, B, changed]

    def test_entries_are_marked(self, recorded, record, marks):
        new = replace(C, id="/c2")
        with record() as recorder:
            recorder.ok(recorder.begin("creating", new), new, deletes=[2])
            recorder.ok(recorder.begin("deleting", B), None, pends=[1])
        assert marks()["b"] == (False, True)

    def test_the_old_half_of_a_replacement_is_marked(self, recorded, record, load):
        new = replace(C, id="/c2")
        with record() as recorder:
            recorder.ok(recorder.begin("creating", new), new, deletes=[2])
        halves = {r.id: r.delete for r in load().resources if r.name == "c"}
        assert halves == {"/c": True, "/c2": False}

    def test_outputs_are_replaced(self, recorded, record, load):
        with record() as recorder:
            recorder.outputs(recorder.same(0, A), {"y": 2})
        assert [r.outputs for r in load().resources if r.name == "a"] == [{"y": 2}]

    def test_a_forgotten_entry_is_gone(self, recorded, record, load):
        with record() as recorder:
            recorder.forget([1])
        assert list(load().resources) == [A, C]

    def test_a_rename_reaches_what_refers_to_it(self, record, load):
        child = resource("child", dependencies=(A.urn,))
        with record() as recorder:
            for each in (A, child):
                recorder.ok(recorder.begin("creating", each), each)
        renamed = replace(A, urn=resource("new").urn)
        with record() as recorder:
            recorder.rename(A.urn, renamed.urn)
            recorder.same(0, renamed)
        assert [r.dependencies for r in load().resources if r.name == "child"] == [(renamed.urn,)]

    def test_a_settled_operation_is_no_longer_pending(self, record, load):
        with record() as recorder:
            recorder.begin("creating", A)
            recorder.begin("creating", B)
        with record() as recorder:
            recorder.settle([0])
        assert [operation.resource for operation in load().pending] == [B]
