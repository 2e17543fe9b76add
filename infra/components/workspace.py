"""An Azure ML workspace and the resources it depends on, in a resource group of their own."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml
from pulumi_azure_native import resources

from infra.components.identity import managed_identity
from infra.components.inputs import (
    child_options,
    derived,
    further_arguments,
    given,
    identifier,
    translated,
    without_nothing,
)
from infra.components.outbound import OutboundRules
from infra.components.prerequisite_args import ACCESS, NOTHING_SAID, PrerequisiteArgs
from infra.components.prerequisites import Prerequisites
from infra.contract.json_types import JsonObject
from infra.spec.derived_names import derived_names

ISOLATION: Final = {
    "disabled": "Disabled",
    "allow_internet_outbound": "AllowInternetOutbound",
    "allow_only_approved_outbound": "AllowOnlyApprovedOutbound",
}
KINDS: Final = {"default": "Default", "hub": "Hub", "project": "Project"}
_OWN: Final = {
    "workspace_name": "workspace_name",
    "resource_group_name": "resource_group_name",
    "location": "location",
    "storage_account": "storage_account_id",
    "key_vault": "key_vault_id",
    "application_insights": "application_insights_id",
    "container_registry": "container_registry_id",
    "friendly_name": "friendly_name",
    "description": "description",
    "identity": "identity",
    "primary_user_assigned_identity": "primary_user_assigned_identity",
    "public_network_access": "public_network_access",
    "managed_network": "managed_network or outbound_rules",
    "tags": "tags",
    "image_build_compute": "image_build_compute",
    "hbi_workspace": "high_business_impact",
    "encryption": "encryption",
    "system_datastores_auth_mode": "system_datastores_auth",
    "v1_legacy_mode": "v1_legacy_mode",
    "kind": "kind",
    "hub_resource_id": "hub_id",
}
"""The SDK's arguments that the component has itself, and what it calls them."""
DATASTORES_AUTH: Final = {"access_key": "AccessKey", "identity": "Identity"}


@dataclass(frozen=True, kw_only=True)
class Dependencies:
    """The resources a workspace depends on: the name of its group, and ARM ids.

    A project has none of its own: those of its hub serve it.
    """

    resource_group_name: pulumi.Output[str]
    storage_account_id: pulumi.Input[str] | None
    key_vault_id: pulumi.Input[str] | None
    application_insights_id: pulumi.Input[str] | None
    container_registry_id: pulumi.Input[str] | None
    log_analytics_id: pulumi.Input[str] | None = None
    """Only of a store that is created."""
    key_vault: pulumi.Resource | None = None
    """Only a vault that is created."""


@dataclass(frozen=True, kw_only=True)
class WorkspaceIdentity:
    """The workspace's identity, and the role assignments it must wait for."""

    managed: ml.ManagedServiceIdentityArgs
    primary: pulumi.Input[str] | None = None
    """ARM id; required without a system-assigned identity."""
    depends_on: Sequence[pulumi.Resource] = ()


