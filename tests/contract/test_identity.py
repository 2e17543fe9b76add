"""As whom Azure is reached: which credential of azure-identity the variables choose."""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from infra.contract.credential_kinds import KINDS, declare, kind_of, remedy_for
from infra.contract.errors import CredentialError, UnknownNameError
from infra.contract.identity import azure_identity, github_token

IDENTITY = {"AZURE_TENANT_ID": "11111111-1111-1111-1111-111111111111", "AZURE_CLIENT_ID": "c"}
GITHUB = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "http://127.0.0.1:1/token?api-version=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
}
DEVOPS = {
    "AZURESUBSCRIPTION_TENANT_ID": IDENTITY["AZURE_TENANT_ID"],
    "AZURESUBSCRIPTION_CLIENT_ID": "c",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID": "s",
    "SYSTEM_ACCESSTOKEN": "of the job",
    "SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/o/p/_apis/oidctoken",
}
FILE = {"AZURE_FEDERATED_TOKEN_FILE": "/var/run/token"}
SECRET = {"AZURE_CLIENT_SECRET": "s"}
MADE = [
    ("", {}, "DefaultAzureCredential"),
    ("cli", {}, "AzureCliCredential"),
    ("managed_identity", {}, "ManagedIdentityCredential"),
    ("workload_identity", IDENTITY | FILE, "WorkloadIdentityCredential"),
    ("workload_identity", IDENTITY | GITHUB, "ClientAssertionCredential"),
    ("service_principal", IDENTITY | SECRET, "EnvironmentCredential"),
    ("pipelines", DEVOPS, "AzurePipelinesCredential"),
    ("browser", {}, "InteractiveBrowserCredential"),
]


@pytest.fixture
def environ(monkeypatch):
    """Set variables in this process, from which azure-identity reads some itself."""

    def given(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return variables

    return given


@pytest.mark.parametrize(("kind", "variables", "made"), MADE)
def test_each_kind_is_a_credential_of_azure_identity(environ, kind, variables, made):
    found = azure_identity(environ(AML_CREDENTIAL=kind, **variables), other_tenants=True)
    assert type(found).__name__ == made


def test_every_kind_is_made():
    assert {kind for kind, _, _ in MADE} == {"", *KINDS}


@pytest.mark.parametrize(
    ("kind", "lacks"),
    [
        ("workload_identity", [*IDENTITY, *GITHUB]),
        ("service_principal", [*IDENTITY, *SECRET]),
        ("pipelines", list(DEVOPS)),
    ],
)
def test_all_variables_that_a_kind_lacks_are_named(kind, lacks):
    with pytest.raises(CredentialError) as refused:
        azure_identity({"AML_CREDENTIAL": kind})
    assert refused.value.detail == f"The credential {kind!r} lacks {', '.join(lacks)}."
    assert f"AML_CREDENTIAL chose {kind!r}" in refused.value.remedy


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(UnknownNameError, match="manged_identity") as refused:
        kind_of({"AML_CREDENTIAL": "manged_identity"})
    assert "'managed_identity'" in refused.value.remedy


def test_the_variable_decides_before_the_stack(monkeypatch):
    monkeypatch.setenv("AML_STACK_CREDENTIAL", "")
    declare("cli")
    assert kind_of(os.environ) == "cli"
    assert kind_of(os.environ | {"AML_CREDENTIAL": "browser"}) == "browser"
    assert "`aml:credential` of the stack chose 'cli'" in remedy_for(os.environ)
    declare(None)
    assert kind_of(os.environ) is None


@pytest.fixture
def github():
    """Serve as GitHub issues tokens to jobs; yield its address and what was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Authorization"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"value": "federated"}).encode())

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/token?api-version=2", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_github_issues_the_job_a_token_for_entra_id(github):
    url, asked = github
    assert github_token(GITHUB | {"ACTIONS_ID_TOKEN_REQUEST_URL": url}) == "federated"
    path = "/token?api-version=2&audience=api%3A%2F%2FAzureADTokenExchange"
    assert asked == [(path, "Bearer of the job")]


def test_where_github_does_not_answer_nothing_secret_is_said():
    with pytest.raises(CredentialError) as refused:
        github_token(GITHUB)
    assert "of the job" not in str(refused.value)
    assert "id-token: write" in refused.value.remedy
