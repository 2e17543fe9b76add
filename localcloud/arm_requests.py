"""Requests to a project's local cloud through its ARM, as any client sends them."""

import ssl
import time
from pathlib import Path
from typing import Final

import httpx

from infra.catalogue.api_versions import RESOURCES
from infra.contract.discovery import SUBSCRIPTION, LocalCloud, ensure_cloud
from infra.contract.errors import ProviderError, UnreachableError
from infra.contract.json_types import JsonObject

_TIMEOUT_S: Final = 60.0
_PAUSE_S: Final = 0.05
_THROTTLED: Final = 429
_TRIES: Final = 8
_CORRECT: Final = "Correct what the message names and run the command again."
_REMEDIES: Final = {
    "TooManyRequests": "Fault injection does that. Switch it off on the page `Local cloud` of"
    " `aml studio`, or run the command again later."
}


class ArmRequests:
    """The local cloud of ``home``, started if it is down."""

    def __init__(self, home: Path) -> None:
        self.cloud: LocalCloud = ensure_cloud(home)

    def ensure_group(self, name: str, location: str) -> str:
        """Return the id of a resource group, made unless it is there."""
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}"
        if not self.send("GET", group, RESOURCES).is_success:
            self.put(group, {"location": location}, RESOURCES)
        return group

    def put(self, path: str, body: JsonObject, version: str) -> None:
        """Write a resource and wait until it is there."""
        self.finished(self.send("PUT", path, version, body))

    def finished(self, answer: httpx.Response) -> None:
        """Wait for the operation that a request started; raise what it failed with."""
        checked(answer)
        url = answer.headers.get("azure-asyncoperation")
        deadline = time.monotonic() + _TIMEOUT_S
        while url and time.monotonic() < deadline:
            status = checked(self.send("GET", url, ""))
            if status["status"] == "Failed":
                error = status.get("error") or {}
                raise _refused(str(error.get("message")), str(error.get("code")))
            if status["status"] != "InProgress":
                return
            time.sleep(_PAUSE_S)

    def send(
        self, method: str, path: str, version: str, body: JsonObject | None = None
    ) -> httpx.Response:
        """Send a request and return the answer; repeat one that is throttled, when it says."""
        for _ in range(_TRIES - 1):
            answer = self._once(method, path, version, body)
            if answer.status_code != _THROTTLED:
                return answer
            time.sleep(float(answer.headers["retry-after"]))
        return self._once(method, path, version, body)

    def _once(
        self, method: str, path: str, version: str, body: JsonObject | None
    ) -> httpx.Response:
        cloud = self.cloud
        url = path if path.startswith("https://") else cloud.url + path
        context = ssl.create_default_context(cafile=str(cloud.ca))
        headers = {"authorization": f"Bearer {cloud.token}"}
        params = {"api-version": version} if version else None
        try:
            with httpx.Client(verify=context, trust_env=False, timeout=_TIMEOUT_S) as http:
                return http.request(method, url, params=params, json=body, headers=headers)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"The local cloud does not answer: {error}.",
                remedy="Run `aml cloud start`; `aml cloud logs` shows why it stopped.",
                at=cloud.url,
            ) from error


def checked(answer: httpx.Response) -> JsonObject:
    """Return the body of a successful response; raise the error in any other."""
    body: JsonObject = answer.json() if answer.content else {}
    if answer.is_success:
        return body
    error = body.get("error") or {}
    raise _refused(str(error.get("message") or answer.reason_phrase), str(error.get("code") or ""))


def _refused(message: str, code: str) -> ProviderError:
    return ProviderError(message, remedy=_REMEDIES.get(code, _CORRECT), code=code)
