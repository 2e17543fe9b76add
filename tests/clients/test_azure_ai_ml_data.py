"""Unmodified azure-ai-ml and our own classes see each other's data and models."""

from contextlib import closing
from types import SimpleNamespace

import pytest

from infra.arm.client import Client, local_endpoint
from infra.arm.credentials import local_credential
from infra.contract.discovery import find_cloud
from runtime.agent.assets.dataset import Dataset
from runtime.agent.assets.datastore import Datastore
from runtime.agent.assets.model import Model
from runtime.targets.workspace_transport import WorkspaceTransport
from tests.clients.conftest import GROUP, reported
from tests.localcloud.harness import SUB, make_workspace

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]
PACKAGES = ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")


@pytest.fixture(scope="module")
def workspace(cloud):
    """Return a workspace in which data and a model were registered by us."""
    made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/{GROUP}", "sdk-data")
    found = find_cloud(cloud.home)
    with closing(Client(local_endpoint(found), local_credential(found))) as client:
        yield SimpleNamespace(transport=WorkspaceTransport(client, made))


@pytest.fixture(scope="module")
def observed(cloud, workspace, tmp_path_factory):
    home = tmp_path_factory.mktemp("sdk_data")
    (home / "model.txt").write_text("ours")
    store = Datastore(workspace)
    store.container().write("people/a.csv", b"name\nann\n")
    Dataset.File.from_files((store, "people")).register(workspace, "folder")
    Dataset.File.from_files((store, "people/a.csv")).register(workspace, "file")
    Dataset.Tabular.from_delimited_files((store, "people/*.csv")).register(workspace, "table")
    Model.register(workspace, str(home / "model.txt"), "ours", tags={"a": "1"}, description="d")
    return reported(cloud, "sdk_data", PACKAGES, "sdk-data", str(home))


def test_our_data_has_the_types_of_azure_ml(observed):
    ours = {name: kind for name, (kind, _) in observed["data"].items()}
    assert ours == {
        "folder": "uri_folder", "file": "uri_file", "table": "mltable", "theirs": "uri_folder",
    }  # fmt: skip


def test_our_model_is_found_and_downloaded(observed):
    assert observed["model"] == ["1", {"a": "1"}, "d"]
    assert observed["downloaded"] == ["ours"]


def test_we_read_what_it_registered(observed, workspace, tmp_path):
    theirs = Dataset.get_by_name(workspace, "theirs")
    assert theirs.to_path() == ["/a.csv"]
    table = Dataset.get_by_name(workspace, "table").to_pandas_dataframe()
    assert list(table["name"]) == ["ann"]
    model = Model(workspace, "theirs")
    assert (tmp_path / "m.txt").exists() is False
    assert model.download(str(tmp_path)) == str(tmp_path / "m.txt")
    assert (tmp_path / "m.txt").read_text() == "weights"
    assert {each.name for each in Model.list(workspace)} == {"ours", "theirs"}
