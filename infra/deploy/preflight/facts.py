"""What a cloud answers before a deployment, as plain values; the queries are elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from infra.arm.soft_delete import DeletedResource, SoftDeletePolicy
from infra.catalogue.locations import location_name
from infra.catalogue.vm_sizes import VmSize
from infra.contract.json_types import Document
from infra.spec.computes import ComputeSpec
from infra.spec.derived_names import derived_names
from infra.spec.stack import StackSpec


@dataclass(frozen=True, slots=True)
class Usage:
    """One quota of a region, in cores. ``name`` is the service's, spelled one way or another."""

    name: str
    used: int
    limit: int


@dataclass(frozen=True, slots=True)
class Region:
    """What a region offers: VM sizes by their names in lower case, and quotas."""

    sizes: Mapping[str, VmSize]
    usages: Sequence[Usage]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """The answers; what was not answered is empty or ``None``. Ids are in lower case.

    ``own``: ids of what the stack has or adopts. ``there``: of those queried, the ids that exist.
    ``missing``: ids of what others are said to have made, and that does not exist.
    ``taken``: kind of resource to the service's reason why its name is not available.
    ``sizes`` and ``usages`` are of the stack's region, ``elsewhere`` has those of the other regions
    that computes are in, by name.
    ``computes``: the ARM documents of the workspace's computes. ``instances``: names of compute
    instances in the region, lower case, to their ids.
    """

    local: bool
    own: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    taken: Mapping[str, str] = field(default_factory=dict)
    providers: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, VmSize] = field(default_factory=dict)
    usages: Sequence[Usage] = ()
    elsewhere: Mapping[str, Region] = field(default_factory=dict)
    computes: Sequence[Document] = ()
    instances: Mapping[str, str] = field(default_factory=dict)
    soft_deleted: Sequence[DeletedResource] = ()
    policy: SoftDeletePolicy = field(default_factory=SoftDeletePolicy)
    unanswered: Sequence[str] = ()

    def region(self, name: str) -> Region:
        """Return what a region offers, the stack's own unless it is another."""
        return self.elsewhere.get(name) or Region(self.sizes, self.usages)


def region_of(spec: StackSpec, compute: ComputeSpec) -> str:
    """Return the name of the region that a compute is in."""
    return location_name(compute.location or spec.location)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ARM ids of what a stack creates itself, in Azure's spelling."""

    group: str
    workspace: str
    storage_account: str | None
    key_vault: str | None
    container_registry: str | None

    def compute(self, name: str) -> str:
        return f"{self.workspace}/computes/{name}"

    def made(self) -> Mapping[str, str]:
        """Return those whose names are unique in all of Azure, by kind."""
        kinds = ("storage_account", "key_vault", "container_registry")
        return {kind: id_ for kind in kinds if (id_ := getattr(self, kind)) is not None}


def ids_of(spec: StackSpec, subscription: str) -> Ids:
    """Return what ``spec`` creates; ``None`` for what is given by id or left out."""
    wanted = spec.workspace
    names = derived_names(wanted.name, wanted.resource_group, spec.location)
    group = f"/subscriptions/{subscription}/resourceGroups/{wanted.resource_group}"

    def made(given: str | None, type_: str, name: str) -> str | None:
        return None if given else f"{group}/providers/{type_}/{name}"

    registry = wanted.container_registry_id or "container_registry" in wanted.without
    return Ids(
        group,
        f"{group}/providers/Microsoft.MachineLearningServices/workspaces/{wanted.name}",
        made(wanted.storage_account_id, "Microsoft.Storage/storageAccounts", names.storage_account),
        made(wanted.key_vault_id, "Microsoft.KeyVault/vaults", names.key_vault),
        None
        if registry
        else made(None, "Microsoft.ContainerRegistry/registries", names.container_registry),
    )


def namespaces(spec: StackSpec) -> Sequence[str]:
    """Return the resource providers that a stack needs."""
    wanted = spec.workspace
    insights = wanted.application_insights_id or "application_insights" in wanted.without
    registry = wanted.container_registry_id or "container_registry" in wanted.without
    table = {
        "Microsoft.MachineLearningServices": True,
        "Microsoft.Storage": not wanted.storage_account_id,
        "Microsoft.KeyVault": not wanted.key_vault_id,
        "Microsoft.Insights": not insights or spec.diagnostics is not None,
        "Microsoft.OperationalInsights": not insights,
        "Microsoft.ContainerRegistry": not registry,
        "Microsoft.Network": bool(spec.networks) or _has_private_endpoints(spec),
        "Microsoft.ManagedIdentity": bool(spec.identities),
        "Microsoft.ContainerService": bool(spec.kubernetes_clusters),
        "Microsoft.KubernetesConfiguration": bool(spec.kubernetes_clusters),
    }
    return [namespace for namespace, needed in table.items() if needed]


def _has_private_endpoints(spec: StackSpec) -> bool:
    owners = (spec.workspace, spec.storage_account, spec.key_vault, spec.container_registry)
    return any(owner.private_endpoint is not None for owner in owners)