@dataclass(frozen=True, kw_only=True)
class EncryptionArgs:
    """The customer-managed key of a workspace. Only the key itself changes in place."""

    key_vault_id: pulumi.Input[str]
    """ARM id of the key's vault. Replace."""
    key: pulumi.Input[str]
    """URL of the key and its version. In place."""
    identity_id: pulumi.Input[str] | None = None
    """ARM id of the identity that reads the key. Default: the system-assigned one. Replace."""

    def property(self) -> ml.EncryptionPropertyArgs:
        """Return it as the service has it."""
        return ml.EncryptionPropertyArgs(
            status="Enabled",
            key_vault_properties=ml.KeyVaultPropertiesArgs(
                key_vault_arm_id=self.key_vault_id, key_identifier=self.key
            ),
            identity=None
            if self.identity_id is None
            else ml.IdentityForCmkArgs(user_assigned_identity=self.identity_id),
        )


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
    prerequisites: PrerequisiteArgs = NOTHING_SAID
    """Settings of the created account, vault and registry. In place, except as they say."""
    declare_prerequisites: Callable[[pulumi.Output[str]], PrerequisiteArgs] | None = None
    """Replaces ``prerequisites``: gets the group's name, and declares the networks to which the
    settings refer. In place."""
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
    outbound_rules: OutboundRules | None = None
    """Rules of the managed network, from ``fqdn_rule``, ``service_tag_rule`` and
    ``private_endpoint_rule``, by name. Default: as the workspace has them. In place."""
    image_build_compute: pulumi.Input[str] | None = None
    """Name of the cluster that builds images. Default: as the workspace has it. In place."""
    high_business_impact: bool | None = None
    """Less diagnostic data to Microsoft. Default: as the workspace has it. Replace."""
    encryption: EncryptionArgs | None = None
    """A key of your own. Default: Microsoft's. Replace."""
    system_datastores_auth: pulumi.Input[str] | None = None
    """``access_key`` or ``identity``. Default: as the workspace has it. In place."""
    v1_legacy_mode: bool | None = None
    """Refuse the newer API. Default: as the workspace has it. In place."""
    kind: pulumi.Input[str] | None = None
    """``default``, ``hub`` or ``project``. Default: as the workspace has it. Replace."""
    hub_id: pulumi.Input[str] | None = None
    """ARM id of a project's hub, whose storage, vault and registry it uses. Replace."""
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    """Set on every created resource. Default none. In place."""
    sdk_arguments: Mapping[str, object] = field(default_factory=dict)
    """Further arguments of ``pulumi_azure_native``'s ``Workspace`` by their names there, such as
    ``serverless_compute_settings``. Default none. In place or replace, as the table of updates
    says."""


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
            **_as_found_unless_given(args),
            **further_arguments(args.sdk_arguments, ml.WorkspaceArgs, _OWN),
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
    if args.hub_id is not None:
        return Dependencies(
            resource_group_name=group_name,
            storage_account_id=None,
            key_vault_id=None,
            application_insights_id=None,
            container_registry_id=None,
        )
    declare = args.declare_prerequisites
    wanted = declare(group_name) if declare else args.prerequisites
    storage = given(
        args.storage_account_id, lambda: prerequisites.storage_account(wanted.storage_account)
    )
    vault = None
    if args.key_vault_id is None:
        vault = prerequisites.key_vault(wanted.key_vault, args.tenant_id)
    insights, logs = args.application_insights_id, None
    if "application_insights" in args.without:
        insights = None
    elif insights is None:
        logs = prerequisites.log_analytics()
        insights = prerequisites.application_insights(logs)
    return Dependencies(
        resource_group_name=group_name,
        storage_account_id=storage,
        key_vault_id=args.key_vault_id if vault is None else identifier(vault),
        application_insights_id=insights,
        container_registry_id=None
        if "container_registry" in args.without
        else given(
            args.container_registry_id,
            lambda: prerequisites.container_registry(wanted.container_registry),
        ),
        log_analytics_id=logs,
        key_vault=vault,
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
    isolation = args.managed_network and translated(ISOLATION, args.managed_network)
    # Not the SDK's class: it adds `enableNetworkMonitor: false`, which would switch it off.
    parts = without_nothing(isolation_mode=isolation, outbound_rules=args.outbound_rules)
    return parts or None


def _as_found_unless_given(args: WorkspaceArgs) -> JsonObject:
    """Return the arguments without which the workspace stays as the service has it."""
    return without_nothing(
        image_build_compute=args.image_build_compute,
        hbi_workspace=args.high_business_impact,
        encryption=args.encryption and args.encryption.property(),
        system_datastores_auth_mode=args.system_datastores_auth
        and translated(DATASTORES_AUTH, args.system_datastores_auth),
        v1_legacy_mode=args.v1_legacy_mode,
        kind=args.kind and translated(KINDS, args.kind),
        hub_resource_id=args.hub_id,
    )


def _identity(args: WorkspaceArgs) -> WorkspaceIdentity:
    return WorkspaceIdentity(
        managed=args.identity or managed_identity("system_assigned"),
        primary=args.primary_user_assigned_identity,
    )
