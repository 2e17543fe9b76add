"""Rules across fields are checked even if a field is invalid by itself."""

import time

import pytest

from infra.spec.check import contradictions
from infra.spec.load import inspect_text

SUBNET = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n"


@pytest.mark.parametrize(
    ("compute", "where"),
    [
        ({"min_nodes": 1, "max_nodes": 1}, []),
        ({"min_nodes": 2, "max_nodes": 1}, [("min_nodes",)]),
        ({"min_nodes": "2", "max_nodes": 1}, [("min_nodes",)]),
        ({"min_nodes": "two", "max_nodes": 1}, []),
        ({"min_nodes": True, "max_nodes": 0}, []),
        ({"node_public_ip": False}, [("node_public_ip",)]),
        ({"node_public_ip": False, "subnet_id": SUBNET}, []),
        ({"identity": {"type": "user_assigned"}}, [("identity", "ids")]),
        ({"identity": {"type": "user_assigned", "ids": ["i"]}}, []),
        ({"identity": {"type": "system_assigned", "ids": ["i"]}}, [("identity", "ids")]),
        ({"identity": {"type": "system_and_user_assigned", "ids": []}}, [("identity", "ids")]),
        ({"identity": "user_assigned"}, []),
        ({"admin": {"user": "ops"}}, [("admin",)]),
        ({"admin": {"user": "ops", "password": "env:X"}}, []),
        ({"os": "windows", "admin": {"ssh_public_key": "file:x"}}, [("admin",)]),
    ],
)
def test_rules_of_a_cluster(compute, where):
    stack = {"computes": [{"kind": "aml_compute", "misspelt": 1, **compute}]}
    assert [at[2:] for at, _ in contradictions(stack)] == where


@pytest.mark.parametrize(
    "computes", [None, "text", {"a": 1}, [None, "text", 7], [{}], [{"name": 7}]]
)
def test_rules_skip_missing_values(computes):
    assert list(contradictions({"computes": computes, "workspace": "demo"})) == []


def test_names_are_compared_without_case():
    stack = {"computes": [{"name": "cpu"}, {"name": "gpu"}, {"name": "CPU"}]}
    assert [at for at, _ in contradictions(stack)] == [("computes", 2, "name")]


@pytest.mark.parametrize(
    ("stack", "where"),
    [
        ({"networks": [{"subnets": ["n", {"name": "m"}]}]}, []),
        ({"networks": [{"address_space": ["10.0.0.0/33", "x/y", 7]}]}, []),
        ({"networks": [{"address_space": ["10.0.0.1/8"]}]}, [("address_space", 0)]),
        (
            {"computes": [{"kind": "compute_instance", "schedules": ["daily", {}]}]},
            [("schedules", 1)],
        ),
        ({"computes": [{"kind": "compute_instance", "setup": "run.sh"}]}, []),
        ({"computes": [{"kind": "compute_instance", "setup": {"startup_script": "run.sh"}}]}, []),
        (
            {
                "cloud": "azure",
                "computes": [{"kind": "databricks", "resource_id": "/x"}, {"kind": "batch"}],
            },
            [],
        ),
    ],
)
def test_rules_skip_values_that_a_model_rejects(stack, where):
    assert [at[2:] for at, _ in contradictions(stack, subscription="s")] == where


@pytest.mark.parametrize(
    ("schedule", "where"),
    [
        ({"cron": "0 0 * * *"}, []),
        ({"recurrence": {"frequency": "hour"}}, []),
        ({"recurrence": {"frequency": "day", "hours": [1], "minutes": [0]}}, []),
        ({"recurrence": {"frequency": "month", "hours": [1]}}, [("recurrence", "minutes")]),
        ({"recurrence": "daily"}, []),
    ],
)
def test_rules_of_a_schedule(schedule, where):
    stack = {"computes": [{"kind": "compute_instance", "schedules": [schedule]}]}
    assert [at[4:] for at, _ in contradictions(stack)] == where


def test_a_hundred_computes_are_checked_in_an_instant():
    computes = "".join(
        f"    - {{kind: aml_compute, name: cpu{n:03}x, vm_size: STANDARD_DS3_V2, max_nodes: 4}}\n"
        for n in range(100)
    )
    text = (
        "config:\n  azure-native:location: westeurope\n  aml:cloud: local\n"
        f"  aml:workspace: {{name: demo, resource_group: demo-rg}}\n  aml:computes:\n{computes}"
    )
    started = time.process_time()
    assert len(inspect_text(text).spec.computes) == 100
    # Of half a second for the whole command; the rest is for Python and its imports.
    assert time.process_time() - started < 0.2
