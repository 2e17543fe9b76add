"""Runs on a machine reached over ssh keep the contract, whatever happens to the line."""

import pytest

from runtime.targets.ssh import SshTarget
from runtime.targets.ssh_machine import Machine
from runtime.testing.targets import MirroringContract, TargetContract
from tests.runtime.hosts import make_key, network, require_hosts

pytestmark = pytest.mark.needs_sshd


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A machine with an account of this module's key, of which nothing is left at the end."""
    require_hosts()
    folder = tmp_path_factory.mktemp("machine")
    with network(folder) as (made,):
        made.account("trainer", key=make_key(folder / "key"))
        yield made
        assert list((made.home("trainer") / ".aml-agent" / "runs").iterdir()) == []


@pytest.fixture
def make_target(host, tmp_path):
    machine = Machine(
        "vm",
        host.address,
        host.port,
        "trainer",
        host.host_key,
        {"private_key": f"file:{host.folder.parent / 'key'}"},
    )
    return lambda: SshTarget(
        "vm", tmp_path / "home", machine, manifest=tmp_path / "manifest.json", stack="dev"
    )


@pytest.fixture
def target(make_target):
    return make_target()


class TestSshTarget(TargetContract, MirroringContract):
    @pytest.fixture
    def make_target(self, make_target):
        return make_target
