"""What a stack does about deleted workspaces and vaults that keep their names, and what there is.

The service deletes softly; the provider recovers and purges.
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
from infra.spec.soft_delete import SoftDeleteSpec
from infra.spec.stack import StackSpec

NOUNS: Final = {
    "Microsoft.MachineLearningServices/workspaces": "workspace",
    "Microsoft.KeyVault/vaults": "key_vault",
}


def soft_delete_of(stack: Stack) -> SoftDeletePolicy:
    """Return what the stack says, or what its cloud makes of its silence."""
    declared = stack.declared  # a program of one's own has no such setting
    wanted = declared.soft_delete if isinstance(declared, StackSpec) else SoftDeleteSpec()
    return SoftDeletePolicy(
        workspace=wanted.policy("workspace", cloud=stack.cloud),
        key_vault=wanted.policy("key_vault", cloud=stack.cloud),
    )


def parked(client: Client, subscription: str) -> Sequence[DeletedResource]:
    """Return everything that is parked in a subscription, workspaces first."""
    return [*deleted_workspaces(client, subscription), *deleted_vaults(client, subscription)]
