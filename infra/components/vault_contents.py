"""What a stack puts into a key vault: secrets, and access policies beside those of Azure ML.

Like ``network``, this module references no class of the SDK before there is something to declare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import keyvault

from infra.components.inputs import child_options, secret_input, without_nothing


@dataclass(frozen=True, kw_only=True)
class VaultSecretArgs:
    """Arguments of a secret. "Replace": a new value deletes it and creates another."""

    secret_name: pulumi.Input[str]
    """1-127 letters, digits and hyphens. Replace."""
    vault_name: pulumi.Input[str]
    """The vault. Replace."""
    resource_group_name: pulumi.Input[str]
    """The vault's resource group. Replace."""
    value: pulumi.Input[str]
    """The secret; encrypted in state, and in no output. In place: a new version."""
    content_type: pulumi.Input[str] | None = None
    """Free text that says what it is. Default none. In place."""
    enabled: bool = True
    """Whether it can be read. Default true. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Default none. In place."""
    vault: pulumi.Resource | None = None
    """The vault, if the program makes it: a secret that goes with it is not deleted on its own.
    In place."""


class VaultSecret(pulumi.ComponentResource):
    """A secret in a key vault. ``secret_uri`` is its URL, without its version."""

    secret_uri: pulumi.Output[str]

    def __init__(
        self, name: str, args: VaultSecretArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:VaultSecret", name, None, opts)
        attributes = None if args.enabled else keyvault.SecretAttributesArgs(enabled=False)
        made = keyvault.Secret(
            name,
            secret_name=args.secret_name,
            vault_name=args.vault_name,
            resource_group_name=args.resource_group_name,
            properties=keyvault.SecretPropertiesArgs(
                value=secret_input(args.value),
                **without_nothing(content_type=args.content_type, attributes=attributes),
            ),
            tags=args.tags,
            opts=child_options(self, "keyvault:Secret", deleted_with=args.vault),
        )
        self.secret_uri = made.properties.apply(lambda found: found.secret_uri)
        self.register_outputs({"secret_uri": self.secret_uri})


@dataclass(frozen=True, kw_only=True)
class VaultAccessPolicyArgs:
    """Arguments of an access policy. "Replace": a new value removes it and adds another."""

    vault_name: pulumi.Input[str]
    """The vault. Replace."""
    resource_group_name: pulumi.Input[str]
    """The vault's resource group. Replace."""
    principal_id: pulumi.Input[str]
    """Object id of the identity, user or group, which has at most one. Replace."""
    tenant_id: pulumi.Input[str]
    """The vault's tenant. Replace."""
    secrets: Sequence[pulumi.Input[str]] = ()
    """Permissions for secrets: ``get``, ``list``, … Default none. In place."""
    keys: Sequence[pulumi.Input[str]] = ()
    """Permissions for keys. Default none. In place."""
    certificates: Sequence[pulumi.Input[str]] = ()
    """Permissions for certificates. Default none. In place."""
    vault: pulumi.Resource | None = None
    """The vault, if the program makes it: a policy goes with it. In place."""


class VaultAccessPolicy(pulumi.ComponentResource):
    """What one principal may do in a vault; all other policies of the vault stay."""

    policy_id: pulumi.Output[str]

    def __init__(
        self, name: str, args: VaultAccessPolicyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:VaultAccessPolicy", name, None, opts)
        made = keyvault.AccessPolicy(
            name,
            vault_name=args.vault_name,
            resource_group_name=args.resource_group_name,
            policy=keyvault.AccessPolicyEntryArgs(
                object_id=args.principal_id,
                tenant_id=args.tenant_id,
                permissions=keyvault.PermissionsArgs(
                    **without_nothing(
                        secrets=list(args.secrets) or None,
                        keys=list(args.keys) or None,
                        certificates=list(args.certificates) or None,
                    )
                ),
            ),
            opts=child_options(self, "keyvault:AccessPolicy", deleted_with=args.vault),
        )
        self.policy_id = made.id
        self.register_outputs({"policy_id": self.policy_id})
