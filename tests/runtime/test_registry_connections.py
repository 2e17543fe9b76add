"""Where the password of a private registry is read for a workspace's connection."""

import pytest

from infra.contract.errors import CredentialError
from runtime.model.environments import Registry
from runtime.targets.azureml_registries import connection
from tests.localcloud.harness import SUB, make_workspace, running_daemon

IN_VAULT = "keyvault:https://regsdemokv.vault.azure.net/secrets/{}"


def _password(reference):
    registry = Registry("r.azurecr.io", "me", reference)
    made = connection(registry, "run.runconfig", local=True)
    return made["properties"]["credentials"]["password"]


def test_a_vault_of_the_local_cloud_is_meant_on_the_local_cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_HOME", str(tmp_path))
    with running_daemon(tmp_path) as cloud:
        make_workspace(cloud.arm, f"{SUB}/resourceGroups/regs")
        secret = {"value": "s3cret-of-the-registry"}
        path = "/regsdemokv.vault/secrets/registry?api-version=7.4"
        assert cloud.http.put(path, json=secret).is_success
        assert _password(IN_VAULT.format("registry")) == "s3cret-of-the-registry"
        with pytest.raises(CredentialError, match="the vault 'regsdemokv' of the local cloud"):
            _password(IN_VAULT.format("none"))
    assert _password("as it is") == "as it is"
