"""The secrets of key vaults at the vaults' own address, as ``azure-keyvault-secrets`` uses it.

Each secret has one version, the newest. A deleted secret is gone at once. Keys are in
``vault_keys``; certificates are not implemented.

Microsoft's clients of vaults refuse ids with more in their path than ``/secrets/NAME/VERSION``. So
such an id does not name the vault, which a version alone identifies.
"""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from infra.catalogue.body_shapes import Shape
from infra.contract.discovery import TENANT
from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call, Handler, Reply, answer
from localcloud.calls.network_access import vault_refusal
from localcloud.calls.routes import Route
from localcloud.calls.tokens import claims_of
from localcloud.calls.vault_secrets import SECRETS, VALUE, VERSION
from localcloud.store.resources import StoredResource

InVault = Callable[[Call, StoredResource], Reply]
_TYPE: Final = "Microsoft.KeyVault/vaults"
_WRITES: Final = frozenset({"PUT", "PATCH"})
_BODY: Final[Shape] = {
    "value": "string",
    "contentType": "string",
    "tags": {"*": "string"},
    "attributes": {"enabled": "boolean", "exp": "integer", "nbf": "integer"},
}


def vault_error(status: int, code: str, message: str, inner: str = "") -> Reply:
    """Return an error as vaults answer it."""
    error: JsonObject = {"code": code, "message": message}
    return answer({"error": error | ({"innererror": {"code": inner}} if inner else {})}, status)


def in_vault(handle: InVault) -> Handler:
    """Return a handler that finds the vault, its caller, and whether the network lets them in."""

    def handler(call: Call) -> Reply:
        found = _caller(call)
        if not found:
            return _challenge(call)
        name = call.params["vault"].partition(".")[0]
        vaults = call.cloud.store.resources.of_type(_TYPE, name=name, now=call.now)
        if not vaults:
            return vault_error(404, "VaultNotFound", f"There is no vault '{name}' in this cloud.")
        refused = vault_refusal(call, vaults[0], found)
        if refused:
            return vault_error(403, "Forbidden", refused.message, refused.code)
        return handle(call, vaults[0])

    return handler


def by_version(
    handle: InVault, type: str, versions: Callable[[StoredResource], Iterable[str]]
) -> Handler:
    """Return the handler for an id that does not name the vault; other calls are not its own."""
    inside = in_vault(handle)

    def handler(call: Call) -> Reply | None:
        name, wanted = call.params["name"], call.params["version"]
        for found in call.cloud.store.resources.of_type(type, name=name, now=call.now):
            if wanted in versions(found):
                vault = found.parent.rpartition("/")[2]
                return inside(replace(call, params={**call.params, "vault": vault}))
        return None

    return handler


def _caller(call: Call) -> JsonObject:
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    claims = claims_of(call.cloud, token.strip()) if scheme.lower() == "bearer" else None
    return claims if claims and claims["exp"] > call.now else {}


def _challenge(call: Call) -> Reply:
    """Say where tokens come from: clients of vaults ask before they sign in."""
    reply = vault_error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
    reply.headers["WWW-Authenticate"] = (
        f'Bearer authorization="{call.origin}/{TENANT}", resource="{call.origin}"'
    )
    return reply


def _put(call: Call, vault: StoredResource) -> Reply:
    body, old = call.json(), _find(call, vault)
    if body.get("value") is None:
        return vault_error(400, "BadParameter", "Property value has invalid value")
    document = {
        "location": vault.document["location"],
        "tags": body.get("tags") or {},
        VERSION: uuid.uuid4().hex,
        "properties": {
            **({"contentType": body["contentType"]} if body.get("contentType") else {}),
            "attributes": _attributes(call, old, body.get("attributes") or {}),
        },
    }
    made = StoredResource(
        id=f"{vault.id}/secrets/{call.params['name']}",
        type=SECRETS,
        parent=vault.id,
        document=document,
        created=old.created if old else call.now,
        modified=call.now,
        scope=vault.scope,
        secrets={VALUE: body["value"]},
    )
    call.cloud.store.resources.put(made)
    return answer(_bundle(call, made))


