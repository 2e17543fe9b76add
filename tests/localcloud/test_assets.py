"""Versioned assets: created containers, immutable versions, uploads, look-ups by hash."""

from urllib.parse import parse_qs, urlparse

import pytest

ANY = {"modelUri": "azureml://a", "dataUri": "azureml://a", "componentSpec": {"a": "b"}}
CODE = {
    "properties": {
        "codeUri": "https://host/account/container/dir",
        "properties": {"hash_sha256": "abc", "hash_version": 202208},
    }
}


def test_a_version_creates_its_container(chain, chain_workspace):
    made = chain.arm("PUT", f"{chain_workspace}/codes/one/versions/1", CODE)
    assert made.status_code == 201
    assert made.json()["id"] == f"{chain_workspace}/codes/one/versions/1"
    container = chain.arm("GET", f"{chain_workspace}/codes/one").json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "2")


def test_a_version_needs_a_workspace(chain, chain_workspace):
    other = chain_workspace.replace("demo", "none")
    assert chain.arm("PUT", f"{other}/codes/one/versions/1", CODE).status_code == 404


def test_a_version_accepts_the_same_content_again_and_no_other(chain, chain_workspace):
    path = f"{chain_workspace}/codes/one/versions/1"
    chain.arm("PUT", path, CODE)
    assert chain.arm("PUT", path, CODE).status_code == 200
    other = {"properties": {**CODE["properties"], "codeUri": "https://elsewhere"}}
    assert chain.arm("PUT", path, other).status_code == 409
    archived = {"properties": {**CODE["properties"], "isArchived": True}}
    assert chain.arm("PUT", path, archived).json()["properties"]["isArchived"] is True


@pytest.mark.parametrize(("sha", "found"), [("abc", 1), ("other", 0)])
def test_code_is_found_by_its_hash_whatever_its_name(chain, chain_workspace, sha, found):
    chain.arm("PUT", f"{chain_workspace}/codes/one/versions/1", CODE)
    page = chain.arm(
        "GET", f"{chain_workspace}/codes/never-seen/versions", hash=sha, hashVersion="202208"
    )
    assert len(page.json()["value"]) == found


def test_a_pending_upload_returns_where_and_creates_nothing(chain, chain_workspace):
    path = f"{chain_workspace}/codes/one/versions/1"
    asked = {"pendingUploadType": "TemporaryBlobReference"}
    answered = chain.arm("POST", f"{path}/startPendingUpload", asked).json()
    place = answered["blobReferenceForConsumption"]
    sas = urlparse(place["credential"]["sasUri"])
    assert place["blobUri"] == f"https://localhost:1{sas.path}"
    assert len(sas.path.split("/")) == 3, "the container is the last segment"
    assert parse_qs(sas.query)["sr"] == ["c"]
    assert chain.arm("GET", path).status_code == 404


@pytest.mark.parametrize("prefix", ["", "azureml%3A"])
def test_environments_are_found_with_and_without_the_prefix(chain, chain_workspace, prefix):
    for version in ("1", "2"):
        body = {"properties": {"image": f"image:{version}"}}
        chain.arm("PUT", f"{chain_workspace}/environments/env/versions/{version}", body)
        chain.clock.now += 1
    query = {"$orderBy": "createdtime desc", "$top": "1"}
    page = chain.arm("GET", f"{chain_workspace}/environments/{prefix}env/versions", **query).json()
    assert [each["name"] for each in page["value"]] == ["2"]
    one = chain.arm("GET", f"{chain_workspace}/environments/{prefix}env/versions/1").json()
    assert one["properties"]["environmentType"] == "UserCreated"


def test_a_model_created_again_starts_afresh(chain, chain_workspace):
    model = f"{chain_workspace}/models/net"
    first = {"modelUri": "azureml://a", "tags": {"stage": "old"}, "description": "first"}
    for version in ("1", "2"):
        chain.arm("PUT", f"{model}/versions/{version}", {"properties": first})
    assert chain.arm("DELETE", model).status_code == 200
    assert chain.arm("GET", f"{model}/versions").json()["value"] == []
    made = chain.arm("PUT", f"{model}/versions/1", {"properties": {"modelUri": "azureml://b"}})
    assert made.status_code == 201, "another content of version 1 is no conflict"
    properties = made.json()["properties"]
    assert (properties["tags"], properties["description"]) == ({}, None)
    container = chain.arm("GET", model).json()["properties"]
    assert (container["latestVersion"], container["nextVersion"]) == ("1", "2")


def test_a_model_version_created_again_starts_afresh(chain, chain_workspace):
    version = f"{chain_workspace}/models/net/versions/1"
    first = {"modelUri": "azureml://a", "tags": {"stage": "old"}, "isArchived": True}
    chain.arm("PUT", version, {"properties": first})
    chain.arm("DELETE", version)
    made = chain.arm("PUT", version, {"properties": {"modelUri": "azureml://b"}}).json()
    assert (made["properties"]["tags"], made["properties"]["isArchived"]) == ({}, False)
    assert chain.arm("GET", version).json()["properties"]["modelUri"] == "azureml://b"


def test_deleting_a_version(chain, chain_workspace):
    path = f"{chain_workspace}/codes/one/versions/1"
    chain.arm("PUT", path, CODE)
    assert chain.arm("DELETE", path).status_code == 200
    assert chain.arm("DELETE", path).status_code == 204


@pytest.mark.parametrize("kind", ["models", "data", "environments", "components"])
def test_an_unknown_view_is_refused(chain, chain_workspace, kind):
    for path in (kind, f"{kind}/one/versions"):
        if path != kind:
            chain.arm(
                "PUT", f"{chain_workspace}/{path}/1", {"properties": {"isArchived": True, **ANY}}
            )
        answered = chain.arm("GET", f"{chain_workspace}/{path}", listViewType="Nonsense")
        assert answered.status_code == 400
        assert "ActiveOnly, ArchivedOnly or All" in answered.json()["error"]["message"]


def test_the_default_version_of_a_component_is_its_newest_active_one(chain, chain_workspace):
    versions = f"{chain_workspace}/components/shout/versions"
    for number in "123":
        spec = {"componentSpec": {"name": "shout"}, "isArchived": number == "3"}
        chain.arm("PUT", f"{versions}/{number}", {"properties": spec})
    assert chain.arm("GET", f"{versions}/azureml_default").json()["id"] == f"{versions}/2"


def test_a_model_has_flavors_even_if_none_were_sent(chain, chain_workspace):
    path = f"{chain_workspace}/models/net/versions/1"
    body = {"properties": {"modelUri": "azureml://a"}}
    assert chain.arm("PUT", path, body).json()["properties"]["flavors"] == {}
    assert chain.arm("PUT", path, body).status_code == 200
    assert chain.arm("GET", path).json()["properties"]["flavors"] == {}
