"""Opens the containers of a workspace's datastores, by key, by signature or by identity."""

from azure.storage.blob import ContainerClient

from infra.arm.client import Client
from infra.catalogue.api_versions import MACHINE_LEARNING
from infra.contract.json_types import Document
from runtime.targets.azureml_bodies import blob_credential, blob_url, reached_by_identity
from runtime.targets.azureml_errors import checked_for_run
from runtime.targets.token_identity import TokenIdentity
from runtime.targets.workspace_transport import WorkspaceTransport


def open_datastore(client: Client, workspace: str, name: str, store: Document) -> ContainerClient:
    """Return the container of a datastore; ``store`` is its ARM document."""
    if reached_by_identity(store):
        transport = WorkspaceTransport(client, workspace)
        identity = TokenIdentity(lambda: transport.storage_token() or "")
        return open_container(client, blob_url(store), identity)
    path = f"{workspace}/datastores/{name}"
    secrets = checked_for_run(
        client.send("POST", f"{path}/listSecrets", api_version=MACHINE_LEARNING, body={}), at=path
    ).document
    return open_container(client, blob_url(store), blob_credential(store, secrets))


def open_container(
    client: Client, url: str, credential: str | dict[str, str] | TokenIdentity | None = None
) -> ContainerClient:
    """Return the container at a URL, which may have a signature of its own."""
    ca = client.endpoint.ca
    if ca is None:
        return ContainerClient.from_container_url(url, credential)
    # The local cloud is on loopback, where no proxy leads.
    return ContainerClient.from_container_url(
        url, credential, connection_verify=str(ca), proxies={}
    )
