"""Unmodified azure-mgmt-machinelearningservices, first and second generation."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.timeout(900)]

FIRST = [
    ("missing", ["ResourceNotFoundError", 404, "ResourceNotFound"]),
    ("listed workspaces", True),
    ("in subscription", True),
    ("keys", True),
    ("no compute", ["ResourceNotFoundError", 404, "ResourceNotFound"]),
    ("first", ["AmlCompute", "Succeeded", False, 2, "Steady"]),
    ("second", 3),
    ("scaled", 5),
    ("listed", ["cpu"]),
    ("nodes", []),
    ("bad size", ["HttpResponseError", 400, "BadRequest"]),
    ("bad name", ["HttpResponseError", 400, "InvalidResourceName"]),
    ("fixed", ["HttpResponseError", 400, "PropertyChangeNotAllowed"]),
    ("gone", ["ResourceNotFoundError", 404, "ResourceNotFound"]),
    ("deleted", None),
    ("gone too", ["ResourceNotFoundError", 404, "ResourceNotFound"]),
]
SECOND = [
    ("first", ["AmlCompute", "Succeeded"]),
    ("again", 4),
    ("scaled", 6),
    ("idle", "0:02:00"),
    ("states", ["Running", "Stopped", "Running", "Running"]),
    ("not shown", None),
    ("keys", "canary-password"),
    ("listed", ["box", "cpu", "vm"]),
    ("no workspace", ["ResourceNotFoundError", 404, "ParentResourceNotFound"]),
    ("no group", ["ResourceNotFoundError", 404, "ResourceGroupNotFound"]),
    ("no compute", ["ResourceNotFoundError", 404, "ResourceNotFound"]),
    ("bad limits", ["HttpResponseError", 400, "BadRequest"]),
    ("fixed", ["HttpResponseError", 400, "PropertyChangeNotAllowed"]),
    ("left", ["box"]),
]


PROGRAMS = {
    "first_generation": (
        "azure-mgmt-machinelearningservices==1.0.1", "azure-identity==1.27.0",
    ),
    "second_generation": (
        "azure-mgmt-machinelearningservices==2.0.0b2", "azure-identity==1.27.0",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def first(observe):
    return observe("first_generation")


@pytest.fixture(scope="module")
def second(observe):
    return observe("second_generation")


@pytest.mark.parametrize(("what", "expected"), FIRST)
def test_first_generation(first, what, expected):
    assert first[what] == expected


def test_first_generation_keeps_a_workspaces_principal(first):
    state, principal, workspace_id = first["made"]
    assert state == "Succeeded"
    assert first["changed"] == [{"a": "b"}, "Two", principal]
    assert len(workspace_id) == 36


@pytest.mark.parametrize(("what", "expected"), SECOND)
def test_second_generation(second, what, expected):
    assert second[what] == expected


def test_second_generation_counts_nodes(second):
    assert len(second["counts"]) == 6
    assert second["attached"][0] is True
