"""The prerequisites of a workspace, created on demand: storage, vault, insights, registry."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import (
    applicationinsights,
    authorization,
    containerregistry,
    keyvault,
    operationalinsights,
    storage,
)

from infra.components.inputs import child_options, derived, identifier
from infra.contract.json_types import JsonObject


@dataclass(frozen=True, kw_only=True)
class Prerequisites:
    """Declares prerequisites. Each method is called at most once and returns an id.

    ``name`` is the parent component's; ``names`` is a ``DerivedNames``, or an output of one.
    """

    parent: pulumi.Resource
    name: str
    names: object
    resource_group_name: pulumi.Input[str]
    location: pulumi.Input[str]
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None

    def storage_account(self) -> pulumi.Output[str]:
        account = storage.StorageAccount(
            f"{self.name}-storage",
            account_name=self._named("storage_account"),
            kind="StorageV2",
            sku=storage.SkuArgs(name="Standard_LRS"),
            allow_blob_public_access=False,
            enable_https_traffic_only=True,
            minimum_tls_version="TLS1_2",
            opts=child_options(self.parent, "storage:StorageAccount"),
            **self._shared(),
        )
        return identifier(account)

    def key_vault(self, tenant_id: pulumi.Input[str] | None) -> pulumi.Output[str]:
        """``tenant_id``: ``None`` for the tenant deployed to, as the provider reports it."""
        if tenant_id is None:
            options = pulumi.InvokeOutputOptions(parent=self.parent)
            tenant_id = authorization.get_client_config_output(opts=options).tenant_id
        vault = keyvault.Vault(
            f"{self.name}-vault",
            vault_name=self._named("key_vault"),
            properties=keyvault.VaultPropertiesArgs(
                tenant_id=tenant_id,
                sku=keyvault.SkuArgs(family="A", name="standard"),
                access_policies=[],
            ),
            # The service adds its own access policy; removing it would break the workspace.
            opts=child_options(
                self.parent, "keyvault:Vault", ignore_changes=["properties.accessPolicies"]
            ),
            **self._shared(),
        )
        return identifier(vault)

    def application_insights(self) -> pulumi.Output[str]:
        logs = operationalinsights.Workspace(
            f"{self.name}-logs",
            workspace_name=self._named("log_analytics"),
            sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
            retention_in_days=30,
            opts=child_options(self.parent, "operationalinsights:Workspace"),
            **self._shared(),
        )
        insights = applicationinsights.Component(
            f"{self.name}-insights",
            resource_name_=self._named("application_insights"),
            kind="web",
            application_type="web",
            ingestion_mode="LogAnalytics",
            workspace_resource_id=logs.id,
            opts=child_options(self.parent, "applicationinsights:Component"),
            **self._shared(),
        )
        return identifier(insights)

    def container_registry(self) -> pulumi.Output[str]:
        registry = containerregistry.Registry(
            f"{self.name}-registry",
            registry_name=self._named("container_registry"),
            sku=containerregistry.SkuArgs(name="Basic"),
            admin_user_enabled=True,  # the service pulls images as admin
            opts=child_options(self.parent, "containerregistry:Registry"),
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
