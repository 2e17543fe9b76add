"""Signatures: those of azure-storage-blob are accepted, altered ones are not."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from azure.storage.blob import (
    AccountSasPermissions,
    ResourceTypes,
    UserDelegationKey,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)

from localcloud.planes.signing import SignedRequest, allows, sas_problem, shared_key_problem

KEY = base64.b64encode(b"k" * 32).decode()
OTHER = base64.b64encode(b"o" * 32).decode()
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def container_sas(**changes):
    given = {"account_key": KEY, "permission": "rl", "expiry": NOW + HOUR, "start": NOW - HOUR}
    return dict(parse_qsl(generate_container_sas("acct", "con", **given | changes)))


def problem(query, *, container="con", blob="", now=NOW, accounts=("acct",), key=KEY):
    return sas_problem(query, key, accounts=accounts, container=container, blob=blob, now=now)


def test_a_container_signature_is_valid_for_every_blob_in_it() -> None:
    assert problem(container_sas(), blob="a/b") is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"container": "other"}, "another resource"),
        ({"now": NOW + 2 * HOUR}, "expired"),
        ({"now": NOW - 2 * HOUR}, "not yet valid"),
        ({"key": OTHER}, "does not match"),
        ({"accounts": ("other",)}, "does not match"),
    ],
)
def test_a_container_signature_is_refused(changes, says) -> None:
    assert says in problem(container_sas(), **changes)


def test_an_altered_permission_is_refused() -> None:
    assert "altered" in problem(container_sas() | {"sp": "rwdl"})


@pytest.mark.parametrize(
    ("permissions", "operation", "expected"),
    [
        ("rl", "read", True),
        ("rl", "list", True),
        ("rl", "write", False),
        ("c", "create", True),
        ("w", "create", True),
        ("rwl", "delete", False),
    ],
)
def test_permissions(permissions, operation, expected) -> None:
    assert allows({"sp": permissions}, operation) is expected


def test_a_blob_signature_is_valid_for_that_blob_only() -> None:
    text = generate_blob_sas(
        "acct", "con", "a b.txt", account_key=KEY, permission="r", expiry=NOW + HOUR
    )
    query = dict(parse_qsl(text))
    assert problem(query, blob="a b.txt") is None
    assert problem(query, blob="other") is not None


def test_an_account_signature_is_valid_in_every_container() -> None:
    text = generate_account_sas(
        "acct", KEY, ResourceTypes(object=True), AccountSasPermissions(read=True), NOW + HOUR
    )
    assert problem(dict(parse_qsl(text)), container="any", blob="any") is None


def delegated_sas() -> dict[str, str]:
    key = UserDelegationKey()
    key.signed_oid, key.signed_tid, key.signed_service = "me", "tenant", "b"
    key.signed_start = (NOW - HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    key.signed_expiry = (NOW + HOUR).strftime("%Y-%m-%dT%H:%M:%SZ")
    key.signed_version, key.value = "2024-08-04", KEY
    text = generate_container_sas(
        "acct", "con", user_delegation_key=key, permission="r", expiry=NOW + 9 * HOUR
    )
    return dict(parse_qsl(text))


def test_a_user_delegation_key_signs_as_the_client_does() -> None:
    assert problem(delegated_sas()) is None
    assert "does not match" in problem(delegated_sas() | {"skoid": "somebody else"})


def test_a_signature_ends_with_its_user_delegation_key() -> None:
    assert "expired" in problem(delegated_sas(), now=NOW + 2 * HOUR)


def test_a_malformed_signature_is_refused() -> None:
    request = SignedRequest("GET", "/acct/con", {}, {"authorization": "SharedKey acct:!!!"})
    assert shared_key_problem(request, KEY) is not None
