"""Arguments of what is created for a workspace: storage account, key vault, container registry."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi

from infra.contract.json_types import JsonObject

ACCESS: Final = {"enabled": "Enabled", "disabled": "Disabled"}
_ACTIONS: Final = {"allow": "Allow", "deny": "Deny"}


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """Which networks may reach a service. A new value changes the service in place."""

    default_action: str = "deny"
    """``allow`` or ``deny`` (default): for requests from elsewhere. In place."""
    ip_rules: Sequence[pulumi.Input[str]] = ()
    """Public IPv4 addresses and ranges that are let in. Default none. In place."""
    subnet_ids: Sequence[pulumi.Input[str]] = ()
    """ARM ids of subnets that are let in. Default none. In place."""
    azure_services: bool = True
    """Let trusted services of Azure in. Default true. In place."""

    def rules(self, address: str, subnet: str) -> JsonObject:
        """Return the service's form; the two names are its keys of an address and of a subnet."""
        return {
            "bypass": "AzureServices" if self.azure_services else "None",
            "default_action": _ACTIONS[self.default_action],
            "ip_rules": [{address: each} for each in self.ip_rules],
            "virtual_network_rules": [{subnet: each} for each in self.subnet_ids],
        }


@dataclass(frozen=True, kw_only=True)
class CorsRule:
    """Which web pages may read blobs; all parts as the service has them."""

    origins: Sequence[str]
    methods: Sequence[str]
    allowed_headers: Sequence[str]
    exposed_headers: Sequence[str]
    max_age_seconds: int


@dataclass(frozen=True, kw_only=True)
class StorageAccountArgs:
    """Arguments of a created account. "Replace": a new value replaces it, and the workspace."""

    sku: pulumi.Input[str] = "Standard_LRS"
    """Performance and redundancy. Default ``Standard_LRS``. In place within a performance tier;
    to or from zone redundancy: replace."""
    public_network_access: pulumi.Input[str] = "enabled"
    """``enabled`` (default) or ``disabled``. In place."""
    shared_key_access: bool = True
    """Whether the account's keys open it. Default true. In place."""
    firewall: FirewallArgs | None = None
    """Default: open to all networks. In place."""
    blob_soft_delete_days: int | None = None
    """1-365 days in which deleted blobs can be restored. Default: none. In place."""
    container_soft_delete_days: int | None = None
    """1-365 days in which deleted containers can be restored. Default: none. In place."""
    versioning: bool = False
    """Keep earlier versions of blobs. Default false. In place."""
    cors: Sequence[CorsRule] = field(default=())
    """At most five. Default none. In place."""

    @property
    def has_blob_settings(self) -> bool:
        """Whether the account's blob service differs from the one that Azure makes."""
        days = self.blob_soft_delete_days or self.container_soft_delete_days
        return bool(days or self.versioning or self.cors)


@dataclass(frozen=True, kw_only=True)
class KeyVaultArgs:
    """Arguments of a created vault. "Replace": a new value replaces it, and the workspace."""

    sku: pulumi.Input[str] = "standard"
    """``standard`` (default) or ``premium``. In place."""
    public_network_access: pulumi.Input[str] = "enabled"
    """``enabled`` (default) or ``disabled``. In place."""
    firewall: FirewallArgs | None = None
    """Default: open to all networks. In place."""
    purge_protection: bool = False
    """Default false. Switched on in place; switched off: replace, which Azure refuses."""
    soft_delete_days: int = 90
    """7-90 days. Default 90. Replace."""
    rbac: bool = False
    """Roles decide who reads secrets, not policies of the vault. Default false. In place."""


@dataclass(frozen=True, kw_only=True)
class ContainerRegistryArgs:
    """Arguments of a created registry. All change in place."""

    sku: pulumi.Input[str] = "Basic"
    """``Basic`` (default), ``Standard`` or ``Premium``. In place."""
    public_network_access: pulumi.Input[str] = "enabled"
    """``enabled`` (default) or ``disabled``, which needs Premium. In place."""
    admin_user: bool = True
    """Whether there is an admin user, as whom Azure ML pulls images. Default true. In place."""
    ip_rules: Sequence[pulumi.Input[str]] = ()
    """Public addresses that are let in, and no others. Needs Premium. Default: all. In place."""


@dataclass(frozen=True, kw_only=True)
class PrerequisiteArgs:
    """Arguments of all that is created for a workspace."""

    storage_account: StorageAccountArgs = StorageAccountArgs()
    """Default: open to all networks, with keys. In place, except as its arguments say."""
    key_vault: KeyVaultArgs = KeyVaultArgs()
    """Default: open to all networks, without purge protection. In place, except as they say."""
    container_registry: ContainerRegistryArgs = ContainerRegistryArgs()
    """Default: Basic, with an admin user. In place."""


NOTHING_SAID: Final = PrerequisiteArgs()
"""What is created as the service makes it."""
