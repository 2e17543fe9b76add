"""A workspace of a running local cloud, as datastores, datasets and models use it."""

from itertools import count
from types import SimpleNamespace

import pytest

from infra.arm.client import Client, local_endpoint
from infra.arm.credentials import local_credential
from infra.contract.discovery import find_cloud
from runtime.targets.workspace_transport import WorkspaceTransport
from tests.localcloud.harness import SUB, make_workspace, running_daemon

_NAMES = count()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """One daemon for the whole session."""
    with running_daemon(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def workspace(cloud):
    """Return a workspace of the test's own, with a transport."""
    made = make_workspace(cloud.arm, f"{SUB}/resourceGroups/assets", f"assets-{next(_NAMES)}")
    found = find_cloud(cloud.home)
    client = Client(local_endpoint(found), local_credential(found))
    yield SimpleNamespace(transport=WorkspaceTransport(client, made), id=made)
    client.close()
