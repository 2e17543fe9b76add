"""Programs and providers that go wrong, and what this engine does not have."""

import threading

import pytest

from infra.contract.errors import ProviderError, UsageError
from infra.engine.model.events import Op
from infra.engine.monitor.program import ProgramResult
from tests.engine.cloud import Gate
from tests.engine.monitor.embedded import EmbeddedStage

HOW = {
    "raise": "ValueError: no such thing",
    "leave": "The program exited with 3.",
    "run error": "said plainly",
    "apply": "ValueError: in an apply",
    "later": "ValueError: later",
    "log": "",
    "bad input": "",
    "twice": "",
}


@pytest.mark.parametrize(("how", "said"), HOW.items())
def test_a_program_that_goes_wrong_deletes_nothing(how, said):
    stack = EmbeddedStage("failing")
    assert not stack.go().summary.failed
    stack.revise(how=how)
    result = stack.go()
    assert result.program.failed
    assert result.summary.failed
    assert result.program.error.endswith(said)
    assert bool(result.program.error) is bool(said)
    assert stack.cloud.verbs("delete") == []
    assert {"one", "two"} <= set(result.names)


@pytest.mark.parametrize("how", ["raise", "apply", "later"])
def test_a_traceback_starts_in_the_program(how):
    error = EmbeddedStage("failing", how=how).go().program.error
    first = next(line for line in error.splitlines() if line.strip().startswith("File"))
    assert "programs/failing/__main__.py" in first


def test_a_failure_is_reported_once():
    stack = EmbeddedStage("platform")
    stack.cloud.failing["create", "ws"] = ProviderError("No quota.", remedy="Ask for more.")
    result = stack.go()
    assert result.program == ProgramResult(failed=True)
    assert result.errors.count("No quota.") == 1
    assert "main-rg" in result.names
    assert {"main-ws", "main-cpu", "gpu"}.isdisjoint(result.names)


def test_after_a_failure_the_next_run_continues():
    stack = EmbeddedStage("platform")
    stack.cloud.failing["create", "ws"] = ProviderError("No quota.", remedy="Ask for more.")
    stack.go()
    stack.cloud.failing.clear()
    assert stack.go().counts == {Op.SAME: 4, Op.CREATE: 3}


def test_with_continue_on_error_the_rest_continues():
    stack = EmbeddedStage("platform")
    stack.cloud.failing["create", "cpu"] = ProviderError("No quota.", remedy="Ask for more.")
    result = stack.go(continue_on_error=True)
    assert result.summary.failed
    assert result.errors.count("No quota.") == 1
    assert "main-ws" in result.names
    assert {"main-cpu", "gpu"}.isdisjoint(result.names)


def test_a_failed_delete_fails_the_run():
    stack = EmbeddedStage("options", protect="true")
    stack.go()
    stack.program = stack.program.parent / "talking"
    result = stack.go()
    assert "'safe' is protected" in result.errors
    assert result.summary.failed


def test_an_interrupted_run_ends_quietly():
    stack = EmbeddedStage("platform")
    stack.cancellation.stop()
    result = stack.go()
    assert result.program == ProgramResult(failed=True)
    assert stack.cloud.calls == []


def test_what_is_in_flight_when_interrupted_is_finished():
    stack = EmbeddedStage("platform")
    gate = stack.cloud.gates["create", "ws"] = Gate()

    def interrupt():
        assert gate.entered.wait(5)
        stack.cancellation.stop()
        gate.go.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    result = stack.go()
    thread.join()
    assert result.program == ProgramResult(failed=True)
    assert "main-ws" in result.names
    assert {"main-cpu", "gpu"}.isdisjoint(result.names)


REFUSED = {
    "migrations": "does not support state migrations",
    "remote": "does not support components of this package",
    "call": "does not support components of this package",
    "version": "requires Pulumi >=99.0.0",
}


@pytest.mark.parametrize(("what", "said"), REFUSED.items())
def test_an_unsupported_feature_is_refused_by_name(what, said):
    result = EmbeddedStage("refusals", what=what).go()
    assert result.summary.failed
    assert said in result.program.error
    assert "--engine pulumi" in result.program.error
    assert "update the Pulumi CLI" not in result.program.error


def test_a_value_that_can_not_be_right_is_refused_with_its_resource():
    error = EmbeddedStage("refusals", what="timeout").go().program.error
    assert "test:index:Thing 'two'" in error
    assert "`custom_timeouts`" in error


def test_a_package_without_a_provider_is_reported():
    result = EmbeddedStage("refusals", what="provider").go()
    assert "no provider for the package 'other'" in result.errors
    assert result.program == ProgramResult(failed=True)


def test_a_function_that_fails_is_the_programs_to_handle():
    stack = EmbeddedStage("invoking")
    error = ProviderError("No such secret.", remedy="Name another.")
    stack.cloud.failing["invoke", "test:index:echo"] = error
    text = stack.go().program.error
    assert "invoke of test:index:echo failed" in text
    assert "No such secret." in text
    assert "programs/invoking/__main__.py" in text


def test_a_bug_of_ours_keeps_its_traceback():
    stack = EmbeddedStage("platform")
    stack.cloud.failing["create", "ws"] = KeyError("oops")
    with pytest.raises(KeyError, match="oops"):
        stack.go()


def test_a_program_that_is_not_there():
    stack = EmbeddedStage("nowhere")
    with pytest.raises(UsageError, match="There is no program"):
        stack.go()
