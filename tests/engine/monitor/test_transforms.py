"""Transforms: what the program's functions change before the engine sees it."""

from infra.engine.model.events import Op
from infra.engine.model.values import plain
from tests.engine.monitor.embedded import EmbeddedStage


def resource(stack, name):
    return next(each for each in stack.loaded.resources if each.name == name)


def test_transforms_change_registrations_and_calls_in_the_clis_order():
    stack = EmbeddedStage("transforming")
    made = stack.go()
    assert not made.summary.failed, made.program.error
    one, two = resource(stack, "one"), resource(stack, "two")
    assert one.inputs["said"] == "s"
    assert plain(two.inputs["said"]) == "ops"  # its own, its parent's, the stack's
    assert one.protect
    assert two.protect
    assert two.ignore_changes == ("size",)
    assert two.dependencies == (one.urn,)
    assert made.summary.outputs["echo"] == {"echo": {"given": 0, "more": 1}, "preview": False}
    assert set(stack.go().counts) == {Op.SAME}


def test_a_transform_that_fails_ends_the_run_with_its_error():
    failed = EmbeddedStage("transforming", what="failing").go()
    assert failed.summary.failed
    assert failed.program.error.count("A transform of the program failed: not this way") == 1
