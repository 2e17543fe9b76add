"""A plan knows whether carrying it out would change state, also where no resource changes."""

from dataclasses import replace

import pytest

from infra.engine.deployment.recorder import PlanRecorder
from infra.engine.model.resources import Loaded, Resource

OLD = Resource("urn:pulumi:dev::proj::t::a", "t", custom=True, id="/a")


@pytest.fixture
def recorder():
    return PlanRecorder(Loaded([OLD]))


def test_entries_as_they_were_change_nothing(recorder):
    assert recorder.same(0, replace(OLD)) == 1
    recorder.forget([])
    recorder.settle([])
    assert not recorder.changed


@pytest.mark.parametrize(
    "act",
    [
        lambda r: r.same(0, replace(OLD, protect=True)),
        lambda r: r.same(None, OLD),
        lambda r: r.begin("creating", OLD),
        lambda r: r.outputs(0, {"x": 1}),
        lambda r: r.forget([0]),
        lambda r: r.rename("a", "b"),
        lambda r: r.settle([0]),
    ],
)
def test_anything_else_does(recorder, act):
    act(recorder)
    assert recorder.changed
