"""Secrets stay marked on their way to state and events; unknowns stay unknown in previews."""

from infra.contract.provider import UNKNOWN
from infra.engine.model.events import Op
from infra.engine.model.values import Secret, has_secret
from tests.engine.cloud import FIXED

KEY = Secret("hunter2")


def test_secret_inputs_mark_inputs_and_outputs(stage):
    result = stage.up(lambda p: p.thing("a", x=KEY, y=[KEY, 1], z={"k": KEY}))
    state = result.resource("a")
    for values in (state.inputs, state.outputs):
        assert values["x"] == KEY
        assert values["y"] == [KEY, 1]
        assert values["z"] == {"k": KEY}
    assert next(iter(stage.cloud.things.values()))["x"] == "hunter2"


def test_additional_secret_outputs(stage):
    stage.up(lambda p: p.thing("a", x=1))
    marked = {"inputs": {"x": 1}, "additional_secret_outputs": ("x", "nothing")}
    result = stage.up(lambda p: p.resource("a", **marked))
    assert result.steps == [(Op.SAME, "a")]
    assert result.resource("a").outputs["x"] == Secret(1)


def test_secrets_the_provider_names(stage):
    result = stage.up(lambda p: p.thing("a", keys={"primary": "k"}))
    assert result.resource("a").outputs["keys"] == Secret({"primary": "k"})


def test_marking_secret_is_no_change(stage):
    stage.up(lambda p: p.thing("a", x="hunter2"))
    result = stage.up(lambda p: p.thing("a", x=KEY))
    assert result.steps == [(Op.SAME, "a")]
    assert result.resource("a").inputs["x"] == result.resource("a").outputs["x"] == KEY


def test_events_hide_secrets(stage):
    def script(p, x=1):
        p.resource("a", inputs={"x": x, "k": KEY})
        p.outputs = {"k": KEY}

    results = [stage.preview(script), stage.up(script), stage.up(lambda p: script(p, 2))]
    results += [stage.refresh(), stage.destroy()]
    for result in results:
        assert "hunter2" not in repr(result.events)
        assert not has_secret(dict(result.summary.outputs))


def test_secrets_in_reshaped_lists_stay_secret(stage):
    """A provider that returns another number of elements leaves no telling which is the secret."""
    stage.up(lambda p: p.thing("a", FIXED, x=[KEY, 1]))
    stage.cloud.things["/a"]["x"] = ["hunter2", 1, 2]
    stage.refresh()
    state = next(r for r in stage.loaded.resources if r.name == "a")
    assert state.inputs["x"] == state.outputs["x"] == Secret(["hunter2", 1, 2])


def test_unknowns_in_preview(stage):
    seen = {}

    def script(p):
        seen["a"] = p.thing("a", x=1)
        seen["b"] = p.on(seen["a"], "b")

    assert stage.preview(script).steps == [(Op.CREATE, "a"), (Op.CREATE, "b")]
    assert seen["a"].id == ""
    assert seen["a"].outputs["size"] == UNKNOWN
    assert seen["b"].outputs["of"] == UNKNOWN
    assert stage.cloud.things == {}


def test_a_preview_keeps_known_what_cannot_change(stage):
    seen = {}
    stage.up(lambda p: p.on(p.thing("a", x=1), "b"))

    def script(p):
        seen["a"] = p.thing("a", x=2)
        p.on(seen["a"], "b")

    assert stage.preview(script).steps == [(Op.UPDATE, "a"), (Op.SAME, "b")]
    assert seen["a"].id in stage.cloud.things


def test_preview_of_a_replacement_makes_dependents_unknown(stage):
    stage.up(lambda p: p.on(p.thing("a", shape=1), "b"))
    result = stage.preview(lambda p: p.on(p.thing("a", shape=2), "b"))
    assert result.steps == [
        (Op.CREATE_REPLACEMENT, "a"),
        (Op.REPLACE, "a"),
        (Op.UPDATE, "b"),
        (Op.DELETE_REPLACED, "a"),
    ]


def test_preview_predicts_up(stage):
    def before(p):
        a = p.thing("a", FIXED, shape=1)
        p.on(a, "b")
        p.thing("gone")

    def after(p):
        a = p.thing("a", FIXED, shape=2)
        p.on(a, "b")
        p.thing("fresh")

    stage.up(before)
    predicted = stage.preview(after)
    assert predicted.summary.changes == stage.up(after).summary.changes
