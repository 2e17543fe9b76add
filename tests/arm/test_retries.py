"""Which requests are worth another try, and when; what hints say."""

import pytest

from infra.arm.messages import Response
from infra.arm.retries import Retries

PATIENCE = Retries(attempts=4, first_s=1, longest_s=3)
BUSY = {"error": {"code": "AnotherOperationInProgress"}}


@pytest.mark.parametrize(
    ("method", "response", "pause"),
    [
        pytest.param("GET", Response(200), None, id="fine"),
        pytest.param("GET", Response(429), 1, id="throttled"),
        pytest.param("POST", Response(429), 1, id="throttled before it was done"),
        pytest.param("POST", Response(503), 1, id="unavailable"),
        pytest.param("PUT", Response(500), 1, id="failed, may be repeated"),
        pytest.param("POST", Response(500), None, id="failed, may have been done"),
        pytest.param("PATCH", Response(504), None, id="timed out, may have been done"),
        pytest.param("DELETE", Response(408), 1, id="timed out"),
        pytest.param("GET", Response(429, {"retry-after-ms": "20"}), 0.02, id="hint"),
        pytest.param("GET", Response(429, {"retry-after": "90"}), 90, id="long hint"),
        pytest.param("GET", Response(400, {"retry-after": "1"}), None, id="final in spite of it"),
        pytest.param("PUT", Response(409, {}, BUSY), 1, id="another operation"),
        pytest.param(
            "PUT", Response(409, {}, {"error": {"code": "Conflict"}}), None, id="conflict"
        ),
        pytest.param("GET", Response(404), None, id="not there"),
    ],
)
def test_first_failure(method: str, response: Response, pause: float | None) -> None:
    assert PATIENCE.pause_s(method, response, 1) == pause


def test_pauses_double_up_to_the_longest() -> None:
    assert [PATIENCE.backoff_s(attempt) for attempt in (1, 2, 3, 4)] == [1, 2, 3, 3]


def test_it_gives_up() -> None:
    assert PATIENCE.pause_s("GET", Response(429), 3) == 3
    assert PATIENCE.pause_s("GET", Response(429), 4) is None


DATE = "Sat, 21 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, None),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "50", "retry-after": "7"}, 0.05),
        ({"retry-after-ms": "0", "retry-after": "7"}, 7),
        ({"x-ms-retry-after-ms": "20"}, 0.02),
        ({"date": DATE, "retry-after": "Sat, 21 Nov 2026 12:00:09 GMT"}, 9),
        ({"date": DATE, "retry-after": "Sat, 21 Nov 2026 11:00:00 GMT"}, None),
        ({"retry-after": DATE}, None),
    ],
)
def test_hints(headers, seconds: float | None) -> None:
    assert Response(429, headers).retry_hint_s == seconds


def test_a_body_that_is_no_object_has_no_document() -> None:
    assert Response(200, {}, [1]).document == {}
    assert Response(200, {}, {"a": 1}).document == {"a": 1}


def test_bodies_stay_out_of_what_is_printed() -> None:
    assert "hunter2" not in repr(Response(200, {}, "hunter2"))
