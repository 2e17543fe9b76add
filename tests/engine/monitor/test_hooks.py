"""Functions of a program that run before and after operations, and when one fails."""

import pytest

from infra.contract.errors import ProviderError
from infra.engine.model.events import Message, Op
from tests.engine.cloud import urn_of
from tests.engine.monitor.embedded import EmbeddedStage

FAILURE = ProviderError("no room", remedy="none")


def hooking(**config):
    return EmbeddedStage("hooking", **{"size": "1", **config})


def logged(run, name="one"):
    texts = [e.text for e in run.events if isinstance(e, Message) and e.severity == "info"]
    return [text for text in texts if text.split()[1:2] == [name]]


def test_hooks_run_around_each_operation_with_what_they_are_about():
    stack = hooking()
    assert logged(stack.go()) == [
        "before_create one False [0, 1, 0, 0]",
        "after_create one True [0, 1, 0, 3]",
    ]
    assert dict(next(r for r in stack.loaded.resources if r.name == "one").hooks)[
        "BeforeDelete"
    ] == ("before_delete",)
    assert set(stack.go().counts) == {Op.SAME}
    stack.revise(size="2")
    assert logged(stack.go()) == [
        "before_update one True [1, 2, 3, 0]",
        "after_update one True [1, 2, 3, 3]",
    ]
    stack.revise(what="gone")
    assert logged(stack.go()) == [
        "before_delete one True [2, 0, 3, 0]",
        "after_delete one True [2, 0, 3, 0]",
    ]


def test_a_components_hooks_run_before_it_and_when_it_is_complete():
    stack = hooking()
    assert logged(stack.go(), "group") == [
        "before_create group False [0, 1, 0, 0]",
        "after_create group False [0, 1, 0, 7]",
    ]
    stack.revise(size="2")
    assert len(logged(stack.go(), "group")) == 2
    stack.revise(what="gone")
    assert len(logged(stack.go(), "group")) == 2


def test_a_preview_runs_the_hooks_that_are_for_previews():
    assert logged(hooking().look()) == []
    assert len(logged(hooking(what="dry").look())) == 2


def test_a_hook_before_an_operation_prevents_it():
    stack = hooking(what="before_create")
    run = stack.go()
    assert "The before hook 'before_create' of 'one' failed: not before_create" in run.errors
    assert stack.cloud.verbs() == []
    assert run.summary.failed


def test_what_a_failing_hook_comes_after_is_kept():
    stack = hooking(what="after_create")
    run = stack.go()
    assert "The after hook 'after_create' of 'one' failed" in run.errors
    assert "The create itself succeeded" in run.errors
    assert ("create", "one") in stack.cloud.verbs()
    assert run.summary.failed
    assert "one" in stack.go().names


def test_errors_of_a_hook_can_be_ignored():
    stack = hooking(what="before_update")
    stack.go()
    stack.revise(size="2")
    run = stack.go()
    assert not run.summary.failed
    assert "The before hook 'before_update' of 'one' failed: not before_update" in run.messages


def test_an_error_hook_has_a_failed_operation_tried_again():
    stack = hooking()
    stack.cloud.failing["create", "one"] = FAILURE
    run = stack.go()
    assert logged(run)[1:] == [f"on_error one create {tries}" for tries in (1, 2, 3)]
    assert stack.cloud.verbs().count(("create", "one")) == 3
    assert "Retrying create of 'one': its error hook requests it (2/100)" in run.messages
    assert run.errors.count("no room") == 1
    assert stack.loaded.pending == []


def test_retries_end():
    stack = hooking(what="forever")
    stack.cloud.failing["create", "one"] = FAILURE
    run = stack.go()
    assert stack.cloud.verbs().count(("create", "one")) == 101
    assert "'one': gave up after 100 retries" in run.messages


def test_an_error_hook_that_fails_changes_nothing():
    stack = hooking(what="on_error")
    stack.cloud.failing["create", "one"] = FAILURE
    run = stack.go()
    assert "The error hook 'retry' failed: no idea" in run.messages
    assert stack.cloud.verbs().count(("create", "one")) == 1


def test_two_hooks_of_one_name_are_refused():
    assert "There are two hooks named 'before_create'" in hooking(what="twice").go().program.error


@pytest.mark.parametrize("preview", [True, False])
def test_destroying_without_the_program_keeps_what_has_hooks(preview):
    stack = hooking()
    stack.go()
    run = stack.destroy(preview=preview)
    assert "'one' has hooks of the program for its deletion" in run.errors
    assert "hint: Run `aml destroy --run-program`" in run.errors
    assert {"one", "group"} <= set(run.names)


def test_destroying_with_the_program_runs_its_hooks_and_creates_nothing():
    stack = hooking(what="dry")
    stack.go()
    before = stack.loaded
    planned = stack.go(destroys=True, preview=True)
    assert len(logged(planned)) == 2
    stack.loaded = before
    stack.revise(size="9")
    run = stack.go(destroys=True)
    assert not run.summary.failed, run.errors
    assert logged(run)[0] == "before_delete one True [1, 0, 3, 0]"
    assert len(logged(run, "group")) == 2
    assert {verb for verb, _ in stack.cloud.verbs()} == {"delete"}
    assert stack.loaded.resources == []


def test_a_hook_the_program_does_not_have_any_more_is_an_error(stage):
    stage.up(lambda p: p.resource("a", hooks={"BeforeDelete": ("mine",)}))
    run = stage.up(lambda _: None)
    assert "The program has no hook 'mine', which 'a' names" in run.errors
    assert stage.loaded.resources[-1].urn == urn_of("a")
