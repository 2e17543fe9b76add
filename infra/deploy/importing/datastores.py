"""From the datastores of a workspace to their entries in a stack file. Pure.

A read of a datastore returns how it signs in, but neither key, token nor secret of it: these become
references.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.catalogue.names import ArmId
from infra.contract.json_types import Document, JsonObject
from infra.deploy.importing.connections import NotDeclarableError
from infra.deploy.stack.file_entries import SERVICE_ACCESS
from infra.spec.rules.datastores import OWN

_PLACES: Final = {
    "azureblob": ("azure_blob", "container", "containerName"),
    "azuredatalakegen2": ("azure_data_lake_gen2", "filesystem", "filesystem"),
    "azurefile": ("azure_file", "share", "fileShareName"),
}
"""By kind: the stack file's kind, its key for the place, and the service's."""
_SECRETS: Final = {
    "accountkey": ("account_key", "key"),
    "sas": ("sas", "token"),
    "serviceprincipal": ("service_principal", "client_secret"),
}
_ANONYMOUS: Final = "none"
_PROTOCOL: Final = "https"
_STORAGE: Final = ("Microsoft.Storage", ("storageAccounts",))


@dataclass(slots=True)
class ImportedDatastore:
    """The entry of a datastore; ``variables`` are what its references name."""

    entry: JsonObject
    variables: list[str] = field(default_factory=list)


def is_default(document: Document) -> bool:
    """Whether the service makes the datastore for every workspace."""
    return str(document["name"]).lower() in OWN


def imported_datastore(document: Document, own_account: str) -> ImportedDatastore:
    """Return the entry of a datastore. Raises ``NotDeclarableError``.

    ``own_account`` is the id of the workspace's storage account, empty for a project of a hub.
    """
    properties: Document = document["properties"]
    name, type_ = str(document["name"]), str(properties.get("datastoreType"))
    kind, key, place = _PLACES.get(type_.lower(), ("", "", ""))
    if not kind:
        raise NotDeclarableError(f"a stack file cannot declare datastores of type {type_}")
    if str(properties.get("protocol") or _PROTOCOL).lower() != _PROTOCOL:
        raise NotDeclarableError(
            f"a stack file has no key for its protocol {properties.get('protocol')!r}"
        )
    if properties.get("properties"):
        raise NotDeclarableError("a stack file has no key for its properties")
    made = ImportedDatastore({"kind": kind, "name": name})
    made.entry |= {**_account(properties, own_account), key: properties.get(place)}
    made.entry |= _signs_in(made, name, properties)
    access = str(properties.get("serviceDataAccessAuthIdentity") or "None")
    if SERVICE_ACCESS.get(access, access) != "none":
        made.entry["service_access"] = SERVICE_ACCESS.get(access, access)
    for plain in ("description", "tags"):
        if properties.get(plain):
            made.entry[plain] = properties[plain]
    return made


def _account(properties: Document, own: str) -> JsonObject:
    """Return the key for the account, unless it is the workspace's own, which is the default."""
    name = str(properties.get("accountName") or "")
    subscription, group = properties.get("subscriptionId"), properties.get("resourceGroup")
    if not (subscription and group):
        same = own.rpartition("/")[2].lower() == name.lower()
        return {} if same else {"account_name": name}
    # Said even of the own account: the default leaves its group and subscription to the service.
    return {"storage_account_id": str(ArmId(str(subscription), str(group), *_STORAGE, (name,)))}


def _signs_in(made: ImportedDatastore, name: str, properties: Document) -> JsonObject:
    """Return the keys that say how a datastore signs in; none where users do it themselves."""
    known: Mapping[str, object] = properties.get("credentials") or {}
    word = str(known.get("credentialsType") or _ANONYMOUS)
    if word.lower() == _ANONYMOUS:
        return {}
    type_, secret = _SECRETS.get(word.lower(), ("", ""))
    if not type_:
        raise NotDeclarableError(f"a stack file cannot declare its credentials ({word})")
    said: JsonObject = {"type": type_}
    if type_ == "service_principal":
        said |= {"tenant_id": known.get("tenantId"), "client_id": known.get("clientId")}
    text = f"datastore_{name}_{secret}"
    variable = "".join(c if c.isalnum() and c.isascii() else "_" for c in text).upper()
    made.variables.append(variable)
    return {"credentials": {**said, secret: f"env:{variable}"}}
