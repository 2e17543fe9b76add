"""From the stack file's settings of account, vault and registry to their arguments."""

from collections.abc import Mapping

import pulumi

from infra.components.prerequisite_args import (
    ContainerRegistryArgs,
    CorsRule,
    FirewallArgs,
    KeyVaultArgs,
    PrerequisiteArgs,
    StorageAccountArgs,
)
from infra.spec.prerequisites import BlobServiceSpec, FirewallSpec
from infra.spec.stack import StackSpec

Subnets = Mapping[str, pulumi.Output[str]]
"""Ids of declared subnets by ``network/subnet``."""


def prerequisite_args(spec: StackSpec, subnets: Subnets) -> PrerequisiteArgs:
    """Return the arguments of everything that is created for the workspace."""
    storage, vault, registry = spec.storage_account, spec.key_vault, spec.container_registry
    blobs = storage.blobs or BlobServiceSpec()
    return PrerequisiteArgs(
        storage_account=StorageAccountArgs(
            sku=storage.sku,
            public_network_access=storage.public_network_access,
            shared_key_access=storage.shared_key_access == "enabled",
            firewall=_firewall(storage.firewall, subnets),
            blob_soft_delete_days=blobs.soft_delete_days,
            container_soft_delete_days=blobs.container_soft_delete_days,
            versioning=blobs.versioning,
            cors=[CorsRule(**each.model_dump()) for each in blobs.cors],
        ),
        key_vault=KeyVaultArgs(
            sku=vault.sku,
            public_network_access=vault.public_network_access,
            firewall=_firewall(vault.firewall, subnets),
            purge_protection=vault.purge_protection,
            soft_delete_days=vault.soft_delete_days,
            rbac=vault.authorization == "rbac",
        ),
        container_registry=ContainerRegistryArgs(
            sku=registry.sku,
            public_network_access=registry.public_network_access,
            admin_user=registry.admin_user,
            ip_rules=registry.ip_rules,
        ),
    )


def _firewall(wanted: FirewallSpec | None, subnets: Subnets) -> FirewallArgs | None:
    if wanted is None:
        return None
    return FirewallArgs(
        default_action=wanted.default_action,
        ip_rules=wanted.ip_rules,
        subnet_ids=[*(subnets[each] for each in wanted.subnets), *wanted.subnet_ids],
        azure_services=wanted.azure_services,
    )
