"""Azure's built-in roles for what a platform uses, by Azure's names in snake case.

Their GUIDs are the same in every tenant. From Microsoft's list of built-in roles of 2026-04-09:
general roles, networking, storage, containers, machine learning, search, logs and metrics, identity
and key vaults. Any other role can be given by its GUID.
"""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Final

ROLES: Final[Mapping[str, str]] = {
    "owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "role_based_access_control_administrator": "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    "user_access_administrator": "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "azure_batch_account_contributor": "29fe4964-1e60-436b-bd3a-77fd4c178b3c",
    "azure_batch_account_reader": "11076f67-66f6-4be0-8f6b-f0609fd05cc9",
    "azure_batch_data_contributor": "6aaa78f1-f7de-44ca-8722-c64a23943cae",
    "azure_batch_job_submitter": "48e5e92e-a480-4e71-aa9c-2778f4c13781",
    "virtual_machine_administrator_login": "1c0163c0-47e6-4577-8991-ea5c82e286e4",
    "virtual_machine_contributor": "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
    "virtual_machine_user_login": "fb879df8-f326-4884-b1cf-06f3ad86be52",
    "dns_zone_contributor": "befefa01-2a29-4197-83a8-272ff33ce314",
    "network_contributor": "4d97b98b-1d4f-4787-a291-c67834d212e7",
    "private_dns_zone_contributor": "b12aa53e-6015-4669-85d0-8515ebb3ae7f",
    "reader_and_data_access": "c12c1c16-33a1-487b-954d-41c89c60f349",
    "storage_account_contributor": "17d1049b-9a84-46fb-8f53-869881c3d3ab",
    "storage_account_key_operator_service_role": "81a9662b-bebf-436f-a333-f67b29880f12",
    "storage_blob_data_contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storage_blob_data_owner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storage_blob_data_reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "storage_blob_delegator": "db58b8e5-c6ad-4a2a-8342-4190687cbf4a",
    "storage_file_data_privileged_contributor": "69566ab7-960f-475b-8e7c-b3118f30c6bd",
    "storage_file_data_privileged_reader": "b8eda974-7b85-4f76-af95-65846b26df6d",
    "storage_file_data_smb_share_contributor": "0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb",
    "storage_file_data_smb_share_elevated_contributor": "a7264617-510b-434b-a828-9731dc254ea7",
    "storage_file_data_smb_share_reader": "aba4ae5f-2193-4029-9191-0cb91df5e314",
    "storage_queue_data_contributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storage_queue_data_reader": "19e7f393-937e-4f77-808e-94535e297925",
    "storage_table_data_contributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "storage_table_data_reader": "76199698-9eea-4c19-bc75-cec21354c6b6",
    "acr_delete": "c2f4ef07-c644-48eb-af81-4b1b4947fb11",
    "acr_pull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "acr_push": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "acr_quarantine_reader": "cdda3590-29a3-44f6-95f2-9f980659eb04",
    "acr_quarantine_writer": "c8d4ff99-41c3-41a8-9f60-21dfdad59608",
    "azure_kubernetes_service_cluster_admin_role": "0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8",
    "azure_kubernetes_service_cluster_user_role": "4abbcc35-e782-43d8-92c5-2d3f1bd2253f",
    "azure_kubernetes_service_rbac_admin": "3498e952-d568-435e-9b2c-8d77e338d7f7",
    "azure_kubernetes_service_rbac_cluster_admin": "b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b",
    "azure_kubernetes_service_contributor_role": "ed7f3fbd-7b88-4dd4-9017-9adb7ce333f8",
    "azure_ai_administrator": "b78c5d69-af96-48a3-bf8d-a8b4d589de94",
    "azure_ai_developer": "64702f94-c441-49e6-a78b-ef80e0188fee",
    "azure_ai_enterprise_network_connection_approver": "b556d68e-0be0-4f35-a333-ad7ee1ce17ea",
    "azure_ai_inference_deployment_operator": "3afb7f49-54cb-416e-8c09-6dc049efa503",
    "azure_machine_learning_workspace_connection_secrets_reader": (
        "ea01e6af-a1c1-4350-9563-ad00f8c72ec5"
    ),
    "azureml_compute_operator": "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
    "azureml_data_scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "azureml_metrics_writer": "635dd51f-9968-44d3-b7fb-6d9a6bd613ae",
    "azureml_registry_user": "1823dd4f-9b8c-4ab6-ab4e-7397a3684615",
    "cognitive_services_contributor": "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68",
    "cognitive_services_openai_contributor": "a001fd3d-188f-4b5d-821b-7da978bf7442",
    "cognitive_services_openai_user": "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd",
    "cognitive_services_user": "a97b65f3-24c7-4388-baec-2e87135dc908",
    "search_index_data_contributor": "8ebe5a00-799e-43f5-93ac-243d3dce84a7",
    "search_index_data_reader": "1407120a-92aa-4202-b7e9-c0e197c71c8f",
    "search_service_contributor": "7ca78c08-252a-4471-8644-bb5ff32d4ba0",
    "azure_event_hubs_data_owner": "f526a384-b230-433a-b45c-95f59c4a2dec",
    "application_insights_component_contributor": "ae349356-3a1b-4a5e-921d-050484c6347e",
    "log_analytics_contributor": "92aaf0da-9dab-42b6-94a3-d43ce8d16293",
    "log_analytics_reader": "73c42c96-874c-492b-b04d-ab87d138a893",
    "monitoring_contributor": "749f88d5-cbae-40b8-bcfc-e573ddc772fa",
    "monitoring_metrics_publisher": "3913510d-42f4-4e42-8a64-420c390055eb",
    "monitoring_reader": "43d0d8ad-25c7-4714-9337-8ba259a9fe05",
    "managed_identity_contributor": "e40ec5ca-96e0-45a2-b4ff-59039f2c2b59",
    "managed_identity_operator": "f1a07417-d97a-45cb-824c-7a7467783830",
    "key_vault_administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "key_vault_certificate_user": "db79e9a7-68ee-4b58-9aeb-b90e7c24fcba",
    "key_vault_certificates_officer": "a4417e6f-fecd-4de8-b567-7b0420556985",
    "key_vault_contributor": "f25e0fa2-a7c8-4377-a976-54943a77a395",
    "key_vault_crypto_officer": "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
    "key_vault_crypto_service_encryption_user": "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "key_vault_crypto_user": "12338af0-0e69-4776-bea7-57ae8d297424",
    "key_vault_data_access_administrator": "8b54135c-b56d-4d72-a534-26097cfdc8d8",
    "key_vault_reader": "21090545-7ca7-4776-b22c-e363652d74d2",
    "key_vault_secrets_officer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "key_vault_secrets_user": "4633458b-17de-408a-b874-0445c86b69e6",
}
_SPELLED: Final[Mapping[str, str]] = {
    "ai": "AI",
    "and": "and",
    "azureml": "AzureML",
    "dns": "DNS",
    "openai": "OpenAI",
    "rbac": "RBAC",
    "smb": "SMB",
}
_PREVIEW: Final = frozenset({"azureml_metrics_writer"})
_ALIKE: Final = 0.75


