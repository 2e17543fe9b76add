"""State in a blob container: the local cloud's, and Azurite's."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from azure.storage.blob import ContainerClient

from infra.engine.model.resources import Resource
from infra.engine.state.backend import StateBackend
from infra.engine.state.secrets import Sealer
from tests import processes
from tests.azurite import ACCOUNT, KEY, running_azurite
from tests.localcloud.harness import SUB, running_daemon

_NAMES = count()
PROGRAM = Path(__file__).with_name("deploying.py")
LOCKS = ".pulumi/locks/organization/proj/dev/"


@dataclass(frozen=True)
class Place:
    """A storage account: how a backend URL names it, and how the SDK reaches it."""

    account: str
    service: str
    query: str
    key: str
    ca: str | None = None

    def variables(self) -> dict[str, str]:
        trusted = {"SSL_CERT_FILE": self.ca} if self.ca else {}
        return {"AZURE_STORAGE_KEY": self.key, **trusted}


@pytest.fixture(scope="session")
def local_place(tmp_path_factory):
    with running_daemon(tmp_path_factory.mktemp("home")) as cloud:
        group = f"{SUB}/resourceGroups/state"
        account = f"{group}/providers/Microsoft.Storage/storageAccounts/teamstate"
        body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
        cloud.arm("PUT", group, {"location": "westeurope"})
        cloud.arm("PUT", account, body)
        key = cloud.arm("POST", f"{account}/listKeys").json()["keys"][0]["value"]
        host = cloud.url.removeprefix("https://")
        yield Place(
            "teamstate",
            f"{cloud.url}/teamstate",
            f"domain={host}&localemu=true",
            key,
            str(cloud.ca),
        )


@pytest.fixture(scope="session")
def azurite_place(tmp_path_factory):
    with running_azurite(tmp_path_factory.mktemp("azurite")) as host:
        query = f"protocol=http&domain={host}&localemu=true"
        yield Place(ACCOUNT, f"http://{host}/{ACCOUNT}", query, KEY)


@pytest.fixture(params=["local cloud", pytest.param("azurite", marks=pytest.mark.needs_azurite)])
def place(request, monkeypatch):
    found = request.getfixturevalue(f"{request.param.split()[0]}_place")
    for name, value in found.variables().items():
        monkeypatch.setenv(name, value)
    return found


@pytest.fixture
def container(place):
    """A new container of blobs."""
    name = f"state-{next(_NAMES)}"
    with ContainerClient(
        place.service, name, place.key, connection_verify=place.ca or True, retry_total=0
    ) as client:
        client.create_container()
        yield client


@pytest.fixture
def url(place, container):
    return f"azblob://{container.container_name}?storage_account={place.account}&{place.query}"


@pytest.fixture
def backend(url):
    return StateBackend(url)


@pytest.fixture(scope="session")
def sealer():
    return Sealer.from_passphrase("password", stack="dev")


@pytest.fixture
def deploying(url):
    """Start another process that deploys things, and stops before it records the last one."""
    started = []

    def start(*names: str, ends: bool = False) -> "subprocess.Popen[str]":
        command = [sys.executable, "-P", str(PROGRAM), url, "ends" if ends else "waits", *names]
        folder = str(Path(__file__).parents[3])
        process = processes.start(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": folder}
        )
        started.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def lock_of(container):
    """Return the document of the only lock, and its blob."""

    def find():
        (blob,) = container.list_blobs(name_starts_with=LOCKS)
        client = container.get_blob_client(blob.name)
        return json.loads(client.download_blob().readall()), client

    return find


@pytest.fixture
def thing():
    def make(name):
        urn = f"urn:pulumi:dev::proj::things:index:Thing::{name}"
        return Resource(urn, "things:index:Thing", custom=True, id=f"/{name}")

    return make
