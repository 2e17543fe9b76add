"""The HTTP client: requests, retries, operations and cancellation."""

import threading
import time
from pathlib import Path

import httpx
import pytest

from infra.arm.client import AZURE, Client, Endpoint, checked, local_endpoint
from infra.arm.messages import Response
from infra.arm.retries import Retries
from infra.contract.discovery import LocalCloud
from infra.contract.errors import CredentialError, ProviderError, UnreachableError

RESOURCE = "/subscriptions/1/resourceGroups/rg"
VERSION = "2024-03-01"


def get(client: Client) -> Response:
    return client.send("GET", RESOURCE, api_version=VERSION)


def test_it_sends_the_request(client, arm) -> None:
    answer = client.send("PUT", RESOURCE, api_version=VERSION, body={"location": "a"})
    assert answer.status == 201
    assert answer.body["location"] == "a"
    assert arm.requests == [("PUT", RESOURCE, {"api-version": VERSION}, {"location": "a"})]


def test_a_url_keeps_its_own_version(client, arm) -> None:
    client.send("GET", f"https://arm.test{RESOURCE}?api-version=2020-01-01", api_version=VERSION)
    assert arm.requests[0][2] == {"api-version": "2020-01-01"}


def test_a_url_without_a_version_gets_one(client, arm) -> None:
    client.send(
        "GET", f"https://arm.test{RESOURCE}?t=a%2Fb", api_version=VERSION, params={"x": "y"}
    )
    assert arm.requests[0][2] == {"t": "a/b", "x": "y", "api-version": VERSION}


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        pytest.param(httpx.Response(200, json=[1]), [1], id="JSON"),
        pytest.param(httpx.Response(200, text="log line"), "log line", id="text"),
        pytest.param(httpx.Response(204), None, id="nothing"),
    ],
)
def test_bodies(client, arm, answer: httpx.Response, body) -> None:
    arm.script("GET", "rg", answer)
    assert get(client).body == body


def test_header_names_are_in_lower_case(client, arm) -> None:
    arm.script("GET", "rg", httpx.Response(200, headers={"X-MS-Thing": "1"}))
    assert get(client).headers["x-ms-thing"] == "1"


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(httpx.Response(429, headers={"retry-after-ms": "1"}), id="throttled"),
        pytest.param(httpx.Response(503), id="unavailable"),
        pytest.param(
            httpx.Response(409, json={"error": {"code": "AnotherOperationInProgress"}}), id="busy"
        ),
        pytest.param(httpx.ReadError("reset"), id="connection reset"),
        pytest.param(httpx.ConnectTimeout("slow"), id="connecting took too long"),
    ],
)
def test_transient_failures_are_retried(client, arm, failure) -> None:
    arm.script("GET", "rg", failure)
    arm.script("GET", "rg", failure)
    assert get(client).status == 404
    assert len(arm.requests) == 3


def test_a_permanent_failure_is_returned(client, arm) -> None:
    for _ in range(3):
        arm.script("GET", "rg", httpx.Response(503))
    assert get(client).status == 503


def test_a_post_that_may_have_arrived_is_not_retried(client, arm) -> None:
    arm.script("POST", "rg", httpx.ReadError("reset"))
    with pytest.raises(UnreachableError, match="Azure does not answer: reset"):
        client.send("POST", RESOURCE, api_version=VERSION)
    assert len(arm.requests) == 1


def test_a_post_that_was_never_sent_is_retried(client, arm) -> None:
    arm.script("POST", "rg", httpx.ConnectError("refused"))
    assert client.send("POST", RESOURCE, api_version=VERSION).ok


def test_a_local_cloud_that_is_down_is_reported_at_once(arm, credential, tmp_path: Path) -> None:
    endpoint = Endpoint("https://127.0.0.1:1", ca=tmp_path / "ca.pem")
    client = Client(endpoint, credential, transport=httpx.MockTransport(arm))
    arm.script("GET", "rg", httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError) as raised:
        get(client)
    assert raised.value.at == endpoint.url
    assert "aml cloud start" in raised.value.remedy
    client.close()


def test_a_missing_ca_means_that_the_local_cloud_is_gone(credential, tmp_path: Path) -> None:
    client = Client(Endpoint("https://127.0.0.1:1", ca=tmp_path / "ca.pem"), credential)
    with pytest.raises(UnreachableError, match="No such file"):
        get(client)


def test_a_refused_token_is_renewed_once(client, arm) -> None:
    arm.script("GET", "rg", httpx.Response(401))
    assert get(client).status == 404
    arm.script("GET", "rg", httpx.Response(401))
    arm.script("GET", "rg", httpx.Response(401))
    assert get(client).status == 401


def test_operations_are_followed(client, arm) -> None:
    arm.polled = {"PUT"}
    answer = client.complete("PUT", RESOURCE, api_version=VERSION, body={"location": "a"})
    assert answer.document["location"] == "a"
    assert [method for method, *_ in arm.requests] == ["PUT", "GET", "GET", "GET", "GET"]


def test_errors_of_operations_are_raised(client, arm) -> None:
    arm.polled, arm.outcome = {"PUT"}, {"status": "Failed", "error": {"code": "QuotaExceeded"}}
    with pytest.raises(ProviderError) as raised:
        client.complete("PUT", RESOURCE, api_version=VERSION, body={})
    assert raised.value.code == "QuotaExceeded"


def test_an_operation_has_a_timeout(client, arm) -> None:
    arm.script("PUT", "rg", httpx.Response(202, headers={"location": "/x", "retry-after": "60"}))
    started = time.monotonic()
    with pytest.raises(ProviderError, match="timed out after 30 seconds") as raised:
        client.complete("PUT", RESOURCE, api_version=VERSION, timeout_s=30)
    assert raised.value.code == "OperationTimeout"
    assert time.monotonic() - started < 1


def test_a_poll_can_be_cancelled(client, arm) -> None:
    arm.script("PUT", "rg", httpx.Response(202, headers={"location": "/x", "retry-after": "60"}))
    threading.Timer(0.02, client.cancel).start()
    started = time.monotonic()
    with pytest.raises(ProviderError, match="cancelled") as raised:
        client.complete("PUT", RESOURCE, api_version=VERSION)
    assert raised.value.code == "OperationCanceled"
    assert time.monotonic() - started < 5


def test_a_cancelled_client_does_not_wait_again(client, arm) -> None:
    client.cancel()
    assert get(client).status == 404
    arm.script("GET", "rg", httpx.Response(503))
    with pytest.raises(ProviderError, match="cancelled"):
        get(client)
    with pytest.raises(ProviderError, match="cancelled"):
        client.sleep(0)


def test_it_can_be_used_again_after_it_was_closed(client) -> None:
    client.close()
    client.close()
    assert get(client).status == 404


def test_checked_raises_the_error_of_the_answer() -> None:
    assert checked(Response(200), at="x").ok
    with pytest.raises(CredentialError):
        checked(Response(401), at="x")


def test_endpoints(tmp_path: Path) -> None:
    cloud = LocalCloud("id", "https://127.0.0.1:1", tmp_path / "ca.pem", 1)
    assert local_endpoint(cloud).local
    assert not AZURE.local


def test_there_is_a_default_timeout() -> None:
    assert Retries().attempts < 20
