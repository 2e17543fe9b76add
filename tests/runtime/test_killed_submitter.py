"""A submitter that is killed at any moment: the run is there once or not at all, and known."""

import json

import pytest

from tests.killed_submitters import assert_once_or_not_at_all, killed_at_each_stage
from tests.runtime.hosts import make_key, network, require_hosts

pytestmark = pytest.mark.slow


def test_on_this_machine(tmp_path):
    assert_once_or_not_at_all(killed_at_each_stage(tmp_path, ["--target", "local"], {}), {})


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    require_hosts()
    folder = tmp_path_factory.mktemp("machines")
    with network(folder, 2, homes="/mnt") as made:
        public = make_key(folder / "key")
        for host in made:
            host.account("trainer", key=public)
        yield made


@pytest.fixture
def manifest(hosts):
    """A manifest that has the machines as `one` and `two`."""
    targets = {
        name: {
            "id": f"/computes/{name}",
            "kind": "virtual_machine",
            "address": host.address,
            "port": host.port,
            "user": "trainer",
            "host_key": host.host_key,
            "credentials": {"private_key": f"file:{host.folder.parent / 'key'}"},
        }
        for name, host in zip(("one", "two"), hosts, strict=True)
    }
    workspace = {"id": "/w", "name": "w", "location": "westeurope"}
    document = {"project": "p", "stack": "local", "cloud": "azure", "workspace": workspace}
    return json.dumps({**document, "targets": targets})


@pytest.mark.needs_sshd
@pytest.mark.parametrize("target", ["one", "one,two"])
def test_on_machines_over_ssh(manifest, hosts, tmp_path, target):
    homes = killed_at_each_stage(tmp_path, ["--target", target], {}, manifest)
    assert_once_or_not_at_all(homes, {})
    for host in hosts:
        runs = host.home("trainer") / ".aml-agent" / "runs"
        assert not runs.exists() or [*runs.iterdir()] == []
