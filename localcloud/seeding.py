"""Stand-ins for resources that exist elsewhere, so that a stack which refers to them deploys here.

A stand-in is the least that its type can be: an account without files, a network without rules.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from infra.catalogue.api_versions import NETWORK, RESOURCES
from infra.catalogue.names import ArmId, parse_arm_id
from infra.catalogue.types.table import arm_type
from infra.contract.discovery import SUBSCRIPTION, TENANT, ask
from infra.contract.errors import UnreachableError
from infra.contract.json_types import JsonObject
from localcloud.arm_requests import ArmRequests, checked

_ID: Final = re.compile(
    r"/subscriptions/[\w-]+/resourceGroups/[\w.()-]*[\w()-]"
    r"(?:/providers/[\w.]+(?:/[\w$-]+/[\w.()$-]*[\w()$-])+)?",
    re.IGNORECASE,
)
_ML: Final = "Microsoft.MachineLearningServices"
_NETWORK: Final = "Microsoft.Network/virtualNetworks"
_SUBNET: Final = f"{_NETWORK}/subnets"
_ROUTE_TABLE: Final = "Microsoft.Network/routeTables"
_WORKSPACE: Final = f"{_ML}/workspaces"
_LONGEST_MARK: Final = 18

_LEAST: Final[Mapping[str, JsonObject]] = {
    "Microsoft.Batch/batchAccounts": {},
    "Microsoft.ContainerRegistry/registries": {"sku": {"name": "Premium"}},
    "Microsoft.ContainerService/managedClusters": {
        "properties": {
            "agentPoolProfiles": [{"name": "nodes", "count": 1, "mode": "System"}],
        },
    },
    "Microsoft.Databricks/workspaces": {"sku": {"name": "premium"}},
    "Microsoft.Insights/components": {
        "kind": "web",
        "properties": {"Application_Type": "web"},
    },
    "Microsoft.KeyVault/vaults": {
        "properties": {
            "tenantId": TENANT,
            "sku": {"family": "A", "name": "standard"},
            "accessPolicies": [],
        },
    },
    "Microsoft.ManagedIdentity/userAssignedIdentities": {},
    "Microsoft.Network/networkSecurityGroups": {},
    "Microsoft.Network/privateDnsZones": {"location": "global"},
    _ROUTE_TABLE: {},
    _NETWORK: {"properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/8"]}}},
    "Microsoft.OperationalInsights/workspaces": {},
    "Microsoft.Storage/storageAccounts": {"kind": "StorageV2", "sku": {"name": "Standard_LRS"}},
    "Microsoft.Storage/storageAccounts/blobServices/containers": {"properties": {}},
}
"""Type to the body of a stand-in, without its location."""

Outcome = Literal["made", "there", "left"]


@dataclass(frozen=True, slots=True)
class Seeded:
    """What became of one id: made, there already, or left out because nothing here looks for it."""

    id: str
    outcome: Outcome


def ids_in(text: str) -> tuple[str, ...]:
    """Return the ids of groups and resources in a text of any format, each once, in order."""
    found = {match[0].lower(): match[0] for match in _ID.finditer(text)}
    return tuple(found.values())


class Seeding:
    """Makes stand-ins in a local cloud."""

    def __init__(self, arm: ArmRequests, location: str) -> None:
        self._arm = arm
        self._location = location
        self._special: Mapping[str, Callable[[ArmId], JsonObject]] = {
            _SUBNET: self._subnet,
            _WORKSPACE: self._workspace,
            f"{_ML}/registries": self._registry,
        }

    def seed(self, ids: Iterable[str]) -> Iterator[Seeded]:
        """Make a stand-in for each id that the cloud does not have; yield what became of it."""
        for each in sorted(map(parse_arm_id, ids), key=lambda id_: len(id_.names)):
            yield Seeded(str(each), self._ensure(each))

    def _ensure(self, id: ArmId) -> Outcome:
        known = {name.lower(): name for name in (*_LEAST, *self._special)}
        kind = known.get(id.type.lower(), "")
        if id.namespace and not kind:
            return "left"
        self._subscription(id)
        version = _version(kind)
        if self._arm.send("GET", str(id), version).is_success:
            return "there"
        for above in _above(id):
            self._ensure(above)
        special = self._special.get(kind)
        body = special(id) if special else _LEAST.get(kind, {})
        placed = {} if kind.count("/") > 1 else {"location": self._location}
        self._arm.put(str(id), {**placed, **body}, version)
        return "made"

    def _subscription(self, id: ArmId) -> None:
        """Let the cloud answer for another subscription than its own."""
        if id.subscription.lower() != SUBSCRIPTION:
            path = f"/aml/subscriptions/{id.subscription}"
            if ask(self._arm.cloud, path, method="POST") is None:
                raise UnreachableError(
                    "The local cloud did not respond.", remedy="See `aml cloud logs`."
                )

    def _subnet(self, id: ArmId) -> JsonObject:
        """Return a subnet with the first range that its network has free."""
        url, version = f"{id.parent}/subnets", arm_type(_SUBNET).api_version
        there = checked(self._arm.send("GET", url, version))["value"]
        taken = {(each.get("properties") or {}).get("addressPrefix") for each in there}
        ranges = (f"10.{n // 256}.{n % 256}.0/24" for n in range(256 * 256))
        services = [{"service": f"Microsoft.{each}"} for each in ("Storage", "KeyVault")]
        free = next(each for each in ranges if each not in taken)
        return {"properties": {"addressPrefix": free, "serviceEndpoints": services}}

    def _workspace(self, id: ArmId) -> JsonObject:
        """Return a workspace with prerequisites of its own, which are stand-ins as well."""
        mark = re.sub("[^a-z0-9]", "", f"{id.resource_group}{id.name}".lower())[-_LONGEST_MARK:]
        group = f"/subscriptions/{id.subscription}/resourceGroups/{id.resource_group}/providers"
        needed = {
            "storageAccount": f"{group}/Microsoft.Storage/storageAccounts/seed{mark}",
            "keyVault": f"{group}/Microsoft.KeyVault/vaults/seed{mark}",
            "applicationInsights": f"{group}/Microsoft.Insights/components/seed{mark}",
        }
        for each in needed.values():
            self._ensure(parse_arm_id(each))
        return {"identity": {"type": "SystemAssigned"}, "properties": needed}

    def _registry(self, _: ArmId) -> JsonObject:
        details = [{"location": self._location}]
        identity = {"type": "SystemAssigned"}
        return {"identity": identity, "properties": {"regionDetails": details}}


def _version(kind: str) -> str:
    """Return the api-version of a type, empty for a resource group."""
    if kind == _ROUTE_TABLE:  # no program of the catalogue makes one
        return NETWORK
    return arm_type(kind).api_version if kind else RESOURCES


def _above(id: ArmId) -> Iterator[ArmId]:
    """Yield what must exist before a resource: its group, and the resource that it is part of."""
    if id.namespace and id.resource_group:
        yield ArmId(id.subscription, id.resource_group)
    if len(id.names) > 1:
        yield parse_arm_id("/".join(str(id).split("/")[:9]))
