"""Connections with their credentials, and registries, through azure-ai-ml."""

import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import requests
from account import BASE, GROUP, SUBSCRIPTION, URL, WORKSPACE, credential, refusal, report
from azure.ai.ml import MLClient, load_registry
from azure.ai.ml.entities import (
    AccessKeyConfiguration,
    AzureOpenAIConnection,
    PatTokenConfiguration,
    UsernamePasswordConfiguration,
    WorkspaceConnection,
)

client = MLClient(credential(), SUBSCRIPTION, GROUP, WORKSPACE)
SIGN_IN = ("pat", "username", "password", "access_key_id", "secret_access_key", "key")
REGISTRY = """
name: shared
location: westeurope
tags: {team: ml}
replication_locations:
  - location: westeurope
  - location: northeurope
"""
CONNECTIONS = {
    "code": WorkspaceConnection(
        name="code", type="git", target="https://g.example.org",
        credentials=PatTokenConfiguration(pat="canary-1"),
    ),
    "images": WorkspaceConnection(
        name="images", type="container_registry", target="https://r.example.org",
        credentials=UsernamePasswordConfiguration(username="team", password="canary-2"),
    ),
    "bucket": WorkspaceConnection(
        name="bucket", type="s3", target="https://s.example.org",
        credentials=AccessKeyConfiguration(access_key_id="id", secret_access_key="canary-3"),
    ),
    "chat": AzureOpenAIConnection(
        name="chat", azure_endpoint="https://o.example.org", api_key="canary-4",
        api_version="2024-10-21", is_shared=False,
    ),
}  # fmt: skip


def shown(connection):
    """Return what a connection signs in with, as far as the client shows it."""
    found = vars(connection.credentials)
    return {key: found[key] for key in SIGN_IN if key in found}


def kept(name):
    """Return what the workspace keeps of a connection's credentials: the client shows keys only."""
    path = f"{BASE}/Microsoft.MachineLearningServices/workspaces/{WORKSPACE}/connections/{name}"
    token = credential().get_token(f"{URL}/.default").token
    answer = requests.post(
        f"{URL}{path}/listsecrets",
        params={"api-version": "2024-10-01"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    return answer.json()["properties"]["credentials"]


def connections():
    for each in CONNECTIONS.values():
        client.connections.create_or_update(each)
    plain = {name: client.connections.get(name) for name in CONNECTIONS}
    key = shown(client.connections.get("chat", populate_secrets=True))
    credentials = {name: kept(name) for name in CONNECTIONS}
    listed = sorted(each.name for each in client.connections.list())
    for name in CONNECTIONS:
        client.connections.delete(name)
    return {
        "types": {name: each.type for name, each in plain.items()},
        "shown": [value for each in plain.values() for value in shown(each).values() if value],
        "key": key,
        "kept": credentials,
        "chat": [plain["chat"].metadata.get("ApiVersion"), plain["chat"].is_shared],
        "listed": listed == sorted(CONNECTIONS),
        "left": [each.name for each in client.connections.list()],
    }


def registries(folder):
    file = folder / "registry.yml"
    file.write_text(REGISTRY, encoding="utf-8")
    made = client.registries.begin_create(load_registry(file)).result()
    read = client.registries.get("shared")
    listed = [each.name for each in client.registries.list()]
    client.registries.begin_delete(name="shared").result()
    return {
        "made": [made.name, made.location],
        "read": [read.public_network_access, read.tags.get("team")],
        "regions": [each.location for each in read.replication_locations],
        "listed": listed,
        "gone": refusal(client.registries.get, "shared")[1],
    }


with tempfile.TemporaryDirectory() as name:
    with redirect_stdout(sys.stderr):  # the client prints what it waits for
        found = {"connections": connections(), "registries": registries(Path(name))}
    report(found)
