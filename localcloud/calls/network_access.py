"""Which networks a service lets in, and the refusals of all others, in Azure's words.

A machine has no virtual networks, so a request says where it comes from: the token of a job names
the network of its compute, and `aml cloud inside on` puts everybody on this machine inside. All
other requests come from the internet. Resource Manager answers those, as on Azure.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from infra.catalogue.names import same_arm_id
from infra.contract.json_types import Document
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call
from localcloud.store.resources import StoredResource, key_of

CLAIM: Final = "aml_network"
"""Claim of a token: the id of a subnet, or of the workspace whose managed network it is."""
MARK: Final = "aml-network"
"""Field of a signed URL with the same, and its signature."""
ENDPOINT: Final = "Microsoft.Network/privateEndpoints"
_CONNECTIONS: Final = ("privateLinkServiceConnections", "manualPrivateLinkServiceConnections")
_HINT: Final = "The local cloud: `aml cloud inside on` puts this machine inside its networks."
_WORKSPACES: Final = "Microsoft.MachineLearningServices/workspaces"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A code and a sentence of the service that refuses."""

    code: str
    message: str


def network_of_compute(cloud: Cloud, workspace: str, compute: str) -> str:
    """Return the network of a compute: its subnet, its workspace's managed network, or none."""
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


def mark(cloud: Cloud, network: str) -> dict[str, str]:
    """Return the field of a URL that says where its user is; none for the internet."""
    return {MARK: f"{_signature(cloud, network)}{network}"} if network else {}


def network_of(call: Call, claims: Document) -> str:
    """Return the network that a request comes from; empty for the internet."""
    named = str(claims.get(CLAIM) or "")
    marked = call.query.get(MARK, "")
    signature, network = marked[:_DIGITS], marked[_DIGITS:]
    if not named and hmac.compare_digest(
        signature.encode(), _signature(call.cloud, network).encode()
    ):
        named = network
    return named


def lets_in(call: Call, resource: StoredResource, claims: Document) -> bool:
    """Return whether a service lets in a request from where it comes."""
    properties = resource.properties
    closed = str(properties.get("publicNetworkAccess")).lower() == "disabled"
    wall = properties.get("networkAcls") or {}
    if not closed and str(wall.get("defaultAction") or "Allow").lower() == "allow":
        return True
    if call.cloud.inside:
        return True
    network = network_of(call, claims)
    if not network:
        return False
    listed = (
        () if closed else [str(each.get("id")) for each in wall.get("virtualNetworkRules") or ()]
    )
    return (
        any(same_arm_id(network, each) for each in listed)
        or _is_managed(call, network, resource)
        or _has_endpoint(call, resource)
    )


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
    if str(vault.properties.get("publicNetworkAccess")).lower() == "disabled":
        says = (
            "Public network access is disabled and request is not from a trusted service nor via"
            " an approved private link."
        )
        return Refusal("ForbiddenByConnection", f"{says}\n{where}")
    says = "Client address is not authorized and caller is not a trusted service."
    return Refusal("ForbiddenByFirewall", f"{says}\nClient address: 127.0.0.1\n{where}")


def workspace_refusal(call: Call, workspace: StoredResource, claims: Document) -> Refusal | None:
    """Return why the services of a workspace do not answer, if they do not."""
    if lets_in(call, workspace, claims):
        return None
    says = "Access to workspace was denied based on workspace private link configuration."
    return Refusal("UserError", f"{says} {_HINT}")


def _is_managed(call: Call, network: str, resource: StoredResource) -> bool:
    """Return whether a managed network is of this workspace, or has an endpoint to its resource."""
    if same_arm_id(network, resource.id):
        return True
    workspace = call.cloud.store.resources.get(network, now=call.now)
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


def _has_endpoint(call: Call, resource: StoredResource) -> bool:
    return any(
        key_of(str((each.get("properties") or {}).get("privateLinkServiceId") or ""))
        == resource.key
        for endpoint in call.cloud.store.resources.of_type(ENDPOINT, now=call.now)
        for key in _CONNECTIONS
        for each in endpoint.properties.get(key) or ()
    )


def _signature(cloud: Cloud, network: str) -> str:
    return cloud.store.sealing.signature(f"network {network}".encode()).hex()[:_DIGITS]


_DIGITS: Final = 32