def role_named(text: str) -> str | None:
    """Return the role of a name, also as Azure spells it: ``AcrPull``, ``Key Vault Reader``."""
    return _BY_LETTERS.get(_letters(text))


def role_title(role: str) -> str:
    """Return a role's name as Azure spells it: ``Key Vault Reader`` for ``key_vault_reader``."""
    if role.startswith("acr_"):
        return "".join(word.capitalize() for word in role.split("_"))
    spelled = " ".join(_SPELLED.get(word, word.capitalize()) for word in role.split("_"))
    return f"{spelled} (preview)" if role in _PREVIEW else spelled


def roles_like(name: str) -> list[str]:
    """Return the roles that a misspelt name may mean: those that allow the same.

    The last word says what a role allows: for a reader, no contributor is meant.
    """
    allows = role_words(name).rpartition("_")[2]
    return [role for role in ROLES if _alike(role.rpartition("_")[2], allows)]


def role_words(text: str) -> str:
    """Return a role's name in snake case, as Azure spells it or not: ``acr_pull`` for AcrPull."""
    return re.sub(r"[\s_-]+|(?<=[a-z])(?=[A-Z])", "_", text.strip()).lower()


def _letters(text: str) -> str:
    return re.sub(r"\(preview\)|[\s_-]", "", text.lower())


_BY_LETTERS: Final = {_letters(role): role for role in ROLES}


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other).ratio() >= _ALIKE
