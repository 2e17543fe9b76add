"""An Azure ML workspace and the resources it depends on, in a resource group of their own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml
from pulumi_azure_native import resources

from infra.components.identity import managed_identity
from infra.components.inputs import child_options, derived, given, translated
from infra.components.prerequisites import Prerequisites
from infra.contract.json_types import JsonObject
from infra.spec.derived_names import derived_names

ACCESS: Final = {"enabled": "Enabled", "disabled": "Disabled"}
ISOLATION: Final = {
    "disabled": "Disabled",
    "allow_internet_outbound": "AllowInternetOutbound",
    "allow_only_approved_outbound": "AllowOnlyApprovedOutbound",
}


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The resources a workspace depends on: the name of its group, and ARM ids."""

    resource_group_name: pulumi.Output[str]
    storage_account_id: pulumi.Input[str]
    key_vault_id: pulumi.Input[str]
    application_insights_id: pulumi.Input[str] | None
    container_registry_id: pulumi.Input[str] | None


@dataclass(frozen=True, kw_only=True)
class WorkspaceIdentity:
    """The workspace's identity, and the role assignments it must wait for."""

    managed: ml.ManagedServiceIdentityArgs
    primary: pulumi.Input[str] | None = None
    """ARM id; required without a system-assigned identity."""
    depends_on: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class WorkspaceArgs:
    """Arguments of a workspace. "Replace": a new value deletes it and creates another."""

    workspace_name: pulumi.Input[str]
    """3-33 characters. Replace."""
    resource_group_name: pulumi.Input[str]
    """Created by the component; holds all of its resources. Replace."""
    group_exists: bool = False
    """Use an existing group. Default false. Setting it later deletes the created group: replace."""
    location: pulumi.Input[str]
    """Azure region. Replace."""
    storage_account_id: pulumi.Input[str] | None = None
    """ARM id of an existing account. Default: created. Replace."""
    key_vault_id: pulumi.Input[str] | None = None
    """ARM id of an existing vault. Default: created. Replace."""
    application_insights_id: pulumi.Input[str] | None = None
    """ARM id of an existing component. Default: created, with its log store. In place."""
    container_registry_id: pulumi.Input[str] | None = None
    """ARM id of an existing registry. Default: created. In place."""
    without: Collection[str] = ()
    """``application_insights``, ``container_registry``: created without these. Default none.
    In place; one created earlier is deleted."""
    tenant_id: pulumi.Input[str] | None = None
    """Tenant of the created vault. Default: the one deployed to. In place."""
    friendly_name: pulumi.Input[str] | None = None
    """Shown in the studio. Default: the name. In place."""
    description: pulumi.Input[str] | None = None
    """Free text. In place."""
    identity: ml.ManagedServiceIdentityArgs | None = None
    """From ``managed_identity``. Default: system-assigned. In place."""
    primary_user_assigned_identity: pulumi.Input[str] | None = None
    """ARM id; required without a system-assigned identity. In place."""
    declare_identity: Callable[[Dependencies], WorkspaceIdentity] | None = None
    """Replaces the two above: declares identities and roles in the workspace's group. In place."""
    public_network_access: pulumi.Input[str] = "enabled"
    """``enabled`` (default) or ``disabled``. In place."""
    managed_network: pulumi.Input[str] | None = None
    """``disabled``, ``allow_internet_outbound`` or ``allow_only_approved_outbound``. Default: as
    the workspace has it. In place."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Set on every created resource. Default none. In place."""


class Workspace(pulumi.ComponentResource):
    """An Azure ML workspace. Dependencies not given by id are created under derived names.

    ``protect`` in ``opts`` covers them as well.
    """

    workspace_id: pulumi.Output[str]
    workspace_name: pulumi.Output[str]
    resource_group_name: pulumi.Output[str]
    location: pulumi.Output[str]
    dependencies: Dependencies
    resource_group_id: pulumi.Output[str]
    principal_id: pulumi.Output[str]
    """Principal of the system-assigned identity; empty without one."""

    def __init__(
        self, name: str, args: WorkspaceArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("aml:platform:Workspace", name, None, opts)
        group_name, group_id = _group(self, name, args)
        prerequisites = Prerequisites(
            parent=self,
            name=name,
            names=derived(
                derived_names, args.workspace_name, args.resource_group_name, args.location
            ),
            resource_group_name=group_name,
            location=args.location,
            tags=args.tags,
        )
        dependencies = _dependencies(args, prerequisites, group_name)
        identity = args.declare_identity(dependencies) if args.declare_identity else _identity(args)
        workspace = ml.Workspace(
            name,
            workspace_name=args.workspace_name,
            resource_group_name=group_name,
            location=args.location,
            storage_account=dependencies.storage_account_id,
            key_vault=dependencies.key_vault_id,
            application_insights=dependencies.application_insights_id,
            container_registry=dependencies.container_registry_id,
            friendly_name=args.friendly_name,
            description=args.description,
            identity=identity.managed,
            primary_user_assigned_identity=identity.primary,
            public_network_access=translated(ACCESS, args.public_network_access),
            managed_network=_network(args),
            tags=args.tags,
            opts=child_options(
                self, "machinelearningservices:Workspace", depends_on=list(identity.depends_on)
            ),
        )
        self.dependencies = dependencies
        # With only user-assigned identities a workspace has no principal of its own.
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


def _dependencies(
    args: WorkspaceArgs, prerequisites: Prerequisites, group_name: pulumi.Output[str]
) -> Dependencies:
    return Dependencies(
        resource_group_name=group_name,
        storage_account_id=given(args.storage_account_id, prerequisites.storage_account),
        key_vault_id=given(args.key_vault_id, lambda: prerequisites.key_vault(args.tenant_id)),
        application_insights_id=None
        if "application_insights" in args.without
        else given(args.application_insights_id, prerequisites.application_insights),
        container_registry_id=None
        if "container_registry" in args.without
        else given(args.container_registry_id, prerequisites.container_registry),
    )


def _group(
    parent: pulumi.Resource, name: str, args: WorkspaceArgs
) -> tuple[pulumi.Output[str], pulumi.Output[str] | None]:
    """Return the group's name, and its id if the component creates it."""
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


def _network(args: WorkspaceArgs) -> JsonObject | None:
    if args.managed_network is None:
        return None
    # Not the SDK's class: it adds `enableNetworkMonitor: false`, which would switch it off.
    return {"isolation_mode": translated(ISOLATION, args.managed_network)}


def _identity(args: WorkspaceArgs) -> WorkspaceIdentity:
    return WorkspaceIdentity(
        managed=args.identity or managed_identity("system_assigned"),
        primary=args.primary_user_assigned_identity,
    )
