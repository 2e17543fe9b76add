"""What is in key vaults, as Resource Manager shows it: secrets without values, access policies."""

import uuid
from dataclasses import replace
from typing import Final

from infra.contract.discovery import TENANT
from infra.contract.json_types import Document, JsonObject
from localcloud.behaviours.rows import kind_of
from localcloud.calls.lookups import existing, find
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route
from localcloud.calls.vault_secrets import SECRETS, VERSION, secret_url
from localcloud.store.resources import StoredResource

_VAULT: Final = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.KeyVault"
    "/vaults/{vault}"
)
_KINDS: Final = ("keys", "secrets", "certificates", "storage")


def _secret(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    properties = dict(wanted.get("properties") or {})
    attributes = {"enabled": True, **(properties.get("attributes") or {})}
    created = (old.properties.get("attributes") or {}).get("created") if old else None
    attributes |= {"created": created or int(call.now), "updated": int(call.now)}
    vault = existing(call, call.arm.parent)
    return {
        **wanted,
        "location": vault.document["location"],
        VERSION: uuid.uuid4().hex,
        "properties": {**properties, "attributes": attributes},
    }


def _show_secret(call: Call, secret: StoredResource, body: JsonObject) -> JsonObject:
    url = secret_url(call, secret)
    links = {"secretUri": url, "secretUriWithVersion": f"{url}/{secret.document[VERSION]}"}
    shown = {key: each for key, each in body.items() if key != VERSION}
    return {**shown, "properties": {**body["properties"], **links}}


def _no_delete(call: Call) -> Reply:
    """Refuse as Resource Manager does, which cannot delete what is in a vault."""
    raise RefusedError(
        405,
        "MethodNotAllowed",
        f"The resource type '{call.arm.type}' does not support the method DELETE;"
        " delete the secret at its vault.",
    )


def _change_policies(call: Call) -> Reply:
    """Add, replace or remove entries of a vault's access policies, by object id."""
    part = call.params
    id_ = (
        f"/subscriptions/{part['subscription']}/resourceGroups/{part['group']}"
        f"/providers/Microsoft.KeyVault/vaults/{part['vault']}"
    )
    change = _CHANGES.get(part["change"].lower())
    if change is None:
        says = f"'{part['change']}' is not one of {', '.join(_CHANGES)}."
        raise RefusedError(400, "BadRequest", says)
    given = (call.json().get("properties") or {}).get("accessPolicies")
    if not isinstance(given, list):
        path = "properties.accessPolicies"
        raise invalid([(path, f"The property '{path}' is required.")])
    for entry in given:
        _require_policy(entry)
    with call.cloud.store.database.write():
        vault = existing(call, id_)
        kept = {str(each["objectId"]).lower(): each for each in policies_of(vault)}
        for entry in given:
            _put(kept, str(entry["objectId"]), change(kept.get(_key(entry)), entry))
        put_policies(call, vault, list(kept.values()))
    body = {"properties": {"accessPolicies": list(kept.values())}}
    return answer(
        {"id": f"{vault.id}/accessPolicies/", **body, "type": f"{vault.type}/accessPolicies"}
    )


def policies_of(vault: StoredResource) -> list[JsonObject]:
    """Return the access policies of a vault."""
    return [dict(each) for each in vault.properties.get("accessPolicies") or ()]


def put_policies(call: Call, vault: StoredResource, policies: list[JsonObject]) -> None:
    """Store a vault with other access policies."""
    properties = {**vault.properties, "accessPolicies": policies}
    document = {**vault.document, "properties": properties}
    call.cloud.store.resources.put(replace(vault, document=document))


def give_workspace_access(call: Call, vault_id: str, principal: str) -> None:
    """Let a workspace's identity into its vault, as Azure ML does unless roles decide."""
    vault = find(call, vault_id)
    if vault is None or not principal or vault.properties.get("enableRbacAuthorization"):
        return
    others = [p for p in policies_of(vault) if _key(p) != principal.lower()]
    permissions = {"keys": ["all"], "secrets": ["all"], "certificates": ["all"]}
    own = {"tenantId": TENANT, "objectId": principal, "permissions": permissions}
    put_policies(call, vault, [*others, own])


def _put(kept: dict[str, JsonObject], principal: str, entry: JsonObject | None) -> None:
    if entry is None:
        kept.pop(principal.lower(), None)
    else:
        kept[principal.lower()] = entry


def _key(entry: Document) -> str:
    return str(entry.get("objectId")).lower()


def _require_policy(entry: object) -> None:
    found = entry if isinstance(entry, dict) else {}
    missing = [key for key in ("tenantId", "objectId", "permissions") if not found.get(key)]
    if missing:
        at = "properties.accessPolicies"
        raise invalid([(at, f"An access policy needs {', '.join(missing)}.")])


def _added(old: JsonObject | None, entry: JsonObject) -> JsonObject:
    if old is None:
        return entry
    return {**entry, "permissions": {kind: _words(old, kind) + [
        word for word in _words(entry, kind) if word not in _words(old, kind)
    ] for kind in _KINDS if _words(old, kind) or _words(entry, kind)}}  # fmt: skip


def _removed(old: JsonObject | None, entry: JsonObject) -> JsonObject | None:
    """Return what is left of an entry: the permissions that are not named."""
    if old is None:
        return None
    gone = {kind: {word.lower() for word in _words(entry, kind)} for kind in _KINDS}
    left = {
        kind: [word for word in _words(old, kind) if word.lower() not in gone[kind]]
        for kind in _KINDS
    }
    return {**old, "permissions": left} if any(left.values()) else None


def _words(entry: Document, kind: str) -> list[str]:
    return [str(word) for word in (entry.get("permissions") or {}).get(kind) or ()]


_CHANGES: Final = {"add": _added, "replace": lambda _, entry: entry, "remove": _removed}

KINDS: Final = (
    replace(
        kind_of(SECRETS),
        provisioning=False,
        fill=_secret,
        show=_show_secret,
        handlers={"DELETE": _no_delete},
    ),
)
ROUTES: Final = (
    Route(
        "PUT",
        f"{_VAULT}/accessPolicies/{{change}}",
        _change_policies,
        shape={"properties": {"accessPolicies": [{"permissions": {"*": ["string"]}}]}},
    ),
)
