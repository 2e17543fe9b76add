"""Storage accounts: keys and endpoints. The blob endpoint is this cloud."""

from dataclasses import replace
from typing import Final

from infra.contract.json_types import JsonObject
from localcloud.behaviours.minting import (
    times_of_keys,
    two_keys,
    with_new_keys,
    with_properties,
)
from localcloud.behaviours.private_endpoints import with_connections
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import invalid
from localcloud.calls.times import iso
from localcloud.calls.uniqueness import require_unique_name
from localcloud.store.resources import StoredResource

_KEY_NAMES: Final = ("key1", "key2")


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    require_unique_name(call, "StorageAccountAlreadyTaken", old)
    sku = wanted["sku"]
    wanted["sku"] = {**sku, "tier": str(sku["name"]).partition("_")[0]}
    return with_properties(
        wanted,
        {
            "creationTime": iso(call.now),
            "primaryLocation": wanted["location"],
            "statusOfPrimary": "available",
            "accessTier": "Hot",
            "supportsHttpsTrafficOnly": True,
            "minimumTlsVersion": "TLS1_0",
            "networkAcls": {
                "bypass": "AzureServices",
                "virtualNetworkRules": [],
                "ipRules": [],
                "defaultAction": "Allow",
            },
            "encryption": {
                "keySource": "Microsoft.Storage",
                "services": {
                    name: {"enabled": True, "keyType": "Account", "lastEnabledTime": iso(call.now)}
                    for name in ("blob", "file")
                },
            },
            "privateEndpointConnections": [],
        },
    )


def _show(call: Call, resource: StoredResource, body: JsonObject) -> JsonObject:
    """Add the endpoints on reading, because the cloud's port may change.

    Those of services this cloud does not have are its own too, and answer that: an endpoint of
    Azure would send data, and a signature, off this machine.
    """
    base = f"{call.cloud.url}/{resource.name}"
    others = {service: f"{base}.{service}/" for service in ("dfs", "file", "queue", "table", "web")}
    endpoints = {"blob": f"{base}/", **others}
    shown = {**body, "properties": {**body["properties"], "primaryEndpoints": endpoints}}
    return with_connections(call, resource, shown)


def _stored(call: Call, account: StoredResource, old: StoredResource | None) -> None:
    """Create the services of a new account, the parents of containers and shares."""
    for service in () if old else ("blobServices", "fileServices"):
        call.cloud.store.resources.put(
            StoredResource(
                id=f"{account.id}/{service}/default",
                type=f"Microsoft.Storage/storageAccounts/{service}",
                parent=account.id,
                document={"properties": {}},
                created=call.now,
                modified=call.now,
                scope=account.scope,
            )
        )


def _removed(call: Call, account: StoredResource) -> None:
    call.cloud.store.blobs.forget_account(account.name.lower())


def _keys(call: Call) -> Reply:
    return _shown_keys(existing(call))


def _regenerate(call: Call) -> Reply:
    """Replace one of an account's keys; what was signed with the old one is refused from now on."""
    name = str(call.json().get("keyName") or "")
    if name not in _KEY_NAMES:
        says = f"The property 'keyName' must be one of {', '.join(_KEY_NAMES)}, not '{name}'."
        raise invalid([("keyName", says)])
    return _shown_keys(with_new_keys(call, _KEY_NAMES.index(name)))


def _shown_keys(account: StoredResource) -> Reply:
    keys = zip(_KEY_NAMES, account.secrets["keys"], times_of_keys(account), strict=True)
    return answer(
        {
            "keys": [
                {"keyName": name, "value": key, "permissions": "FULL", "creationTime": iso(made)}
                for name, key, made in keys
            ]
        }
    )


KINDS: Final = (
    replace(
        kind_of("Microsoft.Storage/storageAccounts"),
        put=(202, 200),
        location_only=True,
        minted=two_keys,
        fill=_fill,
        show=_show,
        stored=_stored,
        removed=_removed,
        actions={"listKeys": _keys, "regenerateKey": _regenerate},
    ),
)
