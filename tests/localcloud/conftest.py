"""A real daemon over TLS (``cloud``), and the chain of handlers without a server (``chain``)."""

from itertools import count

import pytest

from localcloud.calls.cloud import Cloud
from localcloud.store.store import Store
from tests.localcloud.harness import (
    SUB,
    Chain,
    Clock,
    connect,
    make_workspace,
    start_daemon,
    stop_daemon,
)

_NAMES = count()


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """One daemon for the whole session; tests make names of their own in it."""
    home = tmp_path_factory.mktemp("home")
    process = start_daemon(home)
    try:
        with connect(home) as running:
            yield running
    finally:
        stop_daemon(process)


@pytest.fixture
def group(cloud) -> str:
    """An empty resource group's id."""
    made = f"{SUB}/resourceGroups/group-{next(_NAMES)}"
    assert cloud.arm("PUT", made, {"location": "westeurope"}).status_code == 201
    return made


@pytest.fixture(scope="session")
def workspace(cloud) -> str:
    """The id of a workspace with its prerequisites, for all tests of the session."""
    return make_workspace(cloud.arm, f"{SUB}/resourceGroups/shared")


@pytest.fixture
def chain(tmp_path):
    clock = Clock()
    store = Store(tmp_path / "cloud")
    yield Chain(Cloud(store, tmp_path / "cloud", "https://127.0.0.1:1", clock=clock), clock)
    store.close()


@pytest.fixture
def chain_workspace(chain) -> str:
    """The id of a workspace in the chain's cloud."""
    return make_workspace(chain.arm, f"{SUB}/resourceGroups/g")
