"""Unmodified azure-ai-ml: connections with their credentials, and registries."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAMS = {"sdk_services": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("sdk_services")


def test_connections_are_read_back_and_their_secrets_by_who_asks_for_them(observed):
    found = observed["connections"]
    assert found["types"] == {
        "code": "git",
        "images": "container_registry",
        "bucket": "s3",
        "chat": "azure_open_ai",
    }
    assert found["shown"] == []
    assert found["key"] == {"key": "canary-4"}
    assert found["kept"] == {
        "code": {"pat": "canary-1"},
        "images": {"username": "team", "password": "canary-2"},
        "bucket": {"accessKeyId": "id", "secretAccessKey": "canary-3"},
        "chat": {"key": "canary-4"},
    }
    assert found["chat"] == ["2024-10-21", False]
    assert (found["listed"], found["left"]) == (True, [])


def test_registries_are_created_read_listed_and_deleted(observed):
    assert observed["registries"] == {
        "made": ["shared", "westeurope"],
        "read": ["Enabled", "ml"],
        "regions": ["westeurope", "northeurope"],
        "listed": ["shared"],
        "gone": 404,
    }
