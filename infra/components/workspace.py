"""A workspace and what it stands on, in a resource group of their own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml
from pulumi_azure_native import resources

from infra.components.foundation import Foundation
from infra.components.identity import managed_identity
from infra.components.inputs import child_options, derived, given, translated
from infra.spec.derived_names import derived_names

ACCESS: Final = {"enabled": "Enabled", "disabled": "Disabled"}


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a workspace is about to stand on: the group's name, and ARM ids."""

    resource_group_name: pulumi.Output[str]
    storage_account_id: pulumi.Input[str]
    key_vault_id: pulumi.Input[str]
    application_insights_id: pulumi.Input[str] | None
    container_registry_id: pulumi.Input[str] | None


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Whom a workspace acts as, and what must be there before it does (its roles)."""

    identity: ml.ManagedServiceIdentityArgs
    primary: pulumi.Input[str] | None = None
    """ARM id; needed where there is no system-assigned identity."""
    after: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class WorkspaceArgs:
    """What a workspace is. "Replace" means: another value deletes it and makes a new one."""

    workspace_name: pulumi.Input[str]
    """3-33 characters. Replace."""
    resource_group_name: pulumi.Input[str]
    """The group is made here and holds all of it. Replace."""
    group_exists: bool = False
    """Use a group that is there. Default false. Set later, it deletes the group made: replace."""
    location: pulumi.Input[str]
    """Azure region. Replace."""
    storage_account_id: pulumi.Input[str] | None = None
    """ARM id of an existing account. Default: made. Replace."""
    key_vault_id: pulumi.Input[str] | None = None
    """ARM id of an existing vault. Default: made. Replace."""
    application_insights_id: pulumi.Input[str] | None = None
    """ARM id of an existing component. Default: made, with its log store. In place."""
    container_registry_id: pulumi.Input[str] | None = None
    """ARM id of an existing registry. Default: made. In place."""
    without: Collection[str] = ()
    """``application_insights``, ``container_registry``: neither given nor made. Default none.
    In place; what was made before is deleted."""
    tenant_id: pulumi.Input[str] | None = None
    """Tenant of a vault made here. Default: the one deployed to. In place."""
    friendly_name: pulumi.Input[str] | None = None
    """Shown in the studio. Default: the name. In place."""
    description: pulumi.Input[str] | None = None
    """Free text. In place."""
    identity: ml.ManagedServiceIdentityArgs | None = None
    """From ``managed_identity``. Default: system-assigned. In place."""
    primary_user_assigned_identity: pulumi.Input[str] | None = None
    """ARM id; needed where there is no system-assigned identity. In place."""
    acting: Callable[[Standing], Acting] | None = None
    """Instead of the two above: declares identities and roles once there is a group. In place."""
    public_network_access: pulumi.Input[str] = "enabled"
    """``enabled`` (default) or ``disabled``. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """On everything made here. Default none. In place."""


class Workspace(pulumi.ComponentResource):
    """One Azure ML workspace. What is not given by id is made beside it, under derived names.

    ``protect`` in ``opts`` covers everything it stands on as well.
    """

    workspace_id: pulumi.Output[str]
    workspace_name: pulumi.Output[str]
    resource_group_name: pulumi.Output[str]
    location: pulumi.Output[str]
    standing: Standing
    resource_group_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    """Of the system-assigned identity; empty where there is none."""

    def __init__(
        self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:Workspace", name, None, opts)
        group_name, group_id = _group(self, name, args)
        made = Foundation(
            parent=self,
            name=name,
            names=derived(
                derived_names, args.workspace_name, args.resource_group_name, args.location
            ),
            resource_group_name=group_name,
            location=args.location,
            tags=args.tags,
        )
        standing = _standing(args, made, group_name)
        acting = args.acting(standing) if args.acting else _acting(args)
        workspace = ml.Workspace(
            name,
            workspace_name=args.workspace_name,
            resource_group_name=group_name,
            location=args.location,
            storage_account=standing.storage_account_id,
            key_vault=standing.key_vault_id,
            application_insights=standing.application_insights_id,
            container_registry=standing.container_registry_id,
            friendly_name=args.friendly_name,
            description=args.description,
            identity=acting.identity,
            primary_user_assigned_identity=acting.primary,
            public_network_access=translated(ACCESS, args.public_network_access),
            sku=ml.SkuArgs(name="Basic", tier="Basic"),
            tags=args.tags,
            opts=child_options(
                self, "machinelearningservices:Workspace", depends_on=list(acting.after)
            ),
        )
        self.standing = standing
        self.principal_id = workspace.identity.apply(
            lambda identity: (identity.principal_id if identity else None) or ""
        )
        self.workspace_id = workspace.id
        self.resource_group_id = group_id or workspace.id.apply(_group_of)
        self.workspace_name = workspace.name
        self.resource_group_name = group_name
        self.location = pulumi.Output.from_input(args.location)
        self.register_outputs(
            {
                "workspace_id": self.workspace_id,
                "workspace_name": self.workspace_name,
                "resource_group_name": self.resource_group_name,
            }
        )


def _group_of(workspace_id: str) -> str:
    return workspace_id.partition("/providers/")[0]


def _standing(args: WorkspaceArgs, made: Foundation, group_name: pulumi.Output[str]) -> Standing:
    return Standing(
        resource_group_name=group_name,
        storage_account_id=given(args.storage_account_id, made.storage_account),
        key_vault_id=given(args.key_vault_id, lambda: made.key_vault(args.tenant_id)),
        application_insights_id=None
        if "application_insights" in args.without
        else given(args.application_insights_id, made.application_insights),
        container_registry_id=None
        if "container_registry" in args.without
        else given(args.container_registry_id, made.container_registry),
    )


def _group(
    parent: pulumi.Resource, name: str, args: WorkspaceArgs
) -> tuple[pulumi.Output[str], pulumi.Output[str] | None]:
    """Return the group's name, and its id where it is made here."""
    if args.group_exists:
        return pulumi.Output.from_input(args.resource_group_name), None
    group = resources.ResourceGroup(
        f"{name}-group",
        resource_group_name=args.resource_group_name,
        location=args.location,
        tags=args.tags,
        opts=child_options(parent, "resources:ResourceGroup"),
    )
    return group.name, group.id


def _acting(args: WorkspaceArgs) -> Acting:
    return Acting(
        identity=args.identity or managed_identity("system_assigned"),
        primary=args.primary_user_assigned_identity,
    )
