"""All resources of a stack: the workspace, its computes, and the resources around it."""

import hashlib
from collections.abc import Mapping

import pulumi

from infra.catalogue.names import parse_arm_id
from infra.components.builders import BUILDERS
from infra.components.compute import Target
from infra.components.context import (
    ReadCredential,
    StackContext,
    chosen_identity,
    identity_ids,
)
from infra.components.datastore import Datastore, DatastoreArgs, account_key, sas, service_principal
from infra.components.diagnostics import Diagnostics, DiagnosticsArgs
from infra.components.inputs import derived
from infra.components.network import Network, NetworkArgs, SecurityRule, Subnet
from infra.components.outbound import outbound_rules
from infra.components.prerequisite_args import PrerequisiteArgs
from infra.components.prerequisite_builders import prerequisite_args
from infra.components.private_access import PrivateAccess
from infra.components.role_assignment import RoleAssignment, RoleAssignmentArgs
from infra.components.services import (
    declare_connections,
    declare_registries,
    kubernetes_clusters,
)
from infra.components.user_identity import UserIdentity, UserIdentityArgs
from infra.components.vault_entries import VaultEntries
from infra.components.workspace import (
    Dependencies,
    EncryptionArgs,
    Workspace,
    WorkspaceArgs,
    WorkspaceIdentity,
)
from infra.spec.datastores import AccountKeySpec, DatastoreSpec, SasSpec, ServicePrincipalSpec
from infra.spec.networks import NetworkSpec, SubnetSpec
from infra.spec.prerequisites import AccessPolicySpec
from infra.spec.roles import WORKSPACE_ROLES, RoleAssignmentSpec
from infra.spec.stack import StackSpec