def _patch(call: Call, vault: StoredResource) -> Reply:
    body, old = call.json(), _find(call, vault)
    if old is None or not _is_version(call, old):
        return _missing(call)
    attributes = {**(old.properties.get("attributes") or {}), **(body.get("attributes") or {})}
    kind = body.get("contentType") or old.properties.get("contentType")
    properties = {
        **({"contentType": kind} if kind else {}),
        "attributes": {**attributes, "updated": int(call.now)},
    }
    tags = old.document.get("tags") if body.get("tags") is None else body["tags"]
    new = replace(old, document={**old.document, "tags": tags, "properties": properties})
    call.cloud.store.resources.put(new)
    return answer(_bundle(call, new, value=False))


def _attributes(call: Call, old: StoredResource | None, given: JsonObject) -> JsonObject:
    before = (old.properties.get("attributes") or {}) if old else {}
    now = int(call.now)
    return {"enabled": True, **given, "created": before.get("created") or now, "updated": now}


def _get(call: Call, vault: StoredResource) -> Reply:
    secret = _find(call, vault)
    if secret is None or not _is_version(call, secret):
        return _missing(call)
    if (secret.properties.get("attributes") or {}).get("enabled") is False:
        message = "Operation get is not allowed on a disabled secret."
        return vault_error(403, "Forbidden", message, "SecretDisabled")
    return answer(_bundle(call, secret))


def _list(call: Call, vault: StoredResource) -> Reply:
    found = call.cloud.store.resources.children(vault.id, type=SECRETS, now=call.now)
    items = [_bundle(call, each, value=False, version=False) for each in found]
    return answer({"value": items, "nextLink": None})


def _versions(call: Call, vault: StoredResource) -> Reply:
    secret = _find(call, vault)
    items = [] if secret is None else [_bundle(call, secret, value=False)]
    return answer({"value": items, "nextLink": None})


def _delete(call: Call, vault: StoredResource) -> Reply:
    secret = _find(call, vault)
    if secret is None:
        return _missing(call)
    call.cloud.store.resources.remove([secret.id])
    return answer(_bundle(call, secret, value=False))


def _find(call: Call, vault: StoredResource) -> StoredResource | None:
    id_ = f"{vault.id}/secrets/{call.params['name']}"
    return call.cloud.store.resources.get(id_, now=call.now)


def _is_version(call: Call, secret: StoredResource) -> bool:
    return call.params.get("version", "") in ("", secret.document[VERSION])


def _missing(call: Call) -> Reply:
    name = "/".join(filter(None, (call.params["name"], call.params.get("version"))))
    return vault_error(
        404,
        "SecretNotFound",
        f"A secret with (name/id) {name} was not found in this key vault. If you recently deleted"
        " this secret you may be able to recover it using the correct recovery command.",
    )


def _bundle(
    call: Call, secret: StoredResource, *, value: bool = True, version: bool = True
) -> JsonObject:
    url = f"{call.cloud.url}/secrets/{secret.name}"
    kind = secret.properties.get("contentType")
    return {
        **({"value": secret.secrets[VALUE]} if value else {}),
        **({"contentType": kind} if kind else {}),
        "id": f"{url}/{secret.document[VERSION]}" if version else url,
        "attributes": secret.properties.get("attributes") or {},
        "tags": secret.document.get("tags") or {},
    }


def _routes() -> tuple[Route, ...]:
    one = "/{vault:vault}/secrets/{name}"
    table: tuple[tuple[str, str, InVault], ...] = (
        ("GET", "/{vault:vault}/secrets", _list),
        ("GET", f"{one}/versions", _versions),
        ("PUT", one, _put),
        ("GET", one, _get),
        ("GET", f"{one}/", _get),
        ("DELETE", one, _delete),
        ("GET", f"{one}/{{version}}", _get),
        ("PATCH", f"{one}/", _patch),
        ("PATCH", f"{one}/{{version}}", _patch),
    )
    by_id = by_version(_get, SECRETS, lambda secret: [secret.document[VERSION]])
    return (
        *(
            Route(
                verb,
                template,
                in_vault(handle),
                open=True,
                shape=_BODY if verb in _WRITES else "any",
            )
            for verb, template, handle in table
        ),
        Route("GET", "/secrets/{name}/{version}", by_id, open=True),
    )


ROUTES: Final = _routes()
