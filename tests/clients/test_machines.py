"""Unmodified azure-mgmt-compute and azure-mgmt-network make, stop, start and delete a machine."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.timeout(900)]

PROGRAMS = {
    "machines": (
        "azure-mgmt-compute==34.1.0", "azure-mgmt-network==28.1.0", "azure-identity==1.27.0",
    ),
}  # fmt: skip
RUNNING = ["PowerState/running", "SSH-"]
STATES = [
    RUNNING,
    ["PowerState/stopped", "ConnectionRefusedError"],
    RUNNING,
    ["PowerState/deallocated", "ConnectionRefusedError"],
    RUNNING,
    RUNNING,
]


def test_a_machine_of_the_management_clients(observe):
    assert observe("machines") == {
        "weak": ["HttpResponseError", 400, "BadRequest"],
        "created": ["Succeeded", None],
        "account": "ops",
        "id": 36,
        "states": STATES,
        "card": True,
        "address": "127.0.0.1",
        "private": "10.0.1.4",
        "listed": ["machines"],
        "view": "linux",
        "used": ["HttpResponseError", 400, "NicInUse"],
        "tagged": {"a": "b"},
        "changed": ["HttpResponseError", 400, "PropertyChangeNotAllowed"],
        "gone": ["ResourceNotFoundError", 404, "ResourceNotFound"],
        "left": [],
    }
