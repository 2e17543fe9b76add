"""Token credentials: where tokens come from, how long they last, and errors without one."""

import threading
import time
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from infra.arm.credentials import (
    AccessToken,
    CachedCredential,
    azure_credential,
    azure_token,
    claims,
    local_credential,
)
from infra.contract.discovery import TENANT, LocalCloud
from infra.contract.errors import CredentialError, ProviderError, UnreachableError

CLOUD = LocalCloud("id", "https://127.0.0.1:1", Path("/no/ca.pem"), 1)


class Refused(Exception):  # noqa: N818 - stands for azure-core's class
    pass


class TokenCredentialContract:
    """What every ``TokenCredential`` promises. ``credential`` issues tokens ``1``, ``2``, ….

    ``issued`` lists the tokens its source has issued so far.
    """

    def test_a_valid_token_is_returned_again(self, credential, issued) -> None:
        assert credential.token() == credential.token() == "1"
        assert issued == ["1"]

    def test_a_renewed_token_replaces_the_last_one(self, credential) -> None:
        assert credential.token() == "1"
        assert credential.renew() == "2"
        assert credential.token() == "2"

    def test_renewing_before_the_first_use_issues_one_token(self, credential, issued) -> None:
        assert credential.renew() == "1"
        assert issued == ["1"]

    def test_threads_share_a_token(self, credential, issued) -> None:
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(credential.token())) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == ["1"] * 8
        assert issued == ["1"]


@pytest.fixture
def issued():
    return []


@pytest.fixture
def issue(issued):
    """Return a function that issues the next token, slowly enough for threads to meet."""
    numbers = count(1)

    def issue() -> str:
        number = str(next(numbers))
        time.sleep(0.01)
        issued.append(number)
        return number

    return issue


class TestLocalCredential(TokenCredentialContract):
    @pytest.fixture
    def credential(self, issue):
        def handler(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, json={"access_token": issue(), "expires_in": 3600})

        return local_credential(CLOUD, httpx.MockTransport(handler))


class TestAzureCredential(TokenCredentialContract):
    @pytest.fixture
    def credential(self, issue):
        def get_token(*_scopes: str, tenant_id: str | None = None) -> SimpleNamespace:
            assert tenant_id == "tenant"
            return SimpleNamespace(token=issue(), expires_on=int(time.time()) + 3600)

        source = SimpleNamespace(get_token=get_token)
        return CachedCredential(lambda: azure_token(source, Refused, "scope", "tenant"))


def counting(lifetime_s: float):
    """Return a source of numbered tokens and the clock it goes by."""
    clock = SimpleNamespace(now=1000.0, made=0)

    def fetch() -> AccessToken:
        clock.made += 1
        return AccessToken(f"token {clock.made}", clock.now + lifetime_s)

    return clock, CachedCredential(fetch, lambda: clock.now)


def test_a_token_is_kept_until_shortly_before_it_expires() -> None:
    clock, credential = counting(3600)
    assert credential.token() == credential.token() == "token 1"
    clock.now += 3301
    assert credential.token() == "token 2"


def test_a_rejected_token_is_dropped() -> None:
    _, credential = counting(3600)
    assert (credential.token(), credential.renew(), credential.token()) == (
        "token 1",
        "token 2",
        "token 2",
    )


def test_the_repr_of_a_token_hides_it() -> None:
    assert "hunter2" not in repr(AccessToken("hunter2", 0))


def local(answer: httpx.Response | Exception):
    requests = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return requests, local_credential(CLOUD, httpx.MockTransport(handler))


def test_the_local_cloud_issues_a_token_without_a_login() -> None:
    answer = httpx.Response(200, json={"access_token": "a.b.c", "expires_in": 3600})
    requests, credential = local(answer)
    assert credential.token() == "a.b.c"
    assert str(requests[0].url) == f"{CLOUD.url}/{TENANT}/oauth2/v2.0/token"
    assert b"grant_type=client_credentials" in requests[0].content


def test_a_local_cloud_that_is_down_is_unreachable() -> None:
    _, credential = local(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError, match="issued no token: refused"):
        credential.token()


def test_a_local_cloud_without_its_ca_is_unreachable() -> None:
    with pytest.raises(UnreachableError, match="No such file"):
        local_credential(CLOUD).token()


def test_a_refusal_of_the_local_cloud_is_a_credential_error() -> None:
    _, credential = local(httpx.Response(500))
    with pytest.raises(CredentialError, match="status 500"):
        credential.token()


def throttled(times: int):
    """Return the pauses of a credential whose first requests are throttled, and it."""
    pauses = []
    token = httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
    answers = [httpx.Response(429, headers={"Retry-After": "3"})] * times + [token]
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    return pauses, local_credential(CLOUD, transport, pauses.append)


def test_a_throttled_request_for_a_token_is_repeated_when_the_answer_says() -> None:
    pauses, credential = throttled(2)
    assert credential.token() == "t"
    assert pauses == [3.0, 3.0]


def test_a_token_that_stays_throttled_is_no_matter_of_credentials() -> None:
    _, credential = throttled(8)
    with pytest.raises(ProviderError) as raised:
        credential.token()
    assert raised.value.code == "TooManyRequests"
    assert "refused 8 requests for a token" in raised.value.detail
    assert "Switch it off" in raised.value.remedy


def test_a_token_of_azure_is_returned() -> None:
    asked = []

    def get_token(scope: str, tenant_id: str | None) -> SimpleNamespace:
        asked.append((scope, tenant_id))
        return SimpleNamespace(token="t", expires_on=5)

    source = SimpleNamespace(get_token=get_token)
    assert azure_token(source, Refused, "scope", "tenant") == AccessToken("t", 5.0)
    assert asked == [("scope", "tenant")]


def test_without_a_token_of_azure_the_remedy_is_to_log_in() -> None:
    def get_token(scope: str, tenant_id: str | None) -> None:
        raise Refused("DefaultAzureCredential failed.\nA long list follows")

    with pytest.raises(CredentialError) as raised:
        azure_token(SimpleNamespace(get_token=get_token), Refused, "scope")
    assert raised.value.detail == "Azure issued no token. DefaultAzureCredential failed."
    assert "az login" in raised.value.remedy


@pytest.mark.parametrize("tenant", [None, "00000000-0000-0000-0000-000000000001"])
def test_the_credential_of_azure_is_azure_identitys(tenant: str | None) -> None:
    assert isinstance(azure_credential(tenant), CachedCredential)


def test_claims_are_the_payload_of_a_token(jwt) -> None:
    assert claims(jwt({"oid": "o", "tid": "ü"})) == {"oid": "o", "tid": "ü"}


def test_a_malformed_token_has_no_claims(jwt) -> None:
    assert [claims(token) for token in (jwt([1]), "opaque", "a.!.c")] == [{}, {}, {}]


def test_lifetimes_are_counted_from_now() -> None:
    answer = httpx.Response(200, json={"access_token": "t", "expires_in": 1})
    requests, credential = local(answer)
    started = time.time()
    credential.token()
    credential.token()
    assert len(requests) == 2, f"a token of one second, at {started}, is not worth keeping"
