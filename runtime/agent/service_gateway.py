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
from runtime.agent.gateway import ArmAnswer, NoGateway, below_workspace
from runtime.agent.wire import RefusalError, as_document

_ARM = "https://management.azure.com"
_STORAGE = "https://storage.azure.com"
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
        self._experiment = environ.get("AZUREML_EXPERIMENT_ID", "")
        address = f"{parts.scheme}://{parts.netloc}"
        self._service = Forwarder(TrackingServer(address, server.token, server.ca))
        self._forwarders: dict[str, Forwarder] = {}

    def workspace(self) -> JsonObject:
        # Its storage has the artifacts of this run, unlike that of a run on another machine.
        return {"id": self._workspace, "ca_file": self._server.ca or None, "holds_runs": True}

    def arm(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        target = self._workspace + below_workspace(self._workspace, path)
        if "api-version=" not in target:
            target += ("&" if "?" in target else "?") + urlencode({"api-version": _API_VERSION})
        content = b"" if body is None else json.dumps(body).encode()
        reply = self._arm().send(method, target, content, len(content), "application/json")
        return reply.status, as_document(reply.content)

    def storage_token(self) -> str | None:
        if self._local:
            return self._server.token
        try:
            return _identity_token(self._environ, _STORAGE)
        except RefusalError:
            return None

    def other_run(self, run_id: str) -> JsonObject | None:
        del run_id
        return None  # the tracking server knows all runs of the workspace

    def own_run(self) -> JsonObject:
        found = self._history("GET", None)
        return {
            "number": found.get("runNumber"),
            "name": found.get("displayName"),
            "parent": found.get("parentRunId"),
            "target": found.get("target"),
            "type": found.get("runType"),
            "properties": found.get("properties") or {},
        }

    def secrets(self, method: str, path: str, body: JsonObject | None) -> ArmAnswer:
        target = f"/credential/v2.0{self._workspace}/secrets{path}"
        content = b"" if body is None else json.dumps(body).encode()
        reply = self._service.send(method, target, content, len(content), "application/json")
        return reply.status, as_document(reply.content)

    def own_environment(self) -> JsonObject:
        """Return the environment of the run's job; nothing if it cannot be read."""
        try:
            _, job = self.arm("GET", f"/jobs/{quote(self._run_id)}", None)
            found = str((job.get("properties") or {}).get("environmentId") or "")
            name, _, version = found.rpartition("/environments/")[2].partition("/versions/")
            if not version:
                return {}
            _, environment = self.arm("GET", f"/environments/{name}/versions/{version}", None)
        except RefusalError:
            return {}
        conda = (environment.get("properties") or {}).get("condaFile")
        return {"name": name, "version": version, "conda": conda}

    def change_run(self, run_id: str, kind: str, data: JsonObject) -> bool:
        """Cancel a job, or add a property to the script's own run."""
        if kind == "property" and run_id == self._run_id:
            return bool(self._history("PATCH", {"properties": {data["key"]: data["value"]}}))
        if kind != "cancel":
            return False  # whatever else is to be changed, the tracking server knows
        try:
            status, _ = self.arm("POST", f"/jobs/{quote(run_id)}/cancel", None)
        except RefusalError:
            return False
        return status < HTTPStatus.BAD_REQUEST

    def _history(self, method: str, body: JsonObject | None) -> JsonObject:
        """Return the script's own run as run history shows it; nothing if it does not answer."""
        target = (
            f"/history/v1.0{self._workspace}/experimentids/{quote(self._experiment)}"
            f"/runs/{quote(self._run_id)}"
        )
        content = b"" if body is None else json.dumps(body).encode()
        try:
            reply = self._service.send(method, target, content, len(content), "application/json")
        except RefusalError:
            return {}
        return as_document(reply.content) if reply.ok else {}

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


def _identity_token(environ: Mapping[str, str], resource: str = _ARM) -> str:
    """Return a token of the compute's managed identity. Raises ``RefusalError``."""
    address, secret = environ.get("MSI_ENDPOINT"), environ.get("MSI_SECRET")
    if not address:
        raise RefusalError("NO_WORKSPACE", _NO_IDENTITY)
    query = {"resource": f"{resource}/", "api-version": "2017-09-01"}
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
