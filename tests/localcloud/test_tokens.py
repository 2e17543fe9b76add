"""What clients need before they have a token, and the token."""

import base64
import json

import pytest

from infra.contract.discovery import TENANT
from localcloud.calls.tokens import claims_of, issue

FORM = b"grant_type=client_credentials&client_id=me&scope=https%3A%2F%2Fa%2F%2F.default"


@pytest.mark.parametrize("path", [f"/{TENANT}/oauth2/v2.0/token", "/organizations/oauth2/token"])
def test_any_client_gets_a_token_it_can_decode(chain, path):
    answered = chain.call("POST", path, body=FORM).json()
    head, claims, _ = answered["access_token"].split(".")
    read = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (answered["token_type"], answered["expires_in"]) == ("Bearer", 3600)
    assert read["tid"] == TENANT
    assert read["appid"] == "me"
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["typ"] == "JWT"
    assert claims_of(chain.cloud, answered["access_token"]) == read


def test_an_unknown_grant_is_refused_as_entra_does(chain):
    answered = chain.call("POST", f"/{TENANT}/oauth2/v2.0/token", body=b"grant_type=magic")
    assert (answered.status_code, answered.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("path", ["/msi/token", "/metadata/identity/oauth2/token"])
def test_managed_identities_get_a_token(chain, path):
    query = {"api-version": "2019-08-01", "resource": "https://management.azure.com"}
    answered = chain.call("GET", path, query=query).json()
    assert answered["resource"] == "https://management.azure.com"
    assert int(answered["expires_on"]) == int(chain.clock.now) + 3600
    assert claims_of(chain.cloud, answered["access_token"])["aud"] == answered["resource"]


def test_a_forged_token_has_no_claims(chain):
    head, _, signature = issue(chain.cloud, "a", "b").split(".")
    forged = base64.urlsafe_b64encode(b'{"exp": 9999999999}').decode().rstrip("=")
    assert claims_of(chain.cloud, f"{head}.{forged}.{signature}") is None


def test_metadata_points_to_this_cloud(chain):
    found = chain.call("GET", "/metadata/endpoints", query={"api-version": "2022-09-01"}).json()
    assert found["resourceManager"] == "https://localhost:1/"
    assert found["authentication"]["loginEndpoint"] == "https://localhost:1"
    assert {"storage", "keyVaultDns", "acrLoginServer"} <= found["suffixes"].keys()


def test_openid_configuration_names_the_token_endpoint(chain):
    path = f"/{TENANT}/v2.0/.well-known/openid-configuration"
    found = chain.call("GET", path).json()
    assert found["token_endpoint"] == f"https://localhost:1/{TENANT}/oauth2/v2.0/token"
