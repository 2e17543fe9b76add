"""From ML registries and Kubernetes clusters to their entries in a stack file. Pure.

A stack file says little of either, since the components decide the rest: what was made otherwise
would be replaced, so it is not declared.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.locations import location_name, same_location
from infra.contract.json_types import Document, JsonObject
from infra.deploy.importing.connections import NotDeclarableError

EXTENSION: Final = "azureml"
"""The name under which a stack installs Azure ML's extension on a cluster."""
_EXTENSION_TYPE: Final = "microsoft.azureml.kubernetes"
_POOL: Final = "nodes"
_REGISTRY_SKU: Final = "premium"
_STORAGE_SKU: Final = "Standard_LRS"


def imported_registry(document: Document, location: str) -> JsonObject:
    """Return the entry of a registry. Raises ``NotDeclarableError``.

    ``location`` is the region of the stack, in which its registries are.
    """
    _require_near(document, location)
    _require_identity(document)
    regions = value_at(document, "properties.regionDetails") or ()
    skus = {_storage_sku(each) for each in regions}
    if len(skus) != 1:
        raise NotDeclarableError("its regions have different storage accounts")
    said: JsonObject = {"name": str(document["name"])}
    names = [location_name(str(each.get("location"))) for each in regions]
    if names != [location_name(location)]:
        said["regions"] = names
    if str(value_at(document, "properties.publicNetworkAccess")).lower() == "disabled":
        said["public_network_access"] = "disabled"
    sku = skus.pop()
    if sku != _STORAGE_SKU:
        said["storage_sku"] = sku
    return _with_tags(said, document)


def imported_cluster(document: Document, extension: Document, location: str) -> JsonObject:
    """Return the entry of a cluster with its extension. Raises ``NotDeclarableError``."""
    _require_near(document, location)
    _require_identity(document)
    properties: Document = document["properties"]
    name = str(document["name"])
    if str(properties.get("dnsPrefix")) != name:
        raise NotDeclarableError(f"its DNS prefix is {properties.get('dnsPrefix')!r}, not its name")
    said: JsonObject = {"name": name, **_pool(properties.get("agentPoolProfiles") or ())}
    if value_at(properties, "apiServerAccessProfile.enablePrivateCluster"):
        said["private"] = True
    said |= _settings(extension)
    tier = str(value_at(document, "sku.tier") or "free").lower()
    if tier not in ("free", "standard"):
        raise NotDeclarableError(f"a stack file has no key for its tier {tier!r}")
    if tier != "free":
        said["sku"] = tier
    return _with_tags(said, document)


def _pool(pools: Sequence[Document]) -> JsonObject:
    """Return what a cluster's only pool says."""
    if len(pools) != 1:
        raise NotDeclarableError(f"it has {len(pools)} pools, and a stack file declares one")
    (pool,) = pools
    if pool.get("name") != _POOL:
        raise NotDeclarableError(f"its pool is named {pool.get('name')!r}, not {_POOL!r}")
    said: JsonObject = {"vm_size": pool.get("vmSize"), "nodes": pool.get("count")}
    if pool.get("enableAutoScaling"):
        least, most = pool.get("minCount"), pool.get("maxCount")
        if least != pool.get("count"):
            raise NotDeclarableError(
                f"its pool has {pool.get('count')} nodes now and scales from {least}: an update"
                " would remove the others"
            )
        said["max_nodes"] = most
    if pool.get("vnetSubnetID"):
        said["subnet_id"] = pool["vnetSubnetID"]
    return said


def _settings(extension: Document) -> JsonObject:
    kind = str(value_at(extension, "properties.extensionType")).lower()
    if kind != _EXTENSION_TYPE:
        raise NotDeclarableError(f"Azure ML's extension is not installed on it as {EXTENSION!r}")
    found = value_at(extension, "properties.configurationSettings") or {}
    said: JsonObject = {}
    for key, name, usual in (
        ("training", "enableTraining", True),
        ("inference", "enableInference", False),
    ):
        value = str(found.get(name)).lower() == "true"
        if value != usual:
            said[key] = value
    return said


def _require_near(document: Document, location: str) -> None:
    if not same_location(str(document.get("location")), location):
        raise NotDeclarableError(
            f"it is in {document.get('location')}, and a stack's are in its own region, {location}"
        )


def _require_identity(document: Document) -> None:
    kind = str(value_at(document, "identity.type"))
    if kind.lower() != "systemassigned":
        raise NotDeclarableError("its identity is not its system-assigned one")


def _storage_sku(region: Document) -> str:
    """Return the redundancy of a region's storage account, if the service makes it."""
    stores: Sequence[Document] = region.get("storageAccountDetails") or []
    images: Sequence[Document] = region.get("acrDetails") or []
    if len(stores) != 1 or len(images) != 1:
        raise NotDeclarableError("a region has several storage accounts or container registries")
    own = value_at(stores[0], "systemCreatedStorageAccount")
    registry = value_at(images[0], "systemCreatedAcrAccount")
    if not isinstance(own, Mapping) or not isinstance(registry, Mapping):
        raise NotDeclarableError("its storage account or container registry is one of your own")
    if str(registry.get("acrAccountSku")).lower() != _REGISTRY_SKU:
        raise NotDeclarableError(
            f"a stack file has no key for its {registry.get('acrAccountSku')} container registry"
        )
    return str(own.get("storageAccountType"))


def _with_tags(said: JsonObject, document: Document) -> JsonObject:
    return {**said, "tags": document["tags"]} if document.get("tags") else said
