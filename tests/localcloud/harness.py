"""Clouds to test with: a daemon over TLS, and the chain of handlers without a server."""

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from infra.contract.discovery import SUBSCRIPTION, TENANT, find_cloud
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call
from localcloud.calls.shared_access import account_keys
from localcloud.calls.tokens import issue
from localcloud.chain.chain import request_handlers, responder
from localcloud.chain.table import KINDS, ROUTES
from tests import processes

SUB = f"/subscriptions/{SUBSCRIPTION}"
ML = "Microsoft.MachineLearningServices"
VERSION = "2025-12-01"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
"""An image that is not pulled: the nodes build the packages without it."""


class Tokens(httpx.Auth):
    """Tokens from the cloud's own endpoint: a new one when half of the last one's life is over."""

    def __init__(self, cloud_url: str, ca: Path) -> None:
        self._scope = f"{cloud_url}/.default"
        self._url = f"{cloud_url}/{TENANT}/oauth2/v2.0/token"
        self._trust = ssl.create_default_context(cafile=str(ca))
        self._token, self._until = "", 0.0

    def current(self) -> str:
        if time.monotonic() >= self._until:
            form = {
                "grant_type": "client_credentials",
                "client_id": "tests",
                "scope": self._scope,
            }
            answered = httpx.post(self._url, data=form, verify=self._trust, timeout=30).json()
            self._token = answered["access_token"]
            self._until = time.monotonic() + answered["expires_in"] / 2
        return self._token

    def auth_flow(self, request):
        # What a test signs, or sends with a wrong token, goes as it is.
        request.headers.setdefault("authorization", f"Bearer {self.current()}")
        yield request


@dataclass(frozen=True)
class Running:
    """A daemon and a client with a token. Paths are absolute or below the subscription."""

    id: str
    url: str
    ca: Path
    home: Path
    tokens: "Tokens"
    http: httpx.Client

    @property
    def token(self) -> str:
        """A bearer token of the cloud; a session may be longer than one lasts."""
        return self.tokens.current()

    def arm(self, method: str, path: str, body: Any = None, *, version: str = VERSION, **query):
        full = path if path.startswith("/subscriptions") else SUB + path
        return self.http.request(method, full, params={"api-version": version, **query}, json=body)


