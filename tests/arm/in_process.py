"""The local cloud without a server, behind the provider's HTTP client."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx

from infra.arm.client import Client, Endpoint
from infra.arm.credentials import AccessToken, CachedCredential
from infra.arm.provider import AzureNative
from infra.contract.discovery import SUBSCRIPTION, TENANT
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call
from localcloud.calls.tokens import issue
from localcloud.chain.chain import request_handlers, responder
from localcloud.chain.table import KINDS, ROUTES
from localcloud.store.store import Store

URL = "https://localhost:1"
CONFIG = {"subscriptionId": SUBSCRIPTION, "tenantId": TENANT, "location": "westeurope"}


class InProcess(httpx.BaseTransport):
    """Answers requests with the cloud's own handlers; ``asked`` are the changing ones since."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.asked: list[tuple[str, str]] = []
        self._respond = responder(request_handlers(KINDS, ROUTES))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        if request.method != "GET":
            self.asked.append((request.method, path))
        call = Call(
            self.cloud,
            request.method,
            path,
            query={key.lower(): value for key, value in request.url.params.items()},
            headers={key.lower(): value for key, value in request.headers.items()},
            incoming=[request.read()],
            origin=URL,
        )
        reply = self._respond(call)
        headers = {**reply.headers, "content-type": reply.media_type or "text/plain"}
        return httpx.Response(reply.status, headers=headers, content=bytes(reply.content))


def credential_of(cloud: Cloud) -> CachedCredential:
    return CachedCredential(lambda: AccessToken(issue(cloud, URL, "tests"), 2e10))


def client_of(transport: InProcess) -> Client:
    """Return a client of one's own for the same cloud."""
    return Client(Endpoint(URL), credential_of(transport.cloud), transport=transport)


@contextmanager
def cloud_in_process(folder: Path) -> Iterator[tuple[AzureNative, InProcess]]:
    """Give a configured provider for an empty cloud, and the way between the two."""
    with closing(Store(folder)) as store:
        cloud = Cloud(store, folder, URL)
        transport = InProcess(cloud)
        credential = credential_of(cloud)
        with closing(AzureNative(Endpoint(URL), credential, transport=transport)) as provider:
            provider.configure(CONFIG)
            yield provider, transport
