"""A workspace's requests as datastores, datasets and models send them, by ARM's client."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.arm.client import Client, azure_client, local_client
from infra.arm.credentials import TokenCredential, azure_credential
from infra.arm.messages import Request, Response
from infra.arm.operations import follow
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.json_types import Document, JsonObject
from infra.contract.manifest import read_manifest
from runtime.agent.assets.transport import Transport

_STORAGE_SCOPE: Final = "https://storage.azure.com/.default"
_ACCEPTED: Final = frozenset({201, 202})


class WorkspaceTransport(Transport):
    """Requests to one workspace, in Azure or the local cloud."""

    def __init__(self, client: Client, workspace_id: str) -> None:
        self.workspace_id = workspace_id.rstrip("/")
        self.ca_file = str(client.endpoint.ca) if client.endpoint.ca else None
        self.local_port = urlsplit(client.endpoint.url).port if client.endpoint.local else None
        self._client = client
        self._storage: TokenCredential | None = None

    def arm(self, method: str, path: str, body: Document | None = None) -> tuple[int, JsonObject]:
        url = path if "://" in path else self.workspace_id + path
        answer = self._client.send(method, url, api_version=MACHINE_LEARNING, body=body)
        if method != "GET" and answer.status in _ACCEPTED:
            answer = self._ended(Request(method, url, MACHINE_LEARNING, body), answer)
        return answer.status, dict(answer.document)

    def storage_token(self) -> str | None:
        """Return a token of the identity that azure-identity finds; a local cloud has its own."""
        if self._client.endpoint.local:
            return self._client.credential.token()
        if self._storage is None:
            self._storage = azure_credential(scope=_STORAGE_SCOPE)
        return self._storage.token()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _ended(self, request: Request, first: Response) -> Response:
        return self._client.run(follow(request, first), at=request.url)


def open_transport(home: Path, manifest_file: Path, stack: str) -> WorkspaceTransport:
    """Return the transport of the workspace that a stack deployed.

    Raises ``NotDeployedError`` if it deployed none.
    """
    manifest = read_manifest(manifest_file, stack=stack)
    client = local_client(home) if manifest.cloud == "local" else azure_client()
    return WorkspaceTransport(client, manifest.workspace.id)
