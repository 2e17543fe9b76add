"""Resource groups, and the subscription with its locations and resource providers."""

from typing import Final

from infra.catalogue.names import parse_arm_id
from infra.contract.discovery import SUBSCRIPTION, TENANT
from infra.contract.json_types import JsonObject
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

LOCATIONS: Final = (
    "australiaeast", "eastus", "eastus2", "japaneast", "northeurope", "southcentralus",
    "southeastasia", "uksouth", "westeurope", "westus2",
)  # fmt: skip
NAMESPACES: Final = (
    "Microsoft.Authorization", "Microsoft.Batch", "Microsoft.Compute",
    "Microsoft.ContainerRegistry", "Microsoft.Databricks", "Microsoft.HDInsight",
    "Microsoft.Insights", "Microsoft.KeyVault", "Microsoft.MachineLearningServices",
    "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.OperationalInsights",
    "Microsoft.Resources", "Microsoft.Storage",
)  # fmt: skip
_EXTENSIONS: Final = ("Microsoft.Authorization/", "Microsoft.Insights/diagnosticSettings")
_SUBSCRIPTION: Final = "/subscriptions/{subscription}"
_SHOWN: Final = ("location", "tags", "kind", "sku", "identity", "managedBy")


def subscription_document() -> JsonObject:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}",
        "subscriptionId": SUBSCRIPTION,
        "tenantId": TENANT,
        "displayName": "Local cloud",
        "state": "Enabled",
        "subscriptionPolicies": {"spendingLimit": "Off"},
        "authorizationSource": "RoleBased",
    }


def _subscription(_: Call) -> Reply:
    return answer(subscription_document())


def _subscriptions(_: Call) -> Reply:
    return page([subscription_document()])


def _tenants(_: Call) -> Reply:
    return page([{"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "Local cloud"}])


def _locations(_: Call) -> Reply:
    base = f"/subscriptions/{SUBSCRIPTION}/locations"
    return page({"id": f"{base}/{n}", "name": n, "displayName": n} for n in LOCATIONS)


def _provider(call: Call) -> Reply:
    """Respond with one resource provider; all of them are registered from the start."""
    name = call.params["namespace"]
    known = {each.lower(): each for each in NAMESPACES}.get(name.lower())
    if known is None:
        raise RefusedError(
            404,
            "InvalidResourceNamespace",
            f"The resource namespace '{name}' is invalid.",
        )
    return answer(_provider_document(known))


def _providers(_: Call) -> Reply:
    return page(map(_provider_document, NAMESPACES))


def _provider_document(namespace: str) -> JsonObject:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}/providers/{namespace}",
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": [],
    }


def _group_members(call: Call) -> Reply:
    """List the top-level resources of a group; what extends others is no member."""
    group = existing(
        call, parse_arm_id(f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{call.params['group']}")
    )
    members = call.cloud.store.resources.in_scope(group.id, now=call.now)
    top = (each for each in members if each.type.count("/") == 1)
    return page(_summary(call, each) for each in top if not each.type.startswith(_EXTENSIONS))


def _summary(call: Call, resource: StoredResource) -> JsonObject:
    body = {"id": resource.id, "name": resource.name, "type": resource.type}
    body |= {key: resource.document[key] for key in _SHOWN if key in resource.document}
    if "provisioningstate" in call.query.get("$expand", "").lower():
        body["provisioningState"] = resource.provisioning_state(call.now)
    return body


KINDS: Final = (kind_of("Microsoft.Resources/resourceGroups"),)

ROUTES: Final = (
    Route("GET", "/tenants", _tenants),
    Route("GET", "/subscriptions", _subscriptions),
    Route("GET", _SUBSCRIPTION, _subscription),
    Route("GET", f"{_SUBSCRIPTION}/locations", _locations),
    Route("GET", f"{_SUBSCRIPTION}/providers", _providers),
    Route("GET", f"{_SUBSCRIPTION}/providers/{{namespace}}", _provider),
    Route("POST", f"{_SUBSCRIPTION}/providers/{{namespace}}/register", _provider),
    Route("GET", f"{_SUBSCRIPTION}/resourceGroups/{{group}}/resources", _group_members),
)
