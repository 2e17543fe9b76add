"""The hosts that tests use: reached by key, apart from each other, cut off at will."""

import subprocess

import pytest

from tests.runtime.hosts import make_key, network, require_hosts, until

pytestmark = pytest.mark.needs_sshd


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    require_hosts()
    with network(tmp_path_factory.mktemp("hosts"), 2) as made:
        yield made


def ssh(host, key, command, at=None):
    options = [
        "-i",
        str(key),
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
    ]
    options += ["-o", "ConnectTimeout=2", "-o", "BatchMode=yes"]
    argv = ["ssh", *options, f"trainer@{host.address}", command]
    argv = at.argv(*argv) if at else argv
    return subprocess.run(argv, capture_output=True, text=True, check=False)


def test_hosts_have_names_and_accounts_and_can_be_cut_off(pair, tmp_path):
    first, second = pair
    public = make_key(tmp_path / "key")
    for host in pair:
        host.account("trainer", key=public)
    assert ssh(first, tmp_path / "key", "hostname; echo $HOME").stdout.split() == [
        "host-1",
        str(first.home("trainer")),
    ]
    assert ssh(second, tmp_path / "key", "hostname", at=first).stdout == "host-2\n"
    second.cut()
    assert ssh(second, tmp_path / "key", "true").returncode == 255
    second.join()
    # The kernel remembers for a moment that the neighbour did not answer.
    until(lambda: ssh(second, tmp_path / "key", "true").returncode == 0)
