"""Reading a manifest: what is accepted, and everything that is wrong named at once."""

import json

import pytest

from infra.contract.errors import StateError, UnknownNameError
from infra.contract.manifest import manifest_from, parse_manifest

WORKSPACE = {"id": "/w", "name": "w", "location": "westeurope"}
CPU = {"kind": "aml_compute", "id": "/w/computes/cpu", "max_nodes": 2}
DOCUMENT = {
    "version": 1, "project": "shop", "stack": "dev", "cloud": "azure", "workspace": WORKSPACE,
    "targets": {"cpu": CPU},
}  # fmt: skip


def test_what_is_written_reads_the_same():
    manifest = manifest_from(DOCUMENT)
    assert manifest_from(json.loads(manifest.to_json())) == manifest


def test_unset_keys_are_not_written():
    assert manifest_from(DOCUMENT).document()["targets"]["cpu"] == {**CPU, "credentials": {}}


def test_keys_of_a_later_release_are_ignored():
    later = {**DOCUMENT, "colour": "red", "targets": {"cpu": {**CPU, "colour": "red"}}}
    assert manifest_from(later) == manifest_from(DOCUMENT)


def test_the_whole_numbers_of_a_deployment_s_outputs_are_taken():
    cpu = {**CPU, "max_nodes": 2.0}
    entry = manifest_from({**DOCUMENT, "targets": {"cpu": cpu}}).target("cpu")
    assert repr(entry.max_nodes) == "2"


def test_a_later_version_names_what_to_install():
    with pytest.raises(StateError, match="has version 2; this release reads up to 1") as raised:
        parse_manifest({**DOCUMENT, "version": 2}, at="local.json", stack="dev")
    assert raised.value.remedy == "Install the release that wrote it, or a newer one."


def test_an_unknown_target_names_the_nearest():
    with pytest.raises(UnknownNameError, match="has no target 'cpus'") as raised:
        manifest_from(DOCUMENT).target("cpus")
    assert "'cpu'" in raised.value.remedy


WRONG = [
    ([], "the document: must be an object"),
    ({**DOCUMENT, "project": 5}, "project: must be text"),
    ({**DOCUMENT, "cloud": "aws"}, "cloud: must be 'local' or 'azure', not 'aws'"),
    ({**DOCUMENT, "version": "1"}, "version: must be a whole number"),
    ({**DOCUMENT, "workspace": {"id": "/w", "name": "w"}}, "workspace.location: is missing"),
    ({**DOCUMENT, "targets": [CPU]}, "targets: must be an object"),
    ({**DOCUMENT, "targets": {"cpu": "aml_compute"}}, "targets.cpu: must be an object"),
    *(
        ({**DOCUMENT, "targets": {"a": {**CPU, key: value}}}, f"targets.a.{key}: must {problem}")
        for key, value, problem in [
            ("max_nodes", True, "be a whole number"),
            ("port", 22.5, "be a whole number"),
            ("port", float("inf"), "be a whole number"),
            ("user", ["me"], "be text"),
            ("credentials", {"password": 5}, "map names to text"),
        ]
    ),
]  # fmt: skip


@pytest.mark.parametrize(("document", "problem"), WRONG)
def test_what_does_not_fit_is_named(document, problem):
    with pytest.raises(StateError) as raised:
        parse_manifest(document, at="local.json", stack="dev")
    assert problem in raised.value.detail
    assert raised.value.at == "local.json"


def test_all_problems_are_named_at_once():
    with pytest.raises(ValueError, match=r"stack: is missing; cloud: is missing; workspace\.id"):
        manifest_from({"project": "shop"})
