"""Runs the stack program in a process of its own under Pulumi's mocks."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "program.py"
CPU = {"kind": "aml_compute", "name": "cpu", "vm_size": "STANDARD_DS3_V2", "max_nodes": 2}


@dataclass(frozen=True)
class Run:
    """What the program registered, in order of arrival."""

    resources: list
    outputs: dict
    error: str

    def one(self, type_):
        """Return the only resource of a type."""
        (found,) = (r for r in self.resources if r["type"] == type_)
        return found

    def inputs(self, type_):
        return self.one(type_)["inputs"]


@pytest.fixture(scope="session")
def run_program():
    """Run the program over a stack: a workspace, and computes as changes to a plain cluster."""

    def run(*computes, workspace=None, config=None, environment=None, **request):
        values = {
            "azure-native:location": "westeurope",
            "aml:cloud": "local",
            "aml:workspace": json.dumps(
                {"name": "demo", "resource_group": "demo-rg"} | (workspace or {})
            ),
            "aml:computes": json.dumps([CPU | compute for compute in computes]),
        } | (config or {})
        done = subprocess.run(
            [sys.executable, str(PROGRAM)],
            input=json.dumps({"config": values, **request}),
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | (environment or {}),
        )
        assert done.returncode == 0, done.stderr
        return Run(**json.loads(done.stdout))

    return run


@pytest.fixture(scope="session")
def small(run_program):
    """The smallest useful stack: a workspace and a cluster."""
    return run_program({})


@pytest.fixture(scope="session")
def full(run_program):
    """A stack that uses every key there is."""
    identity = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/"
    identity += "userAssignedIdentities/i"
    network = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v"
    return run_program(
        {
            "priority": "low_priority",
            "min_nodes": 1,
            "idle_seconds": 90,
            "identity": {"type": "system_and_user_assigned", "ids": [identity]},
            "subnet_id": f"{network}/subnets/n",
            "node_public_ip": False,
            "isolated_network": True,
            "admin": {
                "user": "ops",
                "ssh_public_key": "ssh-ed25519 AAAA",
                "password": "env:NODE_PASSWORD",
            },
            "remote_login": "enabled",
            "os": "windows",
            "description": "for everything",
            "tags": {"cost": "gpu", "team": "vision"},
        },
        workspace={
            "storage_account_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/"
            "storageAccounts/a",
            "key_vault_id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/"
            "vaults/a",
            "application_insights_id": "/subscriptions/s/resourceGroups/g/providers/"
            "Microsoft.Insights/components/a",
            "container_registry_id": "/subscriptions/s/resourceGroups/g/providers/"
            "Microsoft.ContainerRegistry/registries/a",
            "friendly_name": "Demo",
            "description": "a demo",
            "identity": {"type": "user_assigned", "ids": [identity]},
            "public_network_access": "disabled",
            "protect": True,
        },
        config={"aml:tags": '{"team": "ml"}'},
        environment={"NODE_PASSWORD": "Pa55-canary"},
    )
