"""Unmodified azure-ai-ml: models and other assets, connections, schedules, attached computes."""

import pytest

pytestmark = [pytest.mark.needs_clients, pytest.mark.slow, pytest.mark.timeout(900)]

VERSIONS = {"ACTIVE_ONLY": ["2"], "ARCHIVED_ONLY": ["1"], "ALL": ["1", "2"]}
ARCHIVED = {"data": "table", "models": "weights", "environments": "plain", "components": "shout"}
PROGRAMS = {"sdk_assets": ("azure-ai-ml==1.35.2", "azure-identity==1.27.0")}


@pytest.fixture(scope="module")
def observed(observe):
    return observe("sdk_assets")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("made", ["weights", "1", None]),
        ("shown", ["1", None]),
        ("flavors", {"onnx": {"a": "b"}}),
        ("downloaded", ["weights"]),
    ],
)
def test_models_with_flavors_and_without(observed, what, expected):
    assert observed["models"][what] == expected


@pytest.mark.parametrize("kind", ARCHIVED)
def test_archived_versions_are_listed_in_their_view_only(observed, kind):
    assert observed[kind]["versions"] == VERSIONS


@pytest.mark.parametrize(("kind", "name"), ARCHIVED.items())
def test_archived_assets_are_listed_in_their_view_only(observed, kind, name):
    assert observed[kind]["archived"] == [name]
    assert observed[kind]["active"] is False


def test_a_component_without_a_version_is_the_newest(observed):
    found = observed["components"]
    assert (found["newest"], found["labelled"]) == ("2", "2")
    assert found["missing"][1] == 404


def test_connections_are_created_and_updated(observed):
    assert observed["connections"] == ["search", "https://example.org", ["search"], []]


def test_computes_attached_without_properties_are_listed(observed):
    assert observed["computes"]["listed"] is True


def test_single_sign_on_of_an_instance_is_switched(observed):
    assert observed["computes"]["sso"] == [False, True]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("services", None),
        ("enabled", True),
        ("triggered", ["CreateJob", "Completed"]),
        ("disabled", ["HttpResponseError", 400, "BadRequest"]),
        ("listed", {"EnabledOnly": [], "DisabledOnly": ["nightly"], "All": ["nightly"]}),
    ],
)
def test_schedules_and_the_services_of_jobs(observed, what, expected):
    assert observed["schedules"][what] == expected
