"""Soft-deleted key vaults: list, read, purge, and recover by creating one again."""

from typing import Final

from infra.catalogue.names import same_arm_id
from infra.contract.discovery import SUBSCRIPTION
from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route
from localcloud.calls.soft_delete import VAULT, purge, recover, soft_deleted
from localcloud.calls.times import iso
from localcloud.store.resources import StoredResource

_BASE: Final = "/subscriptions/{subscription}/providers/Microsoft.KeyVault"
_ONE: Final = f"{_BASE}/locations/{{location}}/deletedVaults/{{name}}"


def recover_or_refuse(call: Call, mode: str) -> StoredResource | None:
    """Recover the vault if ``createMode`` is ``recover``, and return it.

    Refuses to create a vault whose name a soft-deleted one has, and to recover one that was not
    deleted. Returns ``None`` if a new vault may be created.
    """
    found = soft_deleted(call, VAULT, name=call.arm.name)
    recovering = mode.lower() == "recover"
    if found and recovering and same_arm_id(found[0].id, str(call.arm)):
        recover(call, found[0], str(call.arm.parent))
        return call.cloud.store.resources.get(found[0].id, now=call.now)
    if found:
        raise RefusedError(
            409,
            "ConflictError",
            # Azure's own words
            f"A vault with the same name '{call.arm.name}' already exists in deleted state. You "
            "need to either recover or purge existing key vault.",
            target=call.arm.name,
        )
    if recovering:
        says = f"There is no deleted vault '{call.arm.name}' to recover."
        raise RefusedError(404, "DeletedVaultNotFound", says)
    return None


def _document(vault: StoredResource) -> JsonObject:
    location = vault.document["location"]
    base = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/{location}"
    return {
        "id": f"{base}/deletedVaults/{vault.name}",
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": {
            "vaultId": vault.id,
            "location": location,
            "tags": vault.document.get("tags") or {},
            "deletionDate": iso(vault.modified),
            "scheduledPurgeDate": iso(vault.gone or 0.0),
            "purgeProtectionEnabled": bool(vault.properties.get("enablePurgeProtection")),
        },
    }


def _list(call: Call) -> Reply:
    return page(_document(vault) for vault in soft_deleted(call, VAULT))


def _named(call: Call) -> StoredResource:
    name, location = call.params["name"], call.params["location"].lower()
    for vault in soft_deleted(call, VAULT, name=name):
        if vault.document["location"] == location:
            return vault
    raise RefusedError(
        404, "DeletedVaultNotFound", f"The deleted vault '{name}' was not found in '{location}'."
    )


def _get(call: Call) -> Reply:
    return answer(_document(_named(call)))


def _purge(call: Call) -> Reply:
    vault = _named(call)
    if vault.properties.get("enablePurgeProtection"):
        says = f"The vault '{vault.name}' has purge protection; it is purged when it expires."
        raise RefusedError(400, "DeletedVaultPurge", says)
    purge(call, vault)
    return Reply(200)


ROUTES: Final = (
    Route("GET", f"{_BASE}/deletedVaults", _list),
    Route("GET", _ONE, _get),
    Route("POST", f"{_ONE}/purge", _purge),
)
