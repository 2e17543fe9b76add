"""Azure's built-in roles: their names, their GUIDs, and what a misspelt name may mean."""

import re

import pytest
from pydantic import ValidationError

from infra.catalogue.roles import ROLES, role_named, roles_like
from infra.spec.roles import RoleAssignmentSpec


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
        ("Azure Kubernetes Service RBAC Admin", "azure_kubernetes_service_rbac_admin"),
        ("Log Analytics Reader", "log_analytics_reader"),
        ("wizard", None),
    ],
)
def test_a_role_may_be_spelt_as_azure_does(text, role):
    assert role_named(text) == role


def test_no_role_that_allows_less_or_more_is_suggested():
    assert "key_vault_secrets_user" not in roles_like("key_vault_secret_officer")
    assert "key_vault_secrets_officer" in roles_like("key_vault_secret_officer")
    assert roles_like("AcrPul") == ["acr_pull"]
    assert "log_analytics_reader" in roles_like("Log Analytic Reader")
    assert not [
        role for role in roles_like("blob_reader") if role.endswith(("owner", "contributor"))
    ]


@pytest.mark.parametrize("above", ["", "/subscriptions/s", "/subscriptions/s/resourceGroups/g"])
def test_a_role_may_be_given_by_its_id(above):
    guid = "11111111-2222-3333-4444-555555555555"
    where = {"scope": "workspace", "workspace_identity": True}
    path = f"{above}/providers/Microsoft.Authorization/roleDefinitions"
    assert RoleAssignmentSpec(role=f"{path}/{guid}", **where).role == guid
    with pytest.raises(ValidationError, match="neither a known role"):
        RoleAssignmentSpec(role=f"{path.replace('Definitions', 'Assignments')}/{guid}", **where)
