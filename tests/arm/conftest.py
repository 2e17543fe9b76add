"""A small ARM in memory, as strict as the real one where that has caught mistakes."""

import base64
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.arm.client import Client, Endpoint
from infra.arm.credentials import AccessToken, CachedCredential
from infra.arm.provider import AzureNative
from infra.arm.retries import Retries

ENDPOINT = Endpoint("https://arm.test")
SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
TENANT = "00000000-0000-0000-0000-000000000002"


class MemoryArm:
    """Answers as instructed, otherwise keeps documents by id.

    ``polled`` verbs answer with an operation that takes two polls and ends as ``outcome`` says.
    """

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.scripted: list[tuple[str, str, httpx.Response | Exception]] = []
        self.polled: set[str] = set()
        self.outcome: dict[str, Any] = {"status": "Succeeded"}
        self.read_only: dict[str, Any] = {"provisioningState": "Succeeded"}
        self._operations: dict[str, tuple[int, Callable[[], None]]] = {}

    def script(self, method: str, path_end: str, answer: httpx.Response | Exception) -> None:
        """Answer the next such request with ``answer``, once."""
        self.scripted.append((method, path_end, answer))

    def sent(self, method: str) -> list[tuple[str, dict[str, str], Any]]:
        """Return path, query and body of the requests with this method."""
        return [(path, query, body) for m, path, query, body in self.requests if m == method]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, query = request.url.path, dict(request.url.params)
        body = json.loads(request.content) if request.content else None
        self.requests.append((request.method, path, query, body))
        for entry in self.scripted:
            if entry[0] == request.method and path.endswith(entry[1]):
                self.scripted.remove(entry)
                if isinstance(entry[2], Exception):
                    raise entry[2]
                return entry[2]
        refused = self._refuse(request, query, body)
        return refused or getattr(self, f"_{request.method.lower()}")(path, query, body)

    def _refuse(self, request: httpx.Request, query: Mapping[str, str], body: Any):
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return error(401, "AuthenticationFailed")
        if not re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", query.get("api-version", "")):
            return error(400, "MissingApiVersionParameter")
        if re.search(r"\b\d+\.0\b", json.dumps(body)):
            return error(400, "BadRequest", "An integer was sent as a fraction.")
        return None

    def _get(self, path: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        if path in self._operations:
            left, done = self._operations[path]
            self._operations[path] = left - 1, done
            if left:
                return httpx.Response(200, headers=HINT, json={"status": "InProgress"})
            done()
            return httpx.Response(200, json=self.outcome)
        if path.lower() not in self.documents:
            return error(404, "ResourceNotFound")
        return httpx.Response(200, json=self.documents[path.lower()])

    def _put(self, path: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        status = 200 if path.lower() in self.documents else 201
        properties = {**self.read_only, **body.get("properties", {})}
        name = path.rpartition("/")[2]
        document = {**body, "id": path, "name": name, "properties": properties}
        if "PUT" not in self.polled:
            self.documents[path.lower()] = document
            return httpx.Response(status, json=document)
        made = self.outcome["status"] == "Succeeded"
        return self._accept(
            status, lambda: self.documents.update({path.lower(): document} if made else {})
        )

    def _patch(self, path: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        if path.lower() not in self.documents:
            return error(404, "ResourceNotFound")
        merge(self.documents[path.lower()], body)
        return httpx.Response(200, json=self.documents[path.lower()])

    def _post(self, path: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        return httpx.Response(200)

    def _delete(self, path: str, query: Mapping[str, str], body: Any) -> httpx.Response:
        if path.lower() not in self.documents:
            return httpx.Response(204)
        if "DELETE" not in self.polled:
            del self.documents[path.lower()]
            return httpx.Response(200)
        return self._accept(202, lambda: self.documents.pop(path.lower()) and None)

    def _accept(self, status: int, done: Callable[[], None]) -> httpx.Response:
        path = f"/operations/{uuid.uuid4()}"
        self._operations[path] = 2, done
        url = f"{ENDPOINT.url}{path}?api-version=2024-01-01"
        return httpx.Response(status, headers={**HINT, "Azure-AsyncOperation": url})


HINT = {"retry-after-ms": "1"}


def error(status: int, code: str, message: str = "No.") -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": message}})


def merge(into: dict[str, Any], change: Mapping[str, Any]) -> None:
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


@pytest.fixture
def arm() -> MemoryArm:
    return MemoryArm()


@pytest.fixture
def credential() -> CachedCredential:
    tokens = iter(f"token-{number}" for number in range(100))
    return CachedCredential(lambda: AccessToken(next(tokens), 2e10))


@pytest.fixture
def client(arm: MemoryArm, credential: CachedCredential) -> Iterator[Client]:
    made = Client(
        ENDPOINT,
        credential,
        transport=httpx.MockTransport(arm),
        retries=Retries(attempts=3, first_s=0.001),
    )
    yield made
    made.close()


@pytest.fixture
def jwt() -> Callable[[Any], str]:
    """Return a function that makes an unsigned token with these claims."""

    def make(document: Any) -> str:
        middle = base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")
        return f"e30.{middle}.sig"

    return make


@pytest.fixture
def provider_of(arm: MemoryArm) -> Iterator[Callable[..., AzureNative]]:
    """Return a function that makes a configured provider for the ARM in memory."""
    made: list[AzureNative] = []

    def make(*, ca: Path | None = None, token: str | None = None) -> AzureNative:
        credential = CachedCredential(lambda: AccessToken(token or "opaque", 2e10))
        endpoint = Endpoint(ENDPOINT.url, ca)
        provider = AzureNative(endpoint, credential, transport=httpx.MockTransport(arm))
        config = {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "location": "westeurope"}
        provider.configure(config)
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def provider(provider_of: Callable[..., AzureNative]) -> AzureNative:
    return provider_of()
