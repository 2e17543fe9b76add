"""The workspace: what it is called, and which existing resources it takes instead of new ones."""

from typing import Literal

from pydantic import Field

from infra.spec.base import SpecModel
from infra.spec.identity import IdentitySpec
from infra.spec.names import (
    AmlComputeName,
    ApplicationInsightsId,
    ContainerRegistryId,
    KeyIdentifier,
    KeyVaultId,
    ResourceGroupName,
    StorageAccountId,
    UserAssignedIdentityId,
    WorkspaceId,
    WorkspaceName,
)
from infra.spec.outbound import OutboundRuleSpec
from infra.spec.private_endpoints import PrivateEndpointSpec
from infra.spec.tags import Tags


class EncryptionSpec(SpecModel):
    """The customer-managed key that encrypts what the workspace keeps."""

    key_vault_id: KeyVaultId
    """The vault of the key, with purge protection."""
    key: KeyIdentifier
    """URL of the key and its version."""
    identity_id: UserAssignedIdentityId | None = None
    """Reads the key. Default: the workspace's system-assigned identity."""


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
    private_endpoint: PrivateEndpointSpec | None = None
    """An address of its own in a subnet, for people and computes there."""
    outbound_rules: tuple[OutboundRuleSpec, ...] | None = None
    """Where the managed network leads to. Default: as the workspace has it."""
    image_build_compute: AmlComputeName | None = None
    """The cluster that builds images; needed behind a private registry. Default: as it has it."""
    high_business_impact: bool | None = None
    """Less diagnostic data to Microsoft, disks encrypted. Cannot be changed later."""
    encryption: EncryptionSpec | None = None
    """A key of your own. Cannot be added or removed later."""
    system_datastores_auth: Literal["access_key", "identity"] | None = None
    """How the default datastores are reached. Default: as the workspace has it."""
    v1_legacy_mode: bool | None = None
    """Refuse what is not in the first generation of the API. Default: as the workspace has it."""
    kind: Literal["default", "hub", "project"] | None = None
    """``project`` needs a hub. Default: as the workspace has it."""
    hub_id: WorkspaceId | None = None
    """The hub of a project, whose storage, vault and registry it uses. Cannot be changed later."""
    protect: bool = False
    """Refuse to delete or replace the workspace and its dependencies until `aml unprotect`."""
    tags: Tags = Field(default_factory=dict)
    """Added to the stack's tags; overrides those of the same name."""
