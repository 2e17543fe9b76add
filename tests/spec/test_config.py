"""A program's configuration and a stack file mean the same and are refused in the same words."""

import json

import pytest

from infra.spec.config import spec_from_config
from infra.spec.credentials import Known, Reference
from infra.spec.problems import StackFileError

CPU = {"kind": "aml_compute", "name": "cpu", "vm_size": "STANDARD_DS3_V2", "max_nodes": 2}
CONFIG = {
    "azure-native:location": "westeurope",
    "azure-native:subscriptionId": "s",
    "aml:cloud": "local",
    "aml:workspace": json.dumps({"name": "demo", "resource_group": "demo-rg"}),
    "aml:computes": json.dumps([CPU]),
}


def with_admin(**admin):
    return {**CONFIG, "aml:computes": json.dumps([{**CPU, "admin": {"user": "ops", **admin}}])}


def test_program_and_file_read_the_same(inspect):
    assert spec_from_config(CONFIG, (), stack="t") == inspect(computes=json.dumps([CPU])).spec


def test_a_program_reports_the_problems_of_the_file_without_lines():
    with pytest.raises(StackFileError) as caught:
        spec_from_config({**CONFIG, "aml:cloud": "lokal", "aml:clouds": "1"}, (), stack="t")
    assert [str(problem) for problem in caught.value.problems] == [
        "aml:clouds: is not a known key. Did you mean 'aml:cloud'?",
        "aml:cloud: 'lokal' is not allowed; use local or azure. Did you mean 'local'?",
    ]


def test_a_decrypted_secret_is_a_credential():
    spec = spec_from_config(with_admin(password="Pa55-canary"), {"aml:computes"}, stack="t")
    assert spec.computes[0].admin.password == Known("Pa55-canary")
    assert "canary" not in repr(spec)


def test_a_reference_beside_a_secret_stays_one():
    config = with_admin(password="env:NODE_PASSWORD")
    spec = spec_from_config(config, {"aml:computes"}, stack="t")
    assert spec.computes[0].admin.password == Reference("env", "NODE_PASSWORD")


def test_text_that_was_never_encrypted_is_rejected():
    with pytest.raises(StackFileError, match="plain text"):
        spec_from_config(with_admin(password="Pa55-canary"), (), stack="t")


@pytest.mark.parametrize("key", ["aml:workspace", "aml:cloud", "azure-native:location"])
def test_a_secret_under_the_wrong_key_is_not_shown(key):
    with pytest.raises(StackFileError) as caught:
        spec_from_config({**CONFIG, key: "Pa55 canary!"}, {key}, stack="t")
    assert "canary" not in str(caught.value)


def test_a_valid_encrypted_value_is_used():
    spec = spec_from_config(CONFIG, set(CONFIG), stack="t")
    assert (spec.cloud, spec.workspace.name) == ("local", "demo")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Pa55 canary"},
        {"vm_size": "Pa55 canary"},
        {"max_nodes": "Pa55-canary"},
        {"priority": "Pa55-canary"},
        {"kind": "Pa55-canary"},
        {"subnet_id": "Pa55-canary"},
        {"admin": "Pa55-canary"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_secret_in_the_wrong_place_is_not_shown(change):
    config = {**CONFIG, "aml:computes": json.dumps([{**CPU, **change}])}
    with pytest.raises(StackFileError) as caught:
        spec_from_config(config, {"aml:computes"}, stack="t")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None
