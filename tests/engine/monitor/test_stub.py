"""What the SDK gets for each outcome of a request, and what is remembered of it."""

import grpc
import pytest

from infra.contract.errors import HaltedError, InterruptedByUserError, UsageError
from infra.engine.monitor.stub import ProgramStatus, RpcFailure, ServiceStub


def answering(error):
    def call(_):
        raise error

    return call


@pytest.fixture
def status():
    return ProgramStatus(["hunter2", "x"])


def failure_of(status, error):
    with pytest.raises(RpcFailure) as caught:
        ServiceStub({"Register": answering(error)}, status).Register("request")
    return caught.value


def test_a_request_is_answered(status):
    assert ServiceStub({"Echo": lambda request: request}, status).Echo("request") == "request"


def test_an_unknown_request_is_refused_by_name(status):
    with pytest.raises(RpcFailure, match="the request Dance") as caught:
        ServiceStub({}, status).Dance("request")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert not status.failed


@pytest.mark.parametrize("error", [HaltedError, InterruptedByUserError])
def test_a_reported_failure_ends_the_program(status, error):
    failure = failure_of(status, error("no", remedy="none"))
    assert failure.code() is grpc.StatusCode.UNAVAILABLE
    assert status.failed
    assert status.bug is None


def test_a_refused_request_is_the_programs_error(status):
    failure = failure_of(status, UsageError("no such option", remedy="none"))
    assert failure.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no such option" in failure.details()
    assert not status.failed


def test_the_first_bug_is_the_one_to_raise(status):
    first = ValueError("first")
    for error in (first, KeyError("a consequence")):
        assert failure_of(status, error).code() is grpc.StatusCode.UNAVAILABLE
    assert status.bug is first
    assert status.failed


def test_the_first_refusal_is_the_one_to_report(status):
    status.refuse("first")
    status.refuse("a consequence")
    assert status.refusal == "first"


def test_secrets_are_masked_unless_every_text_would_be(status):
    assert status.masked("hunter2 is a text") == "[secret] is a text"
