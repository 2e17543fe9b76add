"""References to other resources by id: refused where this cloud has no such resource.

`aml cloud seed` puts stand-ins there for what exists elsewhere. What a write leaves as it was is
not looked up again. Attached machines and accounts of datastores are taken on trust.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.catalogue.types.table import TYPES
from infra.contract.errors import UsageError
from infra.contract.json_types import Document
from localcloud.behaviours.networks import ROUTE_TABLE, is_there, missing_reference
from localcloud.calls.messages import Call
from localcloud.calls.paths import found
from localcloud.calls.refusals import invalid

_NETWORKS: Final = "Microsoft.Network/"
_SUBNET: Final = "Microsoft.Network/virtualNetworks/subnets"
_RULES: Final = "virtualNetworkRules"
_LOGS: Final = "Microsoft.OperationalInsights/workspaces"
_IDENTITY: Final = "Microsoft.ManagedIdentity/userAssignedIdentities"
_ACCOUNT: Final = "Microsoft.Storage/storageAccounts"
_VAULT: Final = "Microsoft.KeyVault/vaults"
_ML: Final = "Microsoft.MachineLearningServices/workspaces"
_ANY: Final = ""
_KNOWN: Final = frozenset({*(row.name.lower() for row in TYPES), ROUTE_TABLE.lower()})

_REFERENCES: Final[Mapping[str, Mapping[str, str]]] = {
    _SUBNET: {
        "networkSecurityGroup.id": "Microsoft.Network/networkSecurityGroups",
        "routeTable.id": ROUTE_TABLE,
    },
    "Microsoft.Network/networkInterfaces": {
        "networkSecurityGroup.id": "Microsoft.Network/networkSecurityGroups",
    },
    _ACCOUNT: {f"networkAcls.{_RULES}.id": _SUBNET},
    _VAULT: {f"networkAcls.{_RULES}.id": _SUBNET},
    "Microsoft.ContainerService/managedClusters/agentPools": {"vnetSubnetID": _SUBNET},
    "Microsoft.Insights/components": {"WorkspaceResourceId": _LOGS},
    "Microsoft.Insights/diagnosticSettings": {"workspaceId": _LOGS, "storageAccountId": _ACCOUNT},
    f"{_ML}/computes": {"properties.subnet.id": _SUBNET},
    _ML: {
        "hubResourceId": _ML,
        "primaryUserAssignedIdentity": _IDENTITY,
        "encryption.keyVaultProperties.keyVaultArmId": _VAULT,
        "encryption.identity.userAssignedIdentity": _IDENTITY,
        "managedNetwork.outboundRules.*.destination.serviceResourceId": _ANY,
    },
}
"""Type to the paths below ``properties`` that hold an id, each with the type of what it names."""


def require_references(call: Call, type_: str, properties: Document, before: Document) -> None:
    """Refuse ids in ``properties`` that nothing here has, all at once.

    ``before`` are the properties that are stored, empty for a new resource.
    """
    problems = list(_problems(call, type_, properties, before))
    if not problems:
        return
    if type_.startswith(_NETWORKS):
        path, id_ = problems[0]
        raise missing_reference(call, id_, path)
    raise invalid([(path, f"The resource '{id_}' was not found.") for path, id_ in problems])


def _problems(
    call: Call, type_: str, properties: Document, before: Document
) -> Iterator[tuple[str, str]]:
    for rule, wanted in _REFERENCES.get(type_, {}).items():
        known = {str(each).lower() for _, each in found(before, rule)}
        for path, value in found(properties, rule):
            id_ = str(value or "")
            if id_ and id_.lower() not in known and _is_dead(call, id_, wanted):
                yield f"properties.{path}", id_


def _is_dead(call: Call, id_: str, wanted: str) -> bool:
    try:
        actual = parse_arm_id(id_).type.lower()
    except UsageError:
        return False  # not the form of an id, which the shape of the type decides about
    if wanted:
        return actual != wanted.lower() or not is_there(call, id_)
    return actual in _KNOWN and not is_there(call, id_)