def start_daemon(home: Path, *options: str) -> subprocess.Popen:
    """Start a daemon; return its process as soon as it listens or has ended.

    How long that takes is up to the machine: on a busy one, a test's own time limit ends the wait.
    """
    process = processes.start(
        [sys.executable, "-m", "localcloud.daemon", "--home", str(home), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while find_cloud(home) is None and process.poll() is None:
            time.sleep(0.02)
    except BaseException:
        process.kill()  # it would outlive the session: fixtures start daemons, too
        raise
    return process


def stop_daemon(process: subprocess.Popen) -> int:
    process.terminate()
    if not process.stdout.closed:  # it was ended with its test
        process.communicate(timeout=20)
    return process.wait(timeout=20)


def waited(read, good=bool, seconds=30.0):
    """Return ``read()`` as soon as it is ``good``: other processes and threads give no event."""
    deadline = time.monotonic() + seconds
    while not good(value := read()):
        assert time.monotonic() < deadline, f"still {value}"
        time.sleep(0.01)
    return value


def alive(pid: int) -> bool:
    """Return whether a process runs; one whose parent has not asked for its exit code does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@contextmanager
def connect(home: Path) -> Iterator[Running]:
    """Connect to a running daemon, with a token from its own endpoint."""
    found = find_cloud(home)
    assert found is not None
    tokens = Tokens(found.url, found.ca)
    trust = ssl.create_default_context(cafile=str(found.ca))
    http = httpx.Client(base_url=found.url, verify=trust, timeout=30, auth=tokens)
    with closing(http):
        yield Running(found.id, found.url, found.ca, home, tokens, http)


@contextmanager
def running_daemon(home: Path) -> Iterator[Running]:
    """Start the daemon of a folder, and stop it at the end."""
    process = start_daemon(home)
    try:
        with connect(home) as running:
            yield running
    finally:
        stop_daemon(process)


def make_workspace(arm, group: str, name: str = "demo") -> str:
    """Deploy a workspace and its prerequisites through ``arm(method, path, body)``."""
    mark = f"{group.rpartition('/')[2]}{name}".replace("-", "").lower()[:20]
    ids = {
        "storageAccount": f"{group}/providers/Microsoft.Storage/storageAccounts/{mark}st",
        "keyVault": f"{group}/providers/Microsoft.KeyVault/vaults/{mark}kv",
        "applicationInsights": f"{group}/providers/Microsoft.Insights/components/{mark}ai",
    }
    vault = {"tenantId": TENANT, "sku": {"family": "A", "name": "standard"}, "accessPolicies": []}
    here = {"location": "westeurope"}
    bodies = {
        group: here,
        ids["storageAccount"]: {**here, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
        ids["keyVault"]: {**here, "properties": vault},
        ids["applicationInsights"]: {
            **here, "kind": "web", "properties": {"Application_Type": "web"},
        },
        f"{group}/providers/{ML}/workspaces/{name}": {**here, "properties": ids},
    }  # fmt: skip
    for each, body in bodies.items():
        answered = arm("PUT", each, body)
        assert answered.status_code in {200, 201, 202}, answered.content
    return f"{group}/providers/{ML}/workspaces/{name}"


CLUSTER = {
    "location": "westeurope",
    "properties": {
        "computeType": "AmlCompute",
        "properties": {
            "vmSize": "STANDARD_DS3_V2",
            "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 2},
        },
    },
}


@dataclass
class Clock:
    """A clock that stands still unless a test moves it."""

    now: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Answered:
    """The response to an in-process call, with httpx's names."""

    status_code: int
    headers: dict[str, str]
    content: bytes = field(repr=False)
    media_type: str = ""

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Chain:
    """The chain of handlers without a server: ``arm`` as ``Running`` has it, and a clock."""

    cloud: Cloud
    clock: Clock

    def __post_init__(self) -> None:
        self._respond = responder(request_handlers(KINDS, ROUTES))
        self._token = issue(self.cloud, "https://tests", "tests")

    @property
    def token(self) -> str:
        """A bearer token of the cloud."""
        return self._token

    def arm(
        self, method: str, path: str, body: Any = None, *, version=VERSION, headers=(), **query
    ):
        full = path if path.startswith("/subscriptions") else SUB + path
        asked = {"api-version": version} if version else {}
        return self.call(
            method,
            full,
            query={**asked, **{key.lower(): value for key, value in query.items()}},
            headers={"authorization": f"Bearer {self._token}", **dict(headers)},
            body=b"" if body is None else json.dumps(body).encode(),
        )

    def control(self, method: str, path: str, body: Any = None):
        """Call one of the cloud's own endpoints, below ``/aml``."""
        headers = {"authorization": f"Bearer {self._token}"}
        if body is not None:
            headers["content-type"] = "application/json"
        content = b"" if body is None else json.dumps(body).encode()
        return self.call(method, path, headers=headers, body=content)

    def account_signature(self, account: str) -> dict[str, str]:
        """Return the query that allows everything in a storage account."""
        text = generate_account_sas(
            account,
            account_keys(self.cloud, account)[0],
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions.from_string("rwdlac"),
            expiry="2099-01-01T00:00:00Z",
        )
        return dict(parse_qsl(text))

    def blob(self, method: str, path: str, headers=(), body=b"", **query: str):
        """Call the blob service for ``/{account}/…`` with a signature that allows everything."""
        account = path.split("/")[1]
        return self.call(
            method,
            path,
            query=query | self.account_signature(account),
            headers={"x-ms-version": "2025-01-05", "x-ms-blob-type": "BlockBlob", **dict(headers)},
            body=body,
        )

    def data(self, method: str, path: str, body: Any = None, **query: str) -> Answered:
        """Call a data plane: any path, with a token."""
        content = b"" if body is None else json.dumps(body).encode()
        query = {"api-version": VERSION, **query}
        headers = {"authorization": f"Bearer {self._token}"}
        return self.call(method, path, query=query, headers=headers, body=content)

    def call(self, method: str, path: str, **parts: Any) -> Answered:
        body = parts.pop("body", b"")
        call = Call(
            self.cloud, method, path, incoming=[body], origin="https://localhost:1", **parts
        )
        reply = self._respond(call)
        lower = {key.lower(): value for key, value in reply.headers.items()}
        content = reply.content if isinstance(reply.content, bytes) else b"".join(reply.content)
        return Answered(reply.status, lower, content, reply.media_type or "")
