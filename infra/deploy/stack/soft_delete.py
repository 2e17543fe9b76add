"""A stack's policy for soft-deleted workspaces and key vaults, and what is soft-deleted now.

The service does the soft-deleting; recovering and purging are the provider's.
"""

from collections.abc import Sequence
from typing import Final

from infra.arm.client import Client
from infra.arm.soft_delete import (
    DeletedResource,
    SoftDeletePolicy,
    deleted_vaults,
    deleted_workspaces,
)
from infra.deploy.stack.stacks import Stack
from infra.spec.stack import StackSpec

NOUNS: Final = {
    "Microsoft.MachineLearningServices/workspaces": "workspace",
    "Microsoft.KeyVault/vaults": "key_vault",
}


def soft_delete_of(stack: Stack) -> SoftDeletePolicy:
    """Return the stack's policy, or the default of its cloud."""
    declared = stack.declared
    wanted = declared.soft_delete
    purgeable = not (isinstance(declared, StackSpec) and declared.key_vault.purge_protection)
    return SoftDeletePolicy(
        workspace=wanted.policy("workspace", cloud=stack.cloud),
        key_vault=wanted.policy("key_vault", cloud=stack.cloud, purgeable=purgeable),
        insists=wanted.key_vault is not None,
    )


def soft_deleted(client: Client, subscription: str) -> Sequence[DeletedResource]:
    """Return everything soft-deleted in a subscription, workspaces first."""
    return [*deleted_workspaces(client, subscription), *deleted_vaults(client, subscription)]
