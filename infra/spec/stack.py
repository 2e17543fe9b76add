"""The model of a whole stack file, and the configuration key of each of its parts."""

from typing import Final, Literal

from pydantic import Field

from infra.contract.credential_kinds import CredentialKind
from infra.spec.base import SpecModel
from infra.spec.computes import ComputeSpec
from infra.spec.connections import ConnectionSpec
from infra.spec.datastores import DatastoreSpec
from infra.spec.diagnostics import DiagnosticsSpec
from infra.spec.identity import UserAssignedIdentitySpec
from infra.spec.kubernetes import KubernetesClusterSpec
from infra.spec.names import AnyId, Location
from infra.spec.networks import NetworkSpec
from infra.spec.prerequisites import ContainerRegistrySpec, KeyVaultSpec, StorageAccountSpec
from infra.spec.registries import RegistrySpec
from infra.spec.roles import RoleAssignmentSpec
from infra.spec.soft_delete import SoftDeleteSpec
from infra.spec.tags import Tags
from infra.spec.workspace import WorkspaceSpec


class StackSpec(SpecModel):
    """One environment of the platform. ``cloud`` selects where it is deployed."""

    cloud: Literal["local", "azure"]
    location: Location
    credential: CredentialKind | None = None
    """As whom Azure is reached; without it, azure-identity tries all that it knows."""
    workspace: WorkspaceSpec
    storage_account: StorageAccountSpec = StorageAccountSpec()
    key_vault: KeyVaultSpec = KeyVaultSpec()
    container_registry: ContainerRegistrySpec = ContainerRegistrySpec()
    diagnostics: DiagnosticsSpec | None = None
    tags: Tags = Field(default_factory=dict)
    identities: tuple[UserAssignedIdentitySpec, ...] = ()
    networks: tuple[NetworkSpec, ...] = ()
    kubernetes_clusters: tuple[KubernetesClusterSpec, ...] = ()
    computes: tuple[ComputeSpec, ...] = ()
    datastores: tuple[DatastoreSpec, ...] = ()
    connections: tuple[ConnectionSpec, ...] = ()
    registries: tuple[RegistrySpec, ...] = ()
    role_assignments: tuple[RoleAssignmentSpec, ...] = ()
    soft_delete: SoftDeleteSpec = SoftDeleteSpec()
    adopt: dict[str, AnyId] = Field(default_factory=dict)
    """Existing resources to adopt: the name in the program, and the ARM id."""


# The region is the provider's own setting, so that `pulumi up` and our engine share it.
KEYS: Final = {
    "cloud": "aml:cloud",
    "location": "azure-native:location",
    "credential": "aml:credential",
    "workspace": "aml:workspace",
    "storage_account": "aml:storage_account",
    "key_vault": "aml:key_vault",
    "container_registry": "aml:container_registry",
    "diagnostics": "aml:diagnostics",
    "tags": "aml:tags",
    "identities": "aml:identities",
    "networks": "aml:networks",
    "kubernetes_clusters": "aml:kubernetes_clusters",
    "computes": "aml:computes",
    "datastores": "aml:datastores",
    "connections": "aml:connections",
    "registries": "aml:registries",
    "role_assignments": "aml:role_assignments",
    "soft_delete": "aml:soft_delete",
    "adopt": "aml:adopt",
}
STRUCTURED: Final = frozenset(KEYS.values()) - {
    "aml:cloud", "aml:credential", "azure-native:location",
}  # fmt: skip
