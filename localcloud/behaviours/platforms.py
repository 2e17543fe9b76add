"""What a platform has beside its workspace: connections, registries, Kubernetes clusters.

Only the ARM resources exist: no registry has assets here, and no cluster runs pods.
"""

import uuid
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from infra.contract.discovery import SUBSCRIPTION
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.minting import with_properties
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.paths import placed
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.store.resources import StoredResource

_ML: Final = "Microsoft.MachineLearningServices"
_GROUPS: Final = {
    "Azure": ("AzureBlob", "ADLSGen2", "AzureOneLake", "AzureSqlDb", "AzureSynapseAnalytics"),
    "AzureAI": ("AIServices", "AzureOpenAI", "CognitiveSearch", "CognitiveService"),
    "GenericProtocol": ("ContainerRegistry", "Git", "PythonFeed"),
    "ServicesAndApps": ("ApiKey", "CustomKeys", "OpenAI", "Serp", "Serverless"),
}
_KUBERNETES: Final = "1.31"
_AZURE_ML: Final = "microsoft.azureml.kubernetes"


def _connection(call: Call, wanted: JsonObject, _: StoredResource | None) -> JsonObject:
    properties = wanted["properties"]
    category = str(properties.get("category") or "")
    if not category:
        raise invalid([("properties.category", "The property 'category' is required.")])
    known = [group for group, names in _GROUPS.items() if category in names]
    workspace = call.arm.parent
    return {
        **wanted,
        "properties": {
            "isSharedToAll": True,
            **properties,
            "group": known[0] if known else "ServicesAndApps",
            "createdByWorkspaceArmId": str(workspace),
        },
    }


def _connection_secrets(call: Call) -> Reply:
    """Respond with a workspace connection and its credentials, which no other response has."""
    found = existing(call)
    body = {"id": found.id, "name": found.name, "type": found.type, **found.document}
    return answer(placed(body, dict(found.secrets)))


def _registry(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    if not (wanted.get("properties") or {}).get("regionDetails"):
        path = "properties.regionDetails"
        raise invalid([(path, "A registry needs the details of at least one region.")])
    own = f"azureml-rg-{call.arm.name}_{uuid.uuid4()}"
    group = {"resourceId": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{own}"}
    before = old.properties.get("managedResourceGroup") if old else None
    return with_properties(
        wanted, {"publicNetworkAccess": "Enabled", "managedResourceGroup": before or group}
    )


def _show_registry(call: Call, registry: StoredResource, body: JsonObject) -> JsonObject:
    cloud, region = call.cloud, registry.document["location"]
    made = {
        "discoveryUrl": f"{cloud.url}/registrymanagement/v1.0/registries/{registry.name}/discovery",
        "mlFlowRegistryUri": f"azureml://{cloud.authority}/mlflow/v1.0/registries/{registry.name}"
        f"?region={region}",
        "registryPrivateEndpointConnections": [],
    }
    return {**body, "properties": {**body["properties"], **made}}


def _cluster(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    pools = properties.get("agentPoolProfiles") or ()
    if not pools:
        path = "properties.agentPoolProfiles"
        raise invalid([(path, "A managed cluster needs at least one agent pool.")])
    if not any(str(each.get("mode")).lower() == "system" for each in pools):
        raise RefusedError(
            400,
            "InvalidParameter",
            "There has to be at least one agent pool of mode 'System'.",
            target="agentPoolProfiles.mode",
        )
    name, region = call.arm.name, wanted["location"]
    prefix = str(properties.get("dnsPrefix") or name)
    version = str(properties.get("kubernetesVersion") or _KUBERNETES)
    before = dict(old.properties) if old else {}
    _require_same_pools(before.get("agentPoolProfiles") or (), pools)
    filled = {
        "kubernetesVersion": version,
        "currentKubernetesVersion": f"{version}.0" if version.count(".") == 1 else version,
        "dnsPrefix": prefix,
        "fqdn": before.get("fqdn") or f"{prefix}-{uuid.uuid4().hex[:8]}.hcp.{region}.azmk8s.io",
        "nodeResourceGroup": f"MC_{call.arm.resource_group}_{name}_{region}",
        "maxAgentPools": 100,
        "powerState": {"code": "Running"},
        "enableRBAC": True,
        "supportPlan": "KubernetesOfficial",
    }
    return {
        "sku": {"name": "Base", "tier": "Free"},
        **wanted,
        "properties": {**filled, **properties, "fqdn": filled["fqdn"]},
    }


def _require_same_pools(before: Iterable[Document], pools: Iterable[Document]) -> None:
    """Refuse what cannot change of a pool: its name, and the size and subnet of its nodes."""
    for old, new in zip(before, pools, strict=False):
        for key in ("name", "vmSize", "vnetSubnetID"):
            if str(old.get(key) or "").lower() != str(new.get(key) or "").lower():
                raise RefusedError(
                    400,
                    "PropertyChangeNotAllowed",
                    f"Changing property 'agentPoolProfile.{key}' is not allowed.",
                    target=f"agentPoolProfile.{key}",
                )


def _extension(_: Call, wanted: JsonObject, __: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    settings = {k.lower() for k in properties.get("configurationSettings") or ()}
    kind = str(properties.get("extensionType") or "").lower()
    if kind == _AZURE_ML and not settings & {"enabletraining", "enableinference"}:
        raise RefusedError(
            400,
            "ExtensionCreationFailed",
            "Azure ML's extension needs 'enableTraining' or 'enableInference' among its"
            " configurationSettings.",
        )
    return with_properties(
        {**wanted, "properties": properties},
        {
            "autoUpgradeMinorVersion": True,
            "releaseTrain": "Stable",
            "isSystemExtension": False,
            "currentVersion": "1.1.78",
            "scope": {"cluster": {"releaseNamespace": "azureml"}},
        },
    )


KINDS: Final = (
    replace(
        kind_of(f"{_ML}/workspaces/connections"),
        put=(200, 200),  # clients refuse 201
        provisioning=False,
        fill=_connection,
        actions={"listSecrets": _connection_secrets},
    ),
    replace(kind_of(f"{_ML}/registries"), fill=_registry, show=_show_registry),
    replace(kind_of("Microsoft.ContainerService/managedClusters"), fill=_cluster),
    replace(kind_of("Microsoft.KubernetesConfiguration/extensions"), fill=_extension),
)
