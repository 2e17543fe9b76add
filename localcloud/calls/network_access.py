"""Which networks a service lets in, and the refusals of all others, in Azure's words.

A machine has no virtual networks. A job is in the network of its compute, which its token names;
`aml cloud inside on` puts everybody on this machine inside all of them. Other requests come from
the internet. Resource Manager answers those, as on Azure.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.catalogue.names import parse_arm_id, same_arm_id
from infra.contract.json_types import Document
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call
from localcloud.calls.peers import run_token
from localcloud.calls.refusals import RefusedError
from localcloud.calls.tokens import NETWORK, claims_of
from localcloud.store.resources import StoredResource, key_of

ENDPOINT: Final = "Microsoft.Network/privateEndpoints"
APPROVED: Final = "Approved"
_CONNECTIONS: Final = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
_HINT: Final = "The local cloud: `aml cloud inside on` puts this machine inside its networks."
_WORKSPACES: Final = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code and a sentence of the service that refuses."""

    code: str
    message: str


def network_of_compute(cloud: Cloud, workspace: str, compute: str) -> str:
    """Return the id of a compute's subnet, or of the workspace whose managed network it is in.

    Empty if it is in neither.
    """
    now = cloud.clock()
    found = cloud.store.resources.get(compute, now=now)
    inner = (found.properties.get("properties") or {}) if found else {}
    subnet = str((inner.get("subnet") or {}).get("id") or "")
    if subnet:
        return subnet
    owner = cloud.store.resources.get(workspace, now=now)
    managed = (owner.properties.get("managedNetwork") or {}) if owner else {}
    isolated = str(managed.get("isolationMode") or "Disabled").lower() != "disabled"
    return owner.id if owner and isolated else ""


def network_of(call: Call, claims: Document) -> str | None:
    """Return the network of the job that sent a request; ``None`` if no job did."""
    if NETWORK not in claims:
        _, _, port = call.cloud.authority.rpartition(":")
        claims = claims_of(call.cloud, run_token(call.peer, int(port))) or {}
    return str(claims[NETWORK]) if NETWORK in claims else None


def lets_in(call: Call, resource: StoredResource, claims: Document) -> bool:
    """Return whether a service lets in a request from where it comes."""
    if _is_open(resource):
        return True
    network = network_of(call, claims)
    return call.cloud.inside if network is None else reaches(call.cloud, network, resource)


def reaches(cloud: Cloud, network: str, resource: StoredResource) -> bool:
    """Return whether a service lets in whoever is in a network."""
    if _is_open(resource):
        return True
    if not network:
        return False
    wall = (resource.properties.get("networkAcls") or {}).get("virtualNetworkRules") or ()
    listed = () if _is_closed(resource) else [str(each.get("id")) for each in wall]
    return (
        any(same_arm_id(network, each) for each in listed)
        or _is_managed(cloud, network, resource)
        or _has_endpoint(cloud, network, resource)
    )


def _is_open(resource: StoredResource) -> bool:
    wall = resource.properties.get("networkAcls") or {}
    return not _is_closed(resource) and str(wall.get("defaultAction") or "Allow").lower() == "allow"


def _is_closed(resource: StoredResource) -> bool:
    return str(resource.properties.get("publicNetworkAccess")).lower() == "disabled"


def storage_refusal(call: Call, account: StoredResource, claims: Document) -> Refusal | None:
    """Return why an account does not answer, if it does not."""
    if lets_in(call, account, claims):
        return None
    says = "This request is not authorized to perform this operation."
    return Refusal("AuthorizationFailure", f"{says}\n{_HINT}")


def vault_refusal(call: Call, vault: StoredResource, claims: Document) -> Refusal | None:
    """Return why a vault does not answer, if it does not."""
    if lets_in(call, vault, claims):
        return None
    who = ";".join(f"{key}={claims.get(key)}" for key in ("appid", "oid", "iss"))
    where = f"Caller: {who}\nVault: {vault.name};location={vault.document['location']}\n{_HINT}"
    if _is_closed(vault):
        says = (
            "Public network access is disabled and request is not from a trusted service nor via"
            " an approved private link."
        )
        return Refusal("ForbiddenByConnection", f"{says}\n{where}")
    says = "Client address is not authorized and caller is not a trusted service."
    return Refusal("ForbiddenByFirewall", f"{says}\nClient address: 127.0.0.1\n{where}")


def require_inside(call: Call) -> None:
    """Refuse a call of a workspace's services that comes from where it lets nobody in."""
    workspace = call.cloud.store.resources.get(call.workspace, now=call.now)
    if workspace is not None and not lets_in(call, workspace, call.caller):
        says = "Access to workspace was denied based on workspace private link configuration."
        raise RefusedError(403, "UserError", f"{says} {_HINT}")


def _is_managed(cloud: Cloud, network: str, resource: StoredResource) -> bool:
    """Return whether a managed network is of this workspace, or has an endpoint to its resource."""
    if same_arm_id(network, resource.id):
        return True
    workspace = cloud.store.resources.get(network, now=cloud.clock())
    if workspace is None or workspace.type != _WORKSPACES:
        return False
    own = ("storageAccount", "keyVault", "containerRegistry")
    rules = ((workspace.properties.get("managedNetwork") or {}).get("outboundRules") or {}).values()
    reached = [str(workspace.properties.get(key) or "") for key in own]
    reached += [_target(rule) for rule in rules]
    return any(same_arm_id(each, resource.id) for each in reached if each)


def _target(rule: Mapping[str, object]) -> str:
    destination = rule.get("destination")
    return (
        str(destination.get("serviceResourceId") or "") if isinstance(destination, Mapping) else ""
    )


def _has_endpoint(cloud: Cloud, network: str, resource: StoredResource) -> bool:
    """Return whether a private endpoint in the virtual network of a subnet leads to a resource.

    One that the resource has not approved leads nowhere.
    """
    return any(
        key_of(str((each.get("properties") or {}).get("privateLinkServiceId") or ""))
        == resource.key
        and _is_approved(each.get("properties") or {})
        for endpoint in cloud.store.resources.of_type(ENDPOINT, now=cloud.clock())
        if _same_network(network, str((endpoint.properties.get("subnet") or {}).get("id") or ""))
        for key in _CONNECTIONS
        for each in endpoint.properties.get(key) or ()
    )


def _is_approved(connection: Document) -> bool:
    state = connection.get("privateLinkServiceConnectionState") or {}
    return str(state.get("status") or APPROVED) == APPROVED


def _same_network(one: str, other: str) -> bool:
    """Return whether two subnets are of the same virtual network."""
    return bool(other) and same_arm_id(
        str(parse_arm_id(one).parent), str(parse_arm_id(other).parent)
    )
