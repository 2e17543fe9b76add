"""The access policies and secrets of a stack's own key vault."""

from collections.abc import Callable
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import authorization

from infra.components.context import StackContext
from infra.components.inputs import derived
from infra.components.vault_contents import (
    VaultAccessPolicy,
    VaultAccessPolicyArgs,
    VaultSecret,
    VaultSecretArgs,
)
from infra.contract.json_types import JsonObject
from infra.spec.prerequisites import AccessPolicySpec


@dataclass(frozen=True, kw_only=True)
class VaultEntries:
    """Declares what a stack puts into its vault. ``principal`` finds whom a policy is for."""

    context: StackContext
    principal: Callable[[AccessPolicySpec], pulumi.Input[str]]

    def declare(self) -> None:
        """Declare policies one after the other: a vault rejects concurrent changes of them."""
        wanted, made = self.context.spec.key_vault, self.context.workspace.dependencies
        if made.key_vault is None or not (wanted.access_policies or wanted.secrets):
            return
        # Azure ML adds a policy of its own when the workspace is made.
        before: pulumi.Resource = self.context.workspace
        for each in wanted.access_policies:
            before = self._policy(each, before)
        for secret in wanted.secrets:
            VaultSecret(
                self.context.named(f"secret-{secret.name}"),
                VaultSecretArgs(
                    **self._vault(),
                    secret_name=secret.name,
                    value=self.context.read(secret.value),
                    content_type=secret.content_type,
                    enabled=secret.enabled,
                    tags=self.context.tags(secret.tags),
                ),
                pulumi.ResourceOptions(parent=self.context.platform, depends_on=[before]),
            )

    def _policy(self, wanted: AccessPolicySpec, before: pulumi.Resource) -> pulumi.Resource:
        who = wanted.identity or wanted.compute or wanted.principal_id or ""
        options = pulumi.InvokeOutputOptions(parent=self.context.platform)
        return VaultAccessPolicy(
            self.context.named(f"policy-{who}"),
            VaultAccessPolicyArgs(
                **self._vault(),
                principal_id=self.principal(wanted),
                tenant_id=authorization.get_client_config_output(opts=options).tenant_id,
                secrets=wanted.secret_permissions,
                keys=wanted.key_permissions,
                certificates=wanted.certificate_permissions,
            ),
            pulumi.ResourceOptions(parent=self.context.platform, depends_on=[before]),
        )

    def _vault(self) -> JsonObject:
        made = self.context.workspace.dependencies
        return {
            "vault": made.key_vault,
            "vault_name": derived(_last, made.key_vault_id or ""),
            "resource_group_name": made.resource_group_name,
        }


def _last(arm_id: str) -> str:
    return arm_id.rpartition("/")[2]
