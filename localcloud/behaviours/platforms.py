"""What a platform has beside its workspace: connections and registries.

Only the ARM resources exist: no registry has assets here.
"""

import uuid
from dataclasses import replace
from typing import Final

from infra.contract.discovery import SUBSCRIPTION
from infra.contract.json_types import JsonObject
from localcloud.behaviours.minting import with_properties
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.paths import placed
from localcloud.calls.refusals import invalid
from localcloud.store.resources import StoredResource

_ML: Final = "Microsoft.MachineLearningServices"
_GROUPS: Final = {
    "Azure": ("AzureBlob", "ADLSGen2", "AzureOneLake", "AzureSqlDb", "AzureSynapseAnalytics"),
    "AzureAI": ("AIServices", "AzureOpenAI", "CognitiveSearch", "CognitiveService"),
    "GenericProtocol": ("ContainerRegistry", "Git", "PythonFeed"),
    "ServicesAndApps": ("ApiKey", "CustomKeys", "OpenAI", "Serp", "Serverless"),
}


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


KINDS: Final = (
    replace(
        kind_of(f"{_ML}/workspaces/connections"),
        put=(200, 200),  # clients refuse 201
        provisioning=False,
        fill=_connection,
        actions={"listSecrets": _connection_secrets},
    ),
    replace(kind_of(f"{_ML}/registries"), fill=_registry, show=_show_registry),
)
