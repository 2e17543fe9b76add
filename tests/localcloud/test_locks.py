"""Management locks: what they forbid, and where they are listed."""

import pytest

from tests.localcloud.harness import SUB

GROUP = f"{SUB}/resourceGroups/locked"
IDENTITY = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ida"
PART = "providers/Microsoft.Authorization/locks"
PLACE = {"location": "westeurope"}


@pytest.fixture
def here(chain):
    """Return a cloud with a group and an identity in it."""
    chain.arm("PUT", GROUP, PLACE)
    chain.arm("PUT", IDENTITY, PLACE)
    return chain


def lock(here, scope, level):
    body = {"properties": {"level": level}}
    assert here.arm("PUT", f"{scope}/{PART}/keep", body).status_code == 201


@pytest.mark.parametrize(
    ("scope", "level", "call", "status"),
    [
        (GROUP, "CanNotDelete", ("DELETE", IDENTITY), 409),
        (SUB, "CanNotDelete", ("DELETE", GROUP), 409),
        (IDENTITY, "CanNotDelete", ("DELETE", GROUP), 409),
        (IDENTITY, "CanNotDelete", ("DELETE", IDENTITY), 409),
        (IDENTITY, "CanNotDelete", ("PUT", IDENTITY), 200),
        (GROUP, "ReadOnly", ("PUT", IDENTITY), 409),
        (IDENTITY, "ReadOnly", ("PUT", f"{IDENTITY}2"), 201),
        (GROUP, "ReadOnly", ("GET", IDENTITY), 200),
    ],
)
def test_what_a_lock_forbids(here, scope, level, call, status):
    lock(here, scope, level)
    method, path = call
    answered = here.arm(method, path, PLACE if method == "PUT" else None)
    assert answered.status_code == status
    if status == 409:
        assert answered.json()["error"]["code"] == "ScopeLocked"
        assert f"locked: '{scope}'" in answered.json()["error"]["message"]


def test_a_lock_is_listed_at_its_scope_and_above_until_it_is_removed(here):
    lock(here, IDENTITY, "CanNotDelete")
    for scope in (SUB, GROUP, IDENTITY):
        (found,) = here.arm("GET", f"{scope}/{PART}").json()["value"]
        assert found["id"] == f"{IDENTITY}/{PART}/keep"
    assert here.arm("DELETE", f"{IDENTITY}/{PART}/keep").status_code == 200
    assert here.arm("DELETE", IDENTITY).status_code == 200


def test_another_level_is_refused(here):
    answered = here.arm("PUT", f"{GROUP}/{PART}/keep", {"properties": {"level": "Delete"}})
    assert answered.status_code == 400
