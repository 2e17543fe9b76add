"""The requests of JavaScript's and Java's resource clients, which put an id behind a slash."""

import pytest

from tests.clients.conftest import GROUP
from tests.localcloud.harness import CLUSTER, ML, SUB

WORKSPACE = f"{SUB}/resourceGroups/{GROUP}/providers/{ML}/workspaces/demo"
COMPUTE = f"{WORKSPACE}/computes/slashed"
VERSION = {"api-version": "2025-06-01"}


@pytest.fixture
def ask(cloud):
    """Return a function that sends a request with one more slash in front of its path."""

    def send(method, path, body=None, **query):
        url = f"{cloud.url}/{path}"
        return cloud.http.request(method, url, params={**VERSION, **query}, json=body)

    return send


def test_a_resource_is_made_read_changed_and_deleted_by_id(ask):
    assert ask("HEAD", COMPUTE).status_code == 404
    made = ask("PUT", COMPUTE, CLUSTER)
    assert made.status_code == 201
    assert made.json()["id"] == COMPUTE
    assert ask("GET", COMPUTE).json()["id"] == COMPUTE
    assert ask("HEAD", COMPUTE).status_code == 204
    scale = {"minNodeCount": 0, "maxNodeCount": 5}
    patched = ask("PATCH", COMPUTE, {"properties": {"properties": {"scaleSettings": scale}}})
    assert patched.json()["properties"]["properties"]["scaleSettings"]["maxNodeCount"] == 5
    gone = ask("DELETE", COMPUTE, underlyingResourceAction="Delete")
    assert gone.status_code == 202
    assert ask("GET", COMPUTE).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        SUB,
        f"{SUB}/locations",
        f"{SUB}/resourceGroups",
        f"{SUB}/resourceGroups/{GROUP}",
        f"{SUB}/resourceGroups/{GROUP}/resources",
        f"{SUB}/providers/{ML}",
        f"{SUB}/providers/{ML}/workspaces",
        f"{SUB}/providers/{ML}/locations/westeurope/vmSizes",
        f"{SUB}/providers/{ML}/locations/westeurope/usages",
        WORKSPACE,
        f"{WORKSPACE}/computes",
        f"{WORKSPACE}/datastores",
        f"{WORKSPACE}/models",
        f"{WORKSPACE}/jobs",
    ],
)
def test_answers_are_the_same_with_one_slash_and_with_two(cloud, ask, path):
    plain = cloud.http.get(path, params=VERSION)
    assert plain.status_code == 200
    assert ask("GET", path).json() == plain.json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{WORKSPACE}/listKeys"),
        ("POST", f"{SUB}/providers/{ML}/register"),
        ("GET", f"{WORKSPACE}//computes"),
        ("GET", f"/history/v1.0/{WORKSPACE}/runs/none"),
    ],
)
def test_actions_and_data_planes_are_found_behind_slashes(ask, method, path):
    answered = ask(method, path)
    found = answered.status_code == 200 or "RunId none" in answered.text
    assert found, answered.text


def test_links_and_ids_in_answers_have_single_slashes(cloud, ask):
    made = ask("PUT", COMPUTE, CLUSTER)
    status = cloud.http.get(made.headers["azure-asyncoperation"])
    usages = ask("GET", f"{SUB}/providers/{ML}/locations/westeurope/usages").json()["value"]
    ask("DELETE", COMPUTE, underlyingResourceAction="Delete")
    for text in (made.text, status.text, usages[0]["id"]):
        assert "//" not in text.replace("https://", "")
