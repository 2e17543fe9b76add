"""Azure's built-in roles: their names, their GUIDs, and what a misspelt name may mean."""

import re

import pytest

from infra.catalogue.roles import ROLES, role_named, roles_like


def test_names_and_guids_are_of_their_form_and_differ():
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", name) for name in ROLES)
    guid = r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"
    assert all(re.fullmatch(guid, each) for each in ROLES.values())
    assert len(set(ROLES.values())) == len(ROLES)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("AcrPull", "acr_pull"),
        ("Key Vault Secrets Officer", "key_vault_secrets_officer"),
        ("AzureML Metrics Writer (preview)", "azureml_metrics_writer"),
        ("storage-blob-data-owner", "storage_blob_data_owner"),
        ("wizard", None),
    ],
)
def test_a_role_may_be_spelt_as_azure_does(text, role):
    assert role_named(text) == role


def test_no_role_that_allows_less_or_more_is_suggested():
    assert "key_vault_secrets_user" not in roles_like("key_vault_secret_officer")
    assert "key_vault_secrets_officer" in roles_like("key_vault_secret_officer")
    assert not [
        role for role in roles_like("blob_reader") if role.endswith(("owner", "contributor"))
    ]