class Platform(pulumi.ComponentResource):
    """One environment: a workspace and everything around it.

    ``targets`` maps a compute's name to its entry in the manifest; ``credentials`` are the stack
    file's encrypted credentials that runs need, by target and field, all of them secret.
    """

    workspace: Workspace
    targets: Mapping[str, Target]
    credentials: Mapping[str, Mapping[str, pulumi.Input[str]]]

    def __init__(
        self,
        name: str,
        spec: StackSpec,
        *,
        credentials: ReadCredential,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare all of ``spec``. ``credentials`` reads a credential reference."""
        super().__init__("aml:platform:Platform", name, None, opts)
        self._name = name
        self._spec = spec
        self._identities: dict[str, UserIdentity] = {}
        self._networks: dict[str, Network] = {}
        self.workspace = self._workspace()
        context = StackContext(
            platform=self,
            name=name,
            spec=spec,
            workspace=self.workspace,
            read=credentials,
            identities=self._identities,
            subnets=self._subnets(self.workspace.resource_group_name),
        )
        clusters = kubernetes_clusters(context, self._options)
        context.clusters.update({name: each.attachable_id for name, each in clusters.items()})
        self._computes = {each.name: BUILDERS[each.kind](context, each) for each in spec.computes}
        self.targets = {name: compute.target for name, compute in self._computes.items()}
        for store in spec.datastores:
            self._datastore(context, store)
        for assignment in spec.role_assignments:
            self._role(assignment)
        declare_connections(context)
        declare_registries(context)
        VaultEntries(context=context, principal=self._principal).declare()
        PrivateAccess(
            platform=self,
            name=name,
            spec=spec,
            workspace=self.workspace,
            networks=self._networks,
        ).declare()
        self._diagnostics()
        self.credentials = context.sealed
        self.register_outputs({"workspace_id": self.workspace.workspace_id})

    @property
    def _options(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _workspace(self) -> Workspace:
        wanted = self._spec.workspace
        args = WorkspaceArgs(
            workspace_name=wanted.name,
            resource_group_name=wanted.resource_group,
            group_exists=wanted.group_exists,
            without=wanted.without,
            location=self._spec.location,
            storage_account_id=wanted.storage_account_id,
            key_vault_id=wanted.key_vault_id,
            application_insights_id=wanted.application_insights_id,
            container_registry_id=wanted.container_registry_id,
            friendly_name=wanted.friendly_name,
            description=wanted.description,
            declare_identity=self._declare_identity,
            public_network_access=wanted.public_network_access,
            managed_network=wanted.managed_network,
            outbound_rules=None
            if wanted.outbound_rules is None
            else outbound_rules(wanted.outbound_rules),
            image_build_compute=wanted.image_build_compute,
            high_business_impact=wanted.high_business_impact,
            encryption=None
            if wanted.encryption is None
            else EncryptionArgs(**wanted.encryption.model_dump()),
            system_datastores_auth=wanted.system_datastores_auth,
            v1_legacy_mode=wanted.v1_legacy_mode,
            kind=wanted.kind,
            hub_id=wanted.hub_id,
            declare_prerequisites=self._declare_prerequisites,
            tags={**self._spec.tags, **wanted.tags} or None,
        )
        options = pulumi.ResourceOptions(parent=self, protect=wanted.protect)
        return Workspace(f"{self._name}-workspace", args, options)

    def _declare_prerequisites(self, group_name: pulumi.Output[str]) -> PrerequisiteArgs:
        """Declare the networks whose subnets firewalls let in, and no other."""
        return prerequisite_args(
            self._spec, self._subnets(group_name) if _in_firewalls(self._spec) else {}
        )

    def _declare_identity(self, dependencies: Dependencies) -> WorkspaceIdentity:
        """Declare the stack's identities and the roles of the workspace's own."""
        for each in self._spec.identities:
            args = UserIdentityArgs(
                identity_name=each.name,
                resource_group_name=dependencies.resource_group_name,
                location=self._spec.location,
                tags={**self._spec.tags, **each.tags} or None,
            )
            name = f"{self._name}-{each.name}"
            self._identities[each.name] = UserIdentity(name, args, self._options)
        wanted = self._spec.workspace.identity
        chosen = chosen_identity(wanted, self._identities)
        wanted_primary = self._spec.workspace.primary_identity_id
        if wanted.type != "user_assigned":
            return WorkspaceIdentity(managed=chosen, primary=wanted_primary)
        return WorkspaceIdentity(
            managed=chosen,
            primary=identity_ids(wanted, self._identities)[0],
            depends_on=self._workspace_roles(wanted.names[0], dependencies) if wanted.names else (),
        )

    def _workspace_roles(self, identity: str, dependencies: Dependencies) -> list[pulumi.Resource]:
        return [
            RoleAssignment(
                f"{self._name}-{identity}-{role}-{scope}",
                RoleAssignmentArgs(
                    role=role,
                    principal_id=self._identities[identity].principal_id,
                    scope=getattr(dependencies, f"{scope}_id"),
                ),
                self._options,
            )
            for role, scope in WORKSPACE_ROLES
            # A dependency that the workspace is created without needs no role.
            if getattr(dependencies, f"{scope}_id") is not None
        ]

    def _subnets(self, group_name: pulumi.Output[str]) -> dict[str, pulumi.Output[str]]:
        """Declare the networks when they are first needed; return the ids of their subnets."""
        if not self._networks:
            self._networks = {
                wanted.name: self._network(wanted, group_name) for wanted in self._spec.networks
            }
        return {
            f"{name}/{subnet}": id_
            for name, network in self._networks.items()
            for subnet, id_ in network.subnet_ids.items()
        }

    def _network(self, wanted: NetworkSpec, group_name: pulumi.Output[str]) -> Network:
        args = NetworkArgs(
            network_name=wanted.name,
            resource_group_name=group_name,
            location=self._spec.location,
            address_space=wanted.address_space,
            subnets=[_subnet(each) for each in wanted.subnets],
            tags={**self._spec.tags, **wanted.tags} or None,
        )
        return Network(f"{self._name}-{wanted.name}", args, self._options)

    def _datastore(self, context: StackContext, wanted: DatastoreSpec) -> None:
        account = wanted.storage_account_id or self.workspace.dependencies.storage_account_id
        elsewhere = wanted.storage_account_id and parse_arm_id(wanted.storage_account_id)
        place = wanted.model_dump(include={"container", "create", "filesystem", "share"})
        args = DatastoreArgs(
            datastore_name=wanted.name,
            workspace_name=self.workspace.workspace_name,
            resource_group_name=self.workspace.resource_group_name,
            account_name=wanted.account_name or derived(_last, account or ""),
            account_resource_group=elsewhere.resource_group if elsewhere else None,
            account_subscription_id=elsewhere.subscription if elsewhere else None,
            credentials=_credentials(context, wanted.credentials),
            service_access=wanted.service_access,
            description=wanted.description,
            tags=context.tags(wanted.tags),
            **place,
        )
        Datastore(context.named(wanted.name), args, context.options)

    def _diagnostics(self) -> None:
        wanted, made = self._spec.diagnostics, self.workspace.dependencies
        if wanted is None:
            return
        for kind, id_, has_logs in (
            ("workspace", self.workspace.workspace_id, True),
            ("storage", made.storage_account_id, False),
            ("vault", made.key_vault_id, True),
            ("registry", made.container_registry_id, True),
        ):
            if id_ is None or (wanted.logs and has_logs, wanted.metrics) == (False, False):
                continue
            args = DiagnosticsArgs(
                resource_id=id_,
                log_analytics_id=wanted.log_analytics_id or made.log_analytics_id or "",
                storage_account_id=wanted.storage_account_id,
                logs=wanted.logs and has_logs,
                metrics=wanted.metrics,
            )
            Diagnostics(f"{self._name}-{kind}-diagnostics", args, self._options)

    def _role(self, wanted: RoleAssignmentSpec) -> None:
        who = wanted.identity or wanted.compute or wanted.principal_id or "workspace"
        where = wanted.scope or _distinct(wanted.scope_id or "")
        args = RoleAssignmentArgs(
            role=wanted.role,
            principal_id=self._principal(wanted),
            # Managed identities are service principals.
            principal_type=wanted.principal_type if wanted.principal_id else "service_principal",
            scope=self._scope(wanted),
            description=wanted.description,
        )
        RoleAssignment(f"{self._name}-{who}-{wanted.role}-{where}", args, self._options)

    def _principal(self, wanted: RoleAssignmentSpec | AccessPolicySpec) -> pulumi.Input[str]:
        if wanted.identity is not None:
            return self._identities[wanted.identity].principal_id
        if wanted.compute is not None:
            return self._computes[wanted.compute].principal_id
        return wanted.principal_id or self.workspace.principal_id

    def _scope(self, wanted: RoleAssignmentSpec) -> pulumi.Input[str]:
        match wanted.scope:
            case None:
                return wanted.scope_id or ""
            case "workspace":
                return self.workspace.workspace_id
            case "resource_group":
                return self.workspace.resource_group_id
        scope: pulumi.Input[str] = getattr(self.workspace.dependencies, f"{wanted.scope}_id")
        return scope


def _in_firewalls(spec: StackSpec) -> bool:
    walls = (spec.storage_account.firewall, spec.key_vault.firewall)
    return any(wall and wall.subnets for wall in walls)


def _subnet(wanted: SubnetSpec) -> Subnet:
    rules = [SecurityRule(**each.model_dump()) for each in wanted.security_rules]
    return Subnet(**wanted.model_dump(exclude={"security_rules"}), security_rules=rules)


def _credentials(context: StackContext, wanted: object) -> object:
    match wanted:
        case AccountKeySpec(key=key):
            return account_key(context.read(key))
        case SasSpec(token=token):
            return sas(context.read(token))
        case ServicePrincipalSpec(tenant_id=tenant, client_id=client, client_secret=secret):
            return service_principal(tenant, client, context.read(secret))
    return None


def _distinct(arm_id: str) -> str:
    """Return a short name for a resource, unique to its id."""
    digest = hashlib.sha256(arm_id.rstrip("/").lower().encode()).hexdigest()
    return f"{parse_arm_id(arm_id).name}-{digest[:6]}"


def _last(arm_id: str) -> str:
    return arm_id.rpartition("/")[2]
