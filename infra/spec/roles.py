"""Role assignments. Roles have Azure's names in snake case."""

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, WithJsonSchema

from infra.catalogue.roles import ROLES, role_named, role_words, roles_like
from infra.spec.base import SpecModel
from infra.spec.names import AnyId, Guid
from infra.spec.problems import did_you_mean

# Roles that a user-assigned identity needs before a workspace can use it, per Azure ML's
# documentation. The service itself assigns them to a system-assigned identity.
WORKSPACE_ROLES: Final = (
    ("contributor", "storage_account"),
    ("storage_blob_data_contributor", "storage_account"),
    ("contributor", "key_vault"),
    ("contributor", "application_insights"),
    ("contributor", "container_registry"),
)
_GUID: Final = re.compile(
    r"(?:(?:/subscriptions/[^/]+)?(?:/resourceGroups/[^/]+)?"
    r"/providers/Microsoft\.Authorization/roleDefinitions/)?"
    r"([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})",
    re.IGNORECASE,
)
"""The GUID of a role, or the id that ends with it."""


def _role(text: str) -> str:
    role = role_named(text)
    if role is not None:
        return role
    if guid := _GUID.fullmatch(text):
        return guid[1]
    hint = (
        did_you_mean(role_words(text), roles_like(text))
        or " Give the GUID of a role that is not listed."
    )
    raise ValueError(f"{text!r} is neither a known role nor the GUID of one.{hint}")


Role = Annotated[str, AfterValidator(_role), WithJsonSchema({"anyOf": [
    {"type": "string", "enum": sorted(ROLES)},
    {"type": "string", "pattern": "^(/.*/)?[0-9a-fA-F-]{36}$"},
    {"type": "string", "pattern": "^[A-Z][A-Za-z() ]+$"},
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
