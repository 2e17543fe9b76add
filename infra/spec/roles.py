"""Role assignments. Roles have Azure's names in snake case."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, WithJsonSchema

from infra.spec.base import SpecModel
from infra.spec.names import AnyId, Guid
from infra.spec.problems import did_you_mean

# Azure's built-in roles: their GUIDs are the same in every tenant.
ROLES: Final = {
    "owner": "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
    "storage_blob_data_contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
    "storage_blob_data_reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
    "storage_file_data_privileged_contributor": "69566ab7-960f-475b-8e7c-b3118f30c6bd",
    "key_vault_administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
    "key_vault_secrets_user": "4633458b-17de-408a-b874-0445c86b69e6",
    "acr_pull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    "acr_push": "8311e382-0749-4cb8-b61a-304f252e45ec",
    "azureml_data_scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
    "azureml_compute_operator": "e503ece1-11d0-4e8e-8e2c-7a6c3bf38815",
}
# Roles that a user-assigned identity needs before a workspace can use it, per Azure ML's
# documentation. The service itself assigns them to a system-assigned identity.
WORKSPACE_ROLES: Final = (
    ("contributor", "storage_account"),
    ("storage_blob_data_contributor", "storage_account"),
    ("contributor", "key_vault"),
    ("contributor", "application_insights"),
    ("contributor", "container_registry"),
)
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")


def _role(text: str) -> str:
    if text in ROLES or _GUID.fullmatch(text):
        return text
    hint = did_you_mean(text, list(ROLES)) or f" Known roles: {', '.join(ROLES)}."
    raise ValueError(f"{text!r} is neither a known role nor the GUID of one.{hint}")


Role = Annotated[str, AfterValidator(_role), WithJsonSchema({"anyOf": [
    {"type": "string", "enum": sorted(ROLES)},
    {"type": "string", "pattern": "^[0-9a-fA-F-]{36}$"},
]})]  # fmt: skip
Scope = Literal[
    "workspace",
    "storage_account",
    "key_vault",
    "application_insights",
    "container_registry",
    "resource_group",
]


class RoleAssignmentSpec(SpecModel):
    """A role for one principal at one scope. All of it is fixed: a change replaces the assignment.

    The principal is an ``identity`` declared in the file, ``workspace_identity`` (the workspace's
    system-assigned one), a declared ``compute`` (its system-assigned one), or a ``principal_id`` of
    the tenant.
    """

    role: Role
    identity: str | None = None
    workspace_identity: bool = False
    compute: str | None = None
    principal_id: Guid | None = None
    principal_type: Literal["service_principal", "user", "group"] = "service_principal"
    """Type of ``principal_id``; managed identities are service principals."""
    scope: Scope | None = None
    scope_id: AnyId | None = None
    description: str | None = None
