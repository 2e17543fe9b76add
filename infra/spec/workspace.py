"""The workspace: what it is called, and which existing resources it takes instead of new ones."""

from typing import Literal

from infra.spec.base import SpecModel
from infra.spec.identity import IdentitySpec
from infra.spec.names import (
    ApplicationInsightsId,
    ContainerRegistryId,
    KeyVaultId,
    ResourceGroupName,
    StorageAccountId,
    WorkspaceName,
)


class WorkspaceSpec(SpecModel):
    """One workspace in a resource group of its own.

    Storage, vault, insights and registry are made, under names derived from the workspace's,
    unless the id of an existing one is given.
    """

    name: WorkspaceName
    resource_group: ResourceGroupName
    storage_account_id: StorageAccountId | None = None
    """Cannot be changed later: another account is another workspace."""
    key_vault_id: KeyVaultId | None = None
    """Cannot be changed later: another vault is another workspace."""
    application_insights_id: ApplicationInsightsId | None = None
    container_registry_id: ContainerRegistryId | None = None
    friendly_name: str | None = None
    description: str | None = None
    identity: IdentitySpec = IdentitySpec(type="system_assigned")
    public_network_access: Literal["enabled", "disabled"] = "enabled"
    protect: bool = False
    """Refuse to delete or replace the workspace and what it stands on, until `aml unprotect`."""
