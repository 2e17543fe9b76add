"""Everything of one stack: its workspace and its computes, from a spec."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import pulumi
from pulumi_azure_native import machinelearningservices as ml

from infra.components.cluster import Cluster, ClusterArgs
from infra.components.identity import managed_identity
from infra.components.workspace import Workspace, WorkspaceArgs
from infra.spec.computes import AmlComputeSpec
from infra.spec.credentials import Known, Reference, Sealed
from infra.spec.identity import IdentitySpec
from infra.spec.stack import StackSpec

Target = pulumi.Output[dict[str, Any]]
"""The manifest's entry of one compute."""
ReadCredential = Callable[[Reference | Sealed | Known], pulumi.Input[str]]


class Platform(pulumi.ComponentResource):
    """One environment: a workspace and its computes.

    ``targets`` maps a compute's name to its entry in the manifest.
    """

    workspace: Workspace
    targets: Mapping[str, Target]

    def __init__(
        self,
        name: str,
        spec: StackSpec,
        *,
        credentials: ReadCredential,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare all of ``spec``. ``credentials`` turns a reference into the credential itself."""
        super().__init__("aml:platform:Platform", name, None, opts)
        self._name = name
        self._spec = spec
        self._credentials = credentials
        self.workspace = self._declare_workspace()
        builders: Mapping[str, Callable[[Any], Target]] = {"aml_compute": self._cluster}
        self.targets = {compute.name: builders[compute.kind](compute) for compute in spec.computes}
        self.register_outputs({"workspace_id": self.workspace.workspace_id})

    def _declare_workspace(self) -> Workspace:
        wanted = self._spec.workspace
        only_user_assigned = wanted.identity.type == "user_assigned"
        args = WorkspaceArgs(
            workspace_name=wanted.name,
            resource_group_name=wanted.resource_group,
            location=self._spec.location,
            storage_account_id=wanted.storage_account_id,
            key_vault_id=wanted.key_vault_id,
            application_insights_id=wanted.application_insights_id,
            container_registry_id=wanted.container_registry_id,
            friendly_name=wanted.friendly_name,
            description=wanted.description,
            identity=_identity(wanted.identity),
            primary_user_assigned_identity=wanted.identity.ids[0] if only_user_assigned else None,
            public_network_access=wanted.public_network_access,
            tags=self._spec.tags or None,
        )
        options = pulumi.ResourceOptions(parent=self, protect=wanted.protect)
        return Workspace(f"{self._name}-workspace", args, options)

    def _cluster(self, wanted: AmlComputeSpec) -> Target:
        admin = wanted.admin
        args = ClusterArgs(
            compute_name=wanted.name,
            workspace_name=self.workspace.workspace_name,
            resource_group_name=self.workspace.resource_group_name,
            location=self._spec.location,
            vm_size=wanted.vm_size,
            max_nodes=wanted.max_nodes,
            min_nodes=wanted.min_nodes,
            idle_seconds=wanted.idle_seconds,
            priority=wanted.priority,
            os=wanted.os,
            identity=_identity(wanted.identity),
            subnet_id=wanted.subnet_id,
            node_public_ip=wanted.node_public_ip,
            admin_user=admin.user if admin else None,
            admin_ssh_public_key=self._credential(admin.ssh_public_key if admin else None),
            admin_password=self._credential(admin.password if admin else None),
            remote_login=wanted.remote_login,
            description=wanted.description,
            tags={**self._spec.tags, **wanted.tags} or None,
        )
        cluster = Cluster(f"{self._name}-{wanted.name}", args, pulumi.ResourceOptions(parent=self))
        facts = wanted.model_dump(include=_TARGET_FACTS)
        return cluster.compute_id.apply(lambda id_: {**facts, "id": id_})

    def _credential(
        self, credential: Reference | Sealed | Known | None
    ) -> pulumi.Input[str] | None:
        return None if credential is None else self._credentials(credential)


_TARGET_FACTS: Final = {"kind", "vm_size", "min_nodes", "max_nodes", "priority"}


def _identity(wanted: IdentitySpec | None) -> ml.ManagedServiceIdentityArgs | None:
    return None if wanted is None else managed_identity(wanted.type, list(wanted.ids))
