"""Whose identity a workspace on Azure is used with. The local cloud needs none."""

import json
import os

import pytest

from aml_platform import (
    ArmTokenAuthentication,
    AuthenticationException,
    AzureCliAuthentication,
    InteractiveLoginAuthentication,
    MsiAuthentication,
    ServicePrincipalAuthentication,
    TokenAuthentication,
    Workspace,
)
from tests.api.conftest import manifest

VARIABLES = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")


@pytest.fixture
def on_azure(home, monkeypatch):
    for name in VARIABLES:
        monkeypatch.setenv(name, "before")
    document = {**manifest("demo", "local"), "cloud": "azure"}
    (home / "manifests/local.json").write_text(json.dumps(document), encoding="utf-8")


def variables(environ):
    return [environ[name] for name in VARIABLES]


def test_a_service_principal_is_given_to_azure_identity(on_azure):
    Workspace.from_config(auth=ServicePrincipalAuthentication("tenant", "id", "a secret"))
    assert variables(os.environ) == ["tenant", "id", "a secret"]


@pytest.mark.parametrize(
    "auth",
    [
        InteractiveLoginAuthentication(force=True, tenant_id="t"),
        AzureCliAuthentication(),
        MsiAuthentication(),
        None,
    ],
)
def test_other_identities_are_found_by_azure_identity(on_azure, auth):
    assert Workspace.from_config(auth=auth).name == "demo"
    assert variables(os.environ) == ["before"] * 3


@pytest.mark.parametrize(
    "auth", [ArmTokenAuthentication("token"), TokenAuthentication(lambda _: "token")]
)
def test_a_token_of_the_scripts_is_refused(on_azure, auth):
    with pytest.raises(AuthenticationException, match="takes no token from outside"):
        Workspace.from_config(auth=auth)


def test_a_token_of_the_scripts_is_its_header(on_azure):
    auth = ArmTokenAuthentication("one")
    auth.update_arm_access_token("two")
    assert auth.get_authentication_header() == {"Authorization": "Bearer two"}
    asked = []
    given = TokenAuthentication(lambda audience: asked.append(audience) or "three")
    assert given.get_authentication_header() == {"Authorization": "Bearer three"}
    assert asked == ["https://management.azure.com"]


def test_nothing_is_used_of_it_on_the_local_cloud(home, monkeypatch):
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "before")
    Workspace.from_config(auth=ServicePrincipalAuthentication("tenant", "id", "a secret"))
    assert os.environ["AZURE_CLIENT_SECRET"] == "before"
