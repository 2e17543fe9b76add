"""The HTTP client for ARM; no other code opens a socket to it.

It authenticates, retries transient failures, drives long-running operations and can be cancelled.
The meaning of requests and errors is decided elsewhere.
"""

import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from infra.arm.credentials import TokenCredential, azure_credential, local_credential
from infra.arm.faults import fault
from infra.arm.messages import Request, Response
from infra.arm.operations import Operation, perform
from infra.arm.retries import NO_ANSWER, Retries
from infra.contract.discovery import LocalCloud, cloud_folder, ensure_cloud
from infra.contract.errors import NotDeployedError, ProviderError, UnreachableError

_UNAUTHENTICATED: Final = 401
_TIMEOUT: Final = httpx.Timeout(100.0, connect=15.0)
_LIMITS: Final = httpx.Limits(max_connections=128, max_keepalive_connections=64)
_START_IT: Final = "Run `aml cloud start`; `aml cloud logs` shows why it stopped."
_CHECK_NETWORK: Final = "Check the network and the proxy settings (`HTTPS_PROXY`, `NO_PROXY`)."
DEFAULT_TIMEOUT_S: Final = 7200.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where ARM is. ``url`` has no slash at its end.

    ``ca`` is the PEM file of the local cloud's own CA, ``None`` for Azure.
    """

    url: str
    ca: Path | None = None

    @property
    def local(self) -> bool:
        """Return whether this is a local cloud."""
        return self.ca is not None


AZURE: Final = Endpoint("https://management.azure.com")


def local_endpoint(cloud: LocalCloud) -> Endpoint:
    """Return the endpoint of a running local cloud."""
    return Endpoint(cloud.url, cloud.ca)


class Client:
    """Talks to one ARM endpoint as one identity. May be used from several threads at once."""

    def __init__(
        self,
        endpoint: Endpoint,
        credential: TokenCredential,
        *,
        transport: httpx.BaseTransport | None = None,
        retries: Retries | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.credential = credential
        self._transport = transport
        self._retries = retries or Retries()
        self._stopped = threading.Event()
        self._opening = threading.Lock()
        self._http: httpx.Client | None = None

    def send(
        self,
        method: str,
        path_or_url: str,
        *,
        api_version: str = "",
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> Response:
        """Send one request and return the answer, whatever its status.

        Retries transient failures. Raises ``UnreachableError`` if the endpoint does not answer.
        """
        url = self._url(path_or_url, api_version, params or {})
        attempt = 1
        while True:
            response = self._attempt(method, url, body, attempt)
            pause_s = self._retries.pause_s(method, response, attempt)
            if pause_s is None:
                return response
            self.sleep(pause_s)
            attempt += 1

    def complete(
        self,
        method: str,
        path_or_url: str,
        *,
        api_version: str = "",
        body: object = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Response:
        """Send one request, follow the operation it starts, if any, and return the final answer.

        Raises ``ProviderError`` or ``CredentialError`` for an error at any point.
        """
        request = Request(method, path_or_url, api_version, body, params or {})
        return self.run(perform(request), timeout_s=timeout_s, at=path_or_url)

    def run(
        self, operation: Operation, *, timeout_s: float = DEFAULT_TIMEOUT_S, at: str = ""
    ) -> Response:
        """Drive an operation to its end: send what it yields, hand back the answers."""
        deadline = time.monotonic() + timeout_s
        try:
            request = next(operation)
            while True:
                if time.monotonic() + request.after_s > deadline:
                    raise _out_of_time(timeout_s, at)
                self.sleep(request.after_s)
                answer = self.send(
                    request.method,
                    request.url,
                    api_version=request.api_version,
                    body=request.body,
                    params=request.params,
                )
                request = operation.send(answer)
        except StopIteration as end:
            final: Response = end.value
            return final

    def sleep(self, seconds: float) -> None:
        """Sleep; raise ``ProviderError`` once the client is cancelled."""
        # Checked without a pause as well, so that quick polls can be cancelled.
        if self._stopped.wait(seconds) if seconds > 0 else self._stopped.is_set():
            raise ProviderError(
                "The operation was cancelled; it may still be running.",
                remedy="Run `aml up` again; it checks the outcome first.",
                code="OperationCanceled",
            )

    def cancel(self) -> None:
        """Stop all polls and retries, current and future."""
        self._stopped.set()

    def close(self) -> None:
        """Close the connections; the client opens new ones on its next use."""
        with self._opening:
            http, self._http = self._http, None
        if http is not None:
            http.close()

    def _attempt(self, method: str, url: str, body: object, attempt: int) -> Response:
        """Send once, or twice if the token was refused; ``NO_ANSWER`` where a retry may help."""
        try:
            response = self._once(method, url, body, self.credential.token())
            if response.status == _UNAUTHENTICATED:
                response = self._once(method, url, body, self.credential.renew())
        except httpx.TransportError as error:
            unsent = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            gone = unsent and self.endpoint.local  # nothing restarts it
            if gone or not self._retries.may_resend(method, attempt, unsent=unsent):
                raise self._unreachable(error) from error
            return NO_ANSWER
        return response

    def _once(self, method: str, url: str, body: object, token: str) -> Response:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        answer = self._opened().request(method, url, content=content, headers=headers)
        return Response(
            answer.status_code,
            {name.lower(): value for name, value in answer.headers.items()},
            _body(answer),
        )

    def _opened(self) -> httpx.Client:
        """Return the connections, opened on first use: a preview may need none."""
        with self._opening:
            if self._http is None:
                self._http = self._open()
            return self._http

    def _open(self) -> httpx.Client:
        ca = self.endpoint.ca
        if self._transport is not None:
            return httpx.Client(transport=self._transport)
        if ca is None:
            return httpx.Client(timeout=_TIMEOUT, limits=_LIMITS)
        try:
            context = ssl.create_default_context(cafile=str(ca))
        except OSError as error:
            raise self._unreachable(error) from error
        # A proxy from the environment cannot reach the loopback interface.
        return httpx.Client(timeout=_TIMEOUT, limits=_LIMITS, verify=context, trust_env=False)

    def _url(self, path_or_url: str, api_version: str, params: Mapping[str, str]) -> str:
        base = "" if "://" in path_or_url else self.endpoint.url
        query = dict(params)
        # URLs from answers (`nextLink`, polling URLs) carry their own version.
        if api_version and "api-version=" not in path_or_url.lower():
            query["api-version"] = api_version
        url = httpx.URL(base + path_or_url)
        return str(url.copy_merge_params(query)) if query else str(url)

    def _unreachable(self, error: Exception) -> UnreachableError:
        name = "The local cloud" if self.endpoint.local else "Azure"
        return UnreachableError(
            f"{name} does not answer: {error}.",
            remedy=_START_IT if self.endpoint.local else _CHECK_NETWORK,
            at=self.endpoint.url,
        )


def local_client(home: Path) -> Client:
    """Return a client for the local cloud of ``home``, started if it is down.

    Raises ``NotDeployedError`` if there never was one: a new cloud would be empty, and whoever
    asks for something in it means another.
    """
    if not cloud_folder(home).is_dir():
        raise NotDeployedError(
            f"The workspace is on a local cloud, and {home} has none: it was deployed from another"
            " folder or machine, which has its own.",
            remedy="Set AML_HOME to the .aml folder of the project that deployed it, or run"
            " `aml up` to deploy it here.",
            at=str(cloud_folder(home)),
        )
    cloud = ensure_cloud(home)
    return Client(local_endpoint(cloud), local_credential(cloud))


def azure_client() -> Client:
    """Return a client for Azure with the credential that azure-identity finds."""
    return Client(AZURE, azure_credential())


def checked(response: Response, *, at: str) -> Response:
    """Return a successful answer; raise the error in any other."""
    if response.ok:
        return response
    raise fault(response, at=at)


def _body(answer: httpx.Response) -> object:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        return answer.text


def _out_of_time(timeout_s: float, at: str) -> ProviderError:
    return ProviderError(
        f"The operation timed out after {timeout_s:g} seconds; it may still be running.",
        remedy="Run `aml up` again later, or set a longer timeout on the resource.",
        at=at or None,
        code="OperationTimeout",
    )
