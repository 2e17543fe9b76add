"""The workspace: what it is called, and which existing resources it takes instead of new ones."""

from typing import Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.identity import IdentitySpec
from infra.spec.names import (
    ApplicationInsightsId,
    ContainerRegistryId,
    KeyVaultId,
    ResourceGroupName,
    StorageAccountId,
    UserAssignedIdentityId,
    WorkspaceName,
)
from infra.spec.tags import Tags


class WorkspaceSpec(SpecModel):
    """One workspace, in a resource group of its own unless ``group_exists``.

    Storage, vault, insights and registry are created under names derived from the workspace's,
    unless the id of an existing one is given.
    """

    name: WorkspaceName
    resource_group: ResourceGroupName
    group_exists: bool = False
    """Use an existing resource group, which is neither changed nor deleted."""
    storage_account_id: StorageAccountId | None = None
    """Cannot be changed: a new account replaces the workspace."""
    key_vault_id: KeyVaultId | None = None
    """Cannot be changed: a new vault replaces the workspace."""
    application_insights_id: ApplicationInsightsId | None = None
    container_registry_id: ContainerRegistryId | None = None
    without: tuple[Literal["application_insights", "container_registry"], ...] = ()
    """Dependencies to leave out: a workspace works without, and Azure may add one later."""
    friendly_name: str | None = None
    description: str | None = None
    identity: IdentitySpec = IdentitySpec(type="system_assigned")
    primary_identity_id: UserAssignedIdentityId | None = None
    """The user-assigned identity that the workspace acts as beside its system-assigned one."""
    public_network_access: Literal["enabled", "disabled"] = "enabled"
    managed_network: (
        Literal["disabled", "allow_internet_outbound", "allow_only_approved_outbound"] | None
    ) = None
    """Isolation of the managed virtual network. Default: as the workspace has it."""
    protect: bool = False
    """Refuse to delete or replace the workspace and its dependencies until `aml unprotect`."""
    tags: Tags = Field(default_factory=dict)
    """Added to the stack's tags; overrides those of the same name."""
