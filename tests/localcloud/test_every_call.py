"""The checks that every ARM call must pass, and the headers every response has."""

import json

import pytest

from localcloud.calls.tokens import issue
from tests.localcloud.harness import ML, SUB

GROUP = f"{SUB}/resourceGroups/g"
HERE = {"location": "westeurope"}


def code(answered):
    return answered.json()["error"]["code"]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ({}, "AuthenticationFailed"),
        ({"authorization": "Basic eA=="}, "AuthenticationFailed"),
        ({"authorization": "Bearer "}, "AuthenticationFailed"),
        ({"authorization": "Bearer a.b.c"}, "InvalidAuthenticationToken"),
        ({"authorization": "Bearer é.b.c"}, "InvalidAuthenticationToken"),
    ],
)
def test_a_call_without_a_token_of_this_cloud_is_challenged(chain, header, expected):
    answered = chain.call("GET", GROUP, query={"api-version": "2024-03-01"}, headers=header)
    assert (answered.status_code, code(answered)) == (401, expected)
    assert answered.headers["www-authenticate"].startswith("Bearer ")
    assert "retry-after" not in answered.headers


def test_a_token_expires(chain):
    token = issue(chain.cloud, "https://tests", "tests")
    chain.clock.now += 3600
    header = {"authorization": f"Bearer {token}"}
    answered = chain.call("GET", GROUP, query={"api-version": "2024-03-01"}, headers=header)
    assert (answered.status_code, code(answered)) == (401, "ExpiredAuthenticationToken")


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("", "MissingApiVersionParameter"),
        ("banana", "InvalidApiVersionParameter"),
        ("2024-3-1", "InvalidApiVersionParameter"),
        ("2024-03-01-private", "InvalidApiVersionParameter"),
    ],
)
def test_an_api_version_that_is_not_a_date_is_refused(chain, version, expected):
    answered = chain.arm("GET", GROUP, version=version)
    assert (answered.status_code, code(answered)) == (400, expected)


def test_the_refusal_of_an_api_version_lists_the_supported_ones(chain):
    answered = chain.arm("GET", f"{GROUP}/providers/{ML}/workspaces/w", version="banana")
    assert "The supported versions are '2025-12-01'" in answered.json()["error"]["message"]


@pytest.mark.parametrize("version", ["2019-01-01", "2099-01-01", "2024-10-01-PREVIEW"])
def test_any_api_version_that_is_a_date_is_accepted(chain, version):
    assert chain.arm("PUT", GROUP, HERE, version=version).status_code == 201


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/subscriptions/other/resourceGroups/g", 404, "SubscriptionNotFound"),
        (GROUP, 404, "ResourceGroupNotFound"),
        (f"{GROUP}/providers/{ML}/workspaces/w", 404, "ResourceGroupNotFound"),
        (f"{SUB}/providers/Contoso.Unknown/things", 404, "InvalidResourceType"),
        (f"{GROUP}/providers/{ML}/gadgets/w", 404, "InvalidResourceType"),
    ],
)
def test_a_404_says_what_does_not_exist(chain, path, status, expected):
    answered = chain.arm("GET", path)
    assert (answered.status_code, code(answered)) == (status, expected)


def test_a_parent_must_exist(chain):
    chain.arm("PUT", GROUP, HERE)
    answered = chain.arm("PUT", f"{GROUP}/providers/{ML}/workspaces/w/computes/cpu", {})
    assert (answered.status_code, code(answered)) == (404, "ParentResourceNotFound")


def test_an_unsupported_method_is_refused(chain):
    chain.arm("PUT", GROUP, HERE)
    assert chain.arm("TRACE", GROUP).status_code == 405


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_not_an_object_is_refused(chain, body):
    header = {"authorization": f"Bearer {issue(chain.cloud, 'a', 'b')}"}
    query = {"api-version": "2024-03-01"}
    answered = chain.call("PUT", GROUP, query=query, headers=header, body=body)
    assert (answered.status_code, code(answered)) == (400, "InvalidRequestContent")


def test_every_response_has_request_ids(chain):
    asked = {"x-ms-client-request-id": "mine", "x-ms-return-client-request-id": "true"}
    headers = chain.arm("GET", GROUP, headers=asked).headers
    assert headers["x-ms-client-request-id"] == "mine"
    assert headers["x-ms-request-id"]
    assert headers["x-ms-correlation-request-id"]
    assert headers["date"].endswith("GMT")


def test_the_callers_request_id_is_not_echoed_unasked(chain):
    headers = chain.arm("GET", GROUP, headers={"x-ms-client-request-id": "mine"}).headers
    assert "x-ms-client-request-id" not in headers


def test_integral_floats_are_returned_as_integers(chain, chain_workspace):
    body = json.loads(
        '{"properties": {"computeType": "AmlCompute", "properties": {"vmSize": "Standard_DS3_v2",'
        ' "scaleSettings": {"maxNodeCount": 2.0, "minNodeCount": 0.0}}}}'
    )
    answered = chain.arm("PUT", f"{chain_workspace}/computes/cpu", body)
    assert b'"maxNodeCount":2,' in answered.content


def test_a_bug_responds_500_and_logs_its_traceback(chain, caplog):
    chain.cloud.store.close()
    answered = chain.arm("GET", GROUP)
    assert (answered.status_code, code(answered)) == (500, "InternalServerError")
    assert "Traceback" not in answered.content.decode()
    assert "Traceback" in caplog.text
