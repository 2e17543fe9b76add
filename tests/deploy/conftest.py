"""A project to deploy from: its own stacks and state, the session's local cloud."""

from contextlib import closing
from itertools import count

import pytest
from azure.storage.blob import ContainerClient

from infra.arm.client import local_client
from infra.contract.discovery import SUBSCRIPTION
from localcloud import control
from tests.deploy.project import PASSPHRASE, make_project

_NUMBERS = count()


@pytest.fixture
def project(tmp_path, monkeypatch, capsys, aml_home, local_cloud):
    """Return a project that nothing was deployed from yet; commands run in its folder."""
    for variable in ("AML_HOME", "AML_STACK", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    made = make_project(tmp_path / "project", capsys, f"shop{next(_NUMBERS)}")
    made.seal_with_known_key()
    (made.home / "cloud").symlink_to(aml_home / "cloud")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def deployed(project):
    """Return a project whose stack `local` is deployed."""
    project.good("up", "--yes")
    return project


@pytest.fixture
def alone(project, tmp_path, monkeypatch, capsys):
    """Return a project with a local cloud of its own, which nobody has started yet."""
    made = make_project(tmp_path / "alone", capsys, "alone")
    made.seal_with_known_key()
    monkeypatch.chdir(made.root)
    yield made
    control.stop(made.home)


@pytest.fixture
def container(project, monkeypatch):
    """Return a container in the local cloud that `project` keeps its state in."""
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{project.name}-state"
    account = f"{project.name}state"
    resource = f"{path}/providers/Microsoft.Storage/storageAccounts/{account}"
    body = {"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    with closing(local_client(project.home)) as client:
        for each, version in ((path, "2021-04-01"), (resource, "2023-05-01")):
            assert client.send("PUT", each, api_version=version, body=body).ok
        keys = client.send("POST", f"{resource}/listKeys", api_version="2023-05-01").document
    key = keys["keys"][0]["value"]
    cloud = project.cloud()
    monkeypatch.setenv("AZURE_STORAGE_KEY", key)
    where = f"storage_account={account}&domain={cloud.url.removeprefix('https://')}&localemu=true"
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"azblob://state?{where}")
    with ContainerClient(
        f"{cloud.url}/{account}", "state", key, connection_verify=str(cloud.ca)
    ) as client:
        client.create_container()
        yield client
