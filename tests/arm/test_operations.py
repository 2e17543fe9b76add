"""Long-running operations, driven with literal answers and no clock."""

from collections.abc import Sequence

import pytest

from infra.arm.messages import Request, Response
from infra.arm.operations import Operation, follow, perform, settle
from infra.contract.errors import CredentialError, PlatformError, ProviderError

URL = "/subscriptions/1/resourceGroups/rg/providers/A/b/c"
STATUS = "https://arm/operations/1?api-version=1"
RESULT = "https://arm/results/1"
ASYNC = {"azure-asyncoperation": STATUS}
LOCATION = {"location": RESULT}
HINT = {"retry-after-ms": "50"}


def finish(operation: Operation, answers: Sequence[Response]) -> tuple[list[Request], Response]:
    """Run an operation against literal answers; return what it asked and its result."""
    asked: list[Request] = []
    left = iter(answers)
    try:
        asked.append(next(operation))
        for answer in left:
            asked.append(operation.send(answer))  # noqa: PERF401 - it ends by an exception
    except StopIteration as end:
        assert list(left) == [], "it ended before all was answered"
        return asked, end.value
    pytest.fail(f"it still asks for {asked[-1]}")


def drive(method: str, *answers: Response) -> tuple[list[Request], Response]:
    """Perform a request and all that follows from it."""
    return finish(perform(Request(method, URL, "2025-12-01", {"a": "b"})), answers)


def state(name: str | None, status: int = 200, **headers: str) -> Response:
    """Return a resource in a provisioning state."""
    properties = {} if name is None else {"provisioningState": name}
    return Response(status, headers, {"id": URL, "properties": properties})


def status(name: str, **more) -> Response:
    return Response(200, {}, {"status": name, **more})


DONE = state("Succeeded")


@pytest.mark.parametrize(
    ("method", "answers", "polled"),
    [
        pytest.param("GET", [DONE], [], id="GET"),
        pytest.param("PUT", [DONE], [], id="PUT done at once"),
        pytest.param("PUT", [state(None)], [], id="PUT of a type without states"),
        pytest.param(
            "PUT",
            [state("Creating", 201, **ASYNC), status("InProgress"), status("succeeded"), DONE],
            [STATUS, STATUS, URL],
            id="PUT 201 and operation",
        ),
        pytest.param(
            "PUT",
            [state("Succeeded", 200, **ASYNC), status("Succeeded"), DONE],
            [STATUS, URL],
            id="PUT 200 and operation is polled although it says succeeded",
        ),
        pytest.param(
            "PATCH",
            [Response(202, ASYNC), status("Running"), status("SUCCEEDED"), DONE],
            [STATUS, STATUS, URL],
            id="PATCH 202 and operation",
        ),
        pytest.param(
            "PUT",
            [state("Creating", 201, **ASYNC), status("Succeeded", resourceLocation=RESULT), DONE],
            [STATUS, RESULT],
            id="operation names the resource",
        ),
        pytest.param(
            "POST",
            [Response(202, {**ASYNC, **LOCATION}), status("Succeeded"), Response(200)],
            [STATUS, RESULT],
            id="POST fetches its result",
        ),
        pytest.param(
            "POST", [Response(202, ASYNC), status("Succeeded")], [STATUS], id="POST without result"
        ),
        pytest.param(
            "DELETE",
            [Response(202, {**ASYNC, **LOCATION}), status("Succeeded")],
            [STATUS],
            id="DELETE fetches nothing",
        ),
        pytest.param("DELETE", [Response(204)], [], id="DELETE of nothing"),
        pytest.param(
            "DELETE",
            [Response(202, LOCATION), Response(202), Response(204)],
            [RESULT, RESULT],
            id="location",
        ),
        pytest.param(
            "PUT",
            [Response(202, LOCATION), Response(202, {"location": STATUS}), DONE],
            [RESULT, STATUS],
            id="location moves",
        ),
        pytest.param(
            "PUT",
            [state("Creating", 201), state("Creating"), DONE],
            [URL, URL],
            id="the resource itself",
        ),
        pytest.param("PUT", [Response(202), DONE], [URL], id="202 without any header"),
        pytest.param("PUT", [state(None, 201), state(None)], [URL], id="201 without a state"),
        pytest.param("PUT", [Response(201), state(None)], [URL], id="201 without a body"),
        pytest.param("PUT", [state("Succeeded", 201)], [], id="201 and done"),
        pytest.param("POST", [Response(202)], [], id="POST 202 without any header"),
    ],
)
def test_success(method: str, answers: list[Response], polled: list[str]) -> None:
    asked, result = drive(method, *answers)
    assert [request.url for request in asked] == [URL, *polled]
    assert {request.method for request in asked[1:]} <= {"GET"}
    assert result is answers[-1]


