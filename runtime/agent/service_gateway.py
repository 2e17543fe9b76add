"""The gateway of a run on a workspace's compute: with the run's own token, over TLS.

The local cloud answers for Azure Resource Manager at the address of its services. On Azure, the
token is that of the compute's managed identity.
"""

from __future__ import annotations

import json
import typing
import urllib.request
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

from runtime.agent.context import TrackingServer
from runtime.agent.documents import JsonObject
from runtime.agent.forward import Forwarder
from runtime.agent.gateway import ArmAnswer, NoGateway
from runtime.agent.wire import RefusalError, as_document

_ARM = "https://management.azure.com"
_API_VERSION = "2024-10-01"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_NO_IDENTITY = (
    "The compute has no managed identity with which the run could reach its workspace. Give the"
    " cluster one (`identity` in the stack file) and a role on the workspace."
)


class ServiceGateway(NoGateway):
    """Reaches the workspace that the service named in the run's variables."""

    def __init__(self, environ: Mapping[str, str], server: TrackingServer) -> None:
        self._workspace = environ.get("AZUREML_WORKSPACE_SCOPE") or _scope(environ)
        self._run_id = environ.get("AZUREML_RUN_ID", "")
        self._environ = dict(environ)
        service = environ.get("AZUREML_SERVICE_ENDPOINT") or environ.get(
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT", ""
        )
        parts = urlsplit(service)
        self._local = parts.hostname in _LOOPBACK
        self._url = f"{parts.scheme}://{parts.netloc}" if self._local else _ARM
        self._server = server
        self._forwarders: dict[str, Forwarder] = {}

    def workspace(self) -> JsonObject:
        # Its storage has the artifacts of this run, unlike that of a run on another machine.
        return {"id": self._workspace, "ca_file": self._server.ca or None, "holds_runs": True}

    def arm(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        below = path[len(self._url) :] if path.startswith(f"{self._url}/") else None
        if below is None and (path and not path.startswith("/")):
            raise RefusalError("INVALID_PARAMETER_VALUE", f"{path} is not in the workspace.")
        target = self._workspace + path if below is None else below
        if ".." in target.partition("?")[0].split("/"):
            raise RefusalError("INVALID_PARAMETER_VALUE", f"{path} is not in the workspace.")
        if "api-version=" not in target:
            target += ("&" if "?" in target else "?") + urlencode({"api-version": _API_VERSION})
        content = b"" if body is None else json.dumps(body).encode()
        reply = self._arm().send(method, target, content, len(content), "application/json")
        return reply.status, as_document(reply.content)

    def other_run(self, run_id: str) -> JsonObject | None:
        del run_id
        return None  # the tracking server knows all runs of the workspace

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        """Cancel a job; whatever else is to be changed, the tracking server knows."""
        del data
        if kind != "cancel":
            return False
        try:
            status, _ = self.arm("POST", f"/jobs/{quote(run_id)}/cancel", None)
        except RefusalError:
            return False
        return status < HTTPStatus.BAD_REQUEST

    def _arm(self) -> Forwarder:
        token = self._server.token if self._local else _identity_token(self._environ)
        if token not in self._forwarders:
            server = TrackingServer(self._url, token, self._server.ca)
            self._forwarders = {token: Forwarder(server)}
        return self._forwarders[token]


def _scope(environ: Mapping[str, str]) -> str:
    return (
        f"/subscriptions/{environ.get('AZUREML_ARM_SUBSCRIPTION', '')}"
        f"/resourceGroups/{environ.get('AZUREML_ARM_RESOURCEGROUP', '')}"
        "/providers/Microsoft.MachineLearningServices"
        f"/workspaces/{environ.get('AZUREML_ARM_WORKSPACE_NAME', '')}"
    )


def _identity_token(environ: Mapping[str, str]) -> str:
    """Return a token of the compute's managed identity. Raises ``RefusalError``."""
    address, secret = environ.get("MSI_ENDPOINT"), environ.get("MSI_SECRET")
    if not address:
        raise RefusalError("NO_WORKSPACE", _NO_IDENTITY)
    query = {"resource": f"{_ARM}/", "api-version": "2017-09-01"}
    client = environ.get("DEFAULT_IDENTITY_CLIENT_ID")
    if client:
        query["clientid"] = client
    request = urllib.request.Request(  # noqa: S310 - the compute's own address
        f"{address}?{urlencode(query)}", headers={"Secret": secret or ""}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            return str(typing.cast("JsonObject", json.load(answer))["access_token"])
    except (OSError, ValueError, KeyError) as error:
        raise RefusalError("NO_WORKSPACE", f"{_NO_IDENTITY} ({error})") from error
