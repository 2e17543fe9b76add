"""The prerequisites of a workspace, created on demand: storage, vault, insights, registry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import (
    applicationinsights,
    authorization,
    containerregistry,
    keyvault,
    operationalinsights,
    storage,
)

from infra.components.inputs import child_options, derived, identifier, translated, without_nothing
from infra.components.prerequisite_args import (
    ACCESS,
    ContainerRegistryArgs,
    KeyVaultArgs,
    StorageAccountArgs,
)
from infra.contract.json_types import JsonObject

_LONGEST_DAYS: Final = 90
"""The retention of a vault that says nothing."""


@dataclass(frozen=True, kw_only=True)
class Prerequisites:
    """Declares prerequisites. Each method is called at most once and returns an id, or the vault.

    ``name`` is the parent component's; ``names`` is a ``DerivedNames``, or an output of one.
    """

    parent: pulumi.Resource
    name: str
    names: object
    resource_group_name: pulumi.Input[str]
    location: pulumi.Input[str]
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None

    def storage_account(self, args: StorageAccountArgs) -> pulumi.Output[str]:
        account = storage.StorageAccount(
            f"{self.name}-storage",
            account_name=self._named("storage_account"),
            kind="StorageV2",
            sku=storage.SkuArgs(name=args.sku),
            allow_blob_public_access=False,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            opts=child_options(self.parent, "storage:StorageAccount"),
            **_access(args.public_network_access),
            **without_nothing(
                allow_shared_key_access=None if args.shared_key_access else False,
                network_rule_set=args.firewall
                and args.firewall.rules("i_p_address_or_range", "virtual_network_resource_id"),
            ),
            **self._shared(),
        )
        if args.has_blob_settings:
            self._blob_service(account, args)
        return identifier(account)

    def _blob_service(self, account: storage.StorageAccount, args: StorageAccountArgs) -> None:
        storage.BlobServiceProperties(
            f"{self.name}-storage-blobs",
            account_name=account.name,
            resource_group_name=self.resource_group_name,
            blob_services_name="default",
            delete_retention_policy=_kept_days(args.blob_soft_delete_days),
            container_delete_retention_policy=_kept_days(args.container_soft_delete_days),
            is_versioning_enabled=args.versioning,
            cors=storage.CorsRulesArgs(
                cors_rules=[
                    storage.CorsRuleArgs(
                        allowed_origins=each.origins,
                        allowed_methods=each.methods,
                        allowed_headers=each.allowed_headers,
                        exposed_headers=each.exposed_headers,
                        max_age_in_seconds=each.max_age_seconds,
                    )
                    for each in args.cors
                ]
            ),
            opts=child_options(self.parent, "storage:BlobServiceProperties"),
        )

    def key_vault(
        self, args: KeyVaultArgs, tenant_id: pulumi.Input[str] | None
    ) -> pulumi.CustomResource:
        """``tenant_id``: ``None`` for the tenant deployed to, as the provider reports it."""
        if tenant_id is None:
            options = pulumi.InvokeOutputOptions(parent=self.parent)
            tenant_id = authorization.get_client_config_output(opts=options).tenant_id
        vault: pulumi.CustomResource = keyvault.Vault(
            f"{self.name}-vault",
            vault_name=self._named("key_vault"),
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=tenant_id,
                sku=keyvault.SkuArgs(family="A", name=args.sku),
                access_policies=[],
                **_access(args.public_network_access),
                **without_nothing(
                    enable_purge_protection=args.purge_protection or None,
                    enable_rbac_authorization=args.rbac or None,
                    soft_delete_retention_in_days=None
                    if args.soft_delete_days == _LONGEST_DAYS
                    else args.soft_delete_days,
                    network_acls=args.firewall and args.firewall.rules("value", "id"),
                ),
            ),
            # The service adds its own access policy; removing it would break the workspace.
            opts=child_options(
                self.parent, "keyvault:Vault", ignore_changes=["properties.accessPolicies"]
            ),
            **self._shared(),
        )
        return vault

    def log_analytics(self) -> pulumi.Output[str]:
        logs = operationalinsights.Workspace(
            f"{self.name}-logs",
            workspace_name=self._named("log_analytics"),
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=30,
            opts=child_options(self.parent, "operationalinsights:Workspace"),
            **self._shared(),
        )
        return identifier(logs)

    def application_insights(self, log_analytics_id: pulumi.Input[str]) -> pulumi.Output[str]:
        insights = applicationinsights.Component(
            f"{self.name}-insights",
            resource_name_=self._named("application_insights"),
            kind="web",
            application_type="web",
            ingestion_mode="LogAnalytics",
            workspace_resource_id=log_analytics_id,
            opts=child_options(self.parent, "applicationinsights:Component"),
            **self._shared(),
        )
        return identifier(insights)

    def container_registry(self, args: ContainerRegistryArgs) -> pulumi.Output[str]:
        registry = containerregistry.Registry(
            f"{self.name}-registry",
            registry_name=self._named("container_registry"),
            sku=containerregistry.SkuArgs(name=args.sku),
            admin_user_enabled=args.admin_user,
            opts=child_options(self.parent, "containerregistry:Registry"),
            **_access(args.public_network_access),
            **without_nothing(network_rule_set=_only(args)),
            **self._shared(),
        )
        return identifier(registry)

    def _named(self, field: str) -> object:
        return derived(lambda names: str(getattr(names, field)), self.names)

    def _shared(self) -> JsonObject:
        return {
            "resource_group_name": self.resource_group_name,
            "location": self.location,
            "tags": self.tags,
        }


def _access(word: pulumi.Input[str]) -> JsonObject:
    """Return the argument for public access, nothing for the service's default."""
    return {} if word == "enabled" else {"public_network_access": translated(ACCESS, word)}


def _kept_days(days: int | None) -> JsonObject:
    return {"enabled": True, "days": days} if days else {"enabled": False}


def _only(args: ContainerRegistryArgs) -> JsonObject | None:
    """Return the rules that let in the listed addresses alone."""
    if not args.ip_rules:
        return None
    rules = [{"action": "Allow", "i_p_address_or_range": each} for each in args.ip_rules]
    return {"default_action": "Deny", "ip_rules": rules}