ERROR = {"code": "QuotaExceeded", "message": "No cores left."}


@pytest.mark.parametrize(
    ("answers", "code", "message"),
    [
        pytest.param(
            [Response(400, {}, {"error": ERROR})], "QuotaExceeded", "No cores left.", id="refused"
        ),
        pytest.param(
            [Response(201, ASYNC), status("Failed", error=ERROR)],
            "QuotaExceeded",
            "No cores left.",
            id="operation failed",
        ),
        pytest.param(
            [Response(201, ASYNC), status("Canceled")],
            "Canceled",
            "ended 'Canceled' without a message",
            id="operation canceled",
        ),
        pytest.param(
            [Response(201, ASYNC), Response(404, {}, {"error": {"code": "NotFound"}})],
            "NotFound",
            "answered 404",
            id="status URL gone",
        ),
        pytest.param(
            [Response(201, ASYNC), Response(200, {}, {"properties": {}})],
            None,
            "no `status`",
            id="operation without status",
        ),
        pytest.param(
            [Response(201, ASYNC), status("Succeeded"), Response(404)],
            None,
            "answered 404",
            id="resource gone at the end",
        ),
        pytest.param(
            [Response(202, LOCATION), Response(409, {}, {"error": ERROR})],
            "QuotaExceeded",
            "No cores left.",
            id="location failed",
        ),
        pytest.param(
            [state("Creating", 201), state("Failed")],
            "Failed",
            "ended 'Failed' without a message",
            id="resource failed",
        ),
        pytest.param(
            [
                state("Creating", 201),
                Response(
                    200,
                    {},
                    {
                        "properties": {
                            "provisioningState": "Failed",
                            "provisioningErrors": [{"error": ERROR}],
                        }
                    },
                ),
            ],
            "QuotaExceeded",
            "No cores left.",
            id="resource failed and says why",
        ),
        pytest.param([state("Canceled")], "Canceled", "ended 'Canceled'", id="canceled at once"),
    ],
)
def test_failure(answers: list[Response], code: str | None, message: str) -> None:
    with pytest.raises(ProviderError, match=message) as raised:
        drive("PUT", *answers)
    assert raised.value.code == code
    assert raised.value.at == URL or code is None
    assert raised.value.remedy


def test_a_rejected_token_is_a_credential_error() -> None:
    with pytest.raises(CredentialError):
        drive("PUT", Response(401))


def test_a_failed_poll_of_a_deleted_resource_is_an_error() -> None:
    with pytest.raises(PlatformError):
        drive("DELETE", Response(202, LOCATION), Response(500))


def pauses(*answers: Response) -> list[float]:
    return [request.after_s for request in drive("PUT", *answers)[0]]


def test_it_waits_exactly_as_long_as_the_service_asks() -> None:
    first = Response(201, {**ASYNC, **HINT})
    again = Response(200, {"retry-after": "3"}, {"status": "InProgress"})
    assert pauses(first, again, status("Succeeded"), DONE) == [0, 0.05, 3, 0]


def test_without_a_hint_pauses_grow_up_to_ten_seconds() -> None:
    waiting = [status("InProgress")] * 9
    found = pauses(Response(201, ASYNC), *waiting, status("Succeeded"), DONE)
    assert found == [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10, 0]


def test_polls_use_the_version_of_the_first_request() -> None:
    asked, _ = drive("PUT", Response(201, ASYNC), status("Succeeded"), DONE)
    assert {request.api_version for request in asked} == {"2025-12-01"}
    assert asked[1].body is None


def test_an_operation_can_be_joined_after_its_first_answer() -> None:
    operation = follow(Request("DELETE", URL, "1"), Response(202, LOCATION))
    assert next(operation).url == RESULT


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([DONE], id="steady"),
        pytest.param([state(None)], id="without states"),
        pytest.param([Response(404)], id="not there"),
        pytest.param([state("Failed")], id="failed: no matter"),
        pytest.param([state("Creating"), state("Updating"), DONE], id="being made"),
        pytest.param([state("Deleting"), Response(404)], id="being deleted"),
    ],
)
def test_an_operation_of_another_client_is_waited_for(answers: list[Response]) -> None:
    polls, result = finish(settle(Request("GET", URL, "1"), answers[0]), answers[1:])
    assert result is answers[-1]
    assert [poll.url for poll in polls] == [URL] * (len(answers) - 1)
