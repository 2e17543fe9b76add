"""A target may name several attached machines; only machines, each once."""

import json

import pytest

from infra.contract.errors import NotDeployedError, UnknownNameError, UsageError
from infra.contract.project import manifest_file
from runtime.targets.finding import Targets
from runtime.targets.ssh_machine import MachineError
from runtime.targets.ssh_nodes_place import addresses, common_network

MACHINE = {"kind": "virtual_machine", "id": "", "address": "10.0.0.4", "user": "ops"}


@pytest.fixture
def targets(tmp_path):
    manifest = {
        "version": 1,
        "project": "p",
        "stack": "dev",
        "cloud": "local",
        "workspace": {"id": "w", "name": "w", "location": "westeurope"},
        "targets": {
            "box1": MACHINE,
            "box2": {**MACHINE, "address": "10.0.0.5", "port": 2222},
            "gpu": {"kind": "aml_compute", "id": "c"},
        },
    }
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps(manifest))
    return Targets(tmp_path / ".aml", file, "dev")


def test_a_list_of_machines_is_a_target(targets):
    assert targets.kind("box1,box2") == "virtual_machines"
    assert targets.kind("box1") == "virtual_machine"
    assert targets.runs_processes("box2, box1")
    assert not targets.built_here("box1,box2")
    assert targets.most_nodes("box1,box2") is None
    assert targets.target("box2,box1").name == "box2,box1"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("box1,gpu", "gpu is of kind aml_compute"),
        ("box1,box1", "box1 is named twice"),
        ("gpu,box1,box1", "gpu is of kind aml_compute, box1 is named twice"),
    ],
)
def test_other_lists_are_refused(targets, name, why):
    with pytest.raises(UsageError, match=why):
        targets.require(name)


@pytest.mark.parametrize("name", ["box1,box3", "box1,"])
def test_a_machine_that_is_not_attached_is_unknown(targets, name):
    with pytest.raises(UnknownNameError):
        targets.require(name)


def test_machines_meet_at_the_addresses_they_were_reached_at():
    assert addresses(["a", "b"], ["10.0.0.4", "10.0.0.5"]) == ("10.0.0.4", "10.0.0.5")
    assert addresses(["a", "b"], ["127.0.0.1", "127.0.0.1"]) == ("127.0.0.1", "127.0.0.1")
    with pytest.raises(MachineError, match="cannot reach 'b'"):
        addresses(["a", "b"], ["10.0.0.4", "127.0.0.1"])


@pytest.mark.parametrize(
    ("hosts", "network"),
    [
        (("10.0.0.4", "10.0.0.5"), "10.0.0.4/31"),
        (("10.0.0.4", "10.0.3.1", "10.0.0.5"), "10.0.0.0/22"),
        (("127.0.0.1", "127.0.0.1"), ""),
    ],
)
def test_mpi_uses_the_network_in_which_all_are(hosts, network):
    assert common_network(hosts) == network


@pytest.mark.parametrize(
    ("name", "says"), [("dcoker", "Did you mean 'docker'? Run"), ("gpu", "Run")]
)
def test_without_a_stack_the_targets_of_this_machine_are_named(tmp_path, name, says):
    home = tmp_path / ".aml"
    targets = Targets(home, manifest_file(home, "dev"), "dev")
    with pytest.raises(NotDeployedError, match="never deployed") as error:
        targets.require(name)
    assert error.value.remedy.startswith(says)
    assert "`local` and `docker` need no stack" in error.value.remedy


def test_a_manifest_that_is_not_there_does_not_hide_a_misspelt_target(tmp_path):
    targets = Targets(tmp_path / ".aml", tmp_path / "exported.json", "dev")
    with pytest.raises(NotDeployedError, match="no such manifest") as error:
        targets.require("dcoker")
    assert error.value.remedy.startswith("Did you mean 'docker'? Write")
