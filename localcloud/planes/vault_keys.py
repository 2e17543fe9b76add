"""The keys of key vaults at the vaults' own address, as ``azure-keyvault-keys`` uses it.

RSA keys that encrypt and wrap, with their versions. A deleted key is gone at once. Signing,
importing and rotation policies are not implemented.
"""

import base64
import binascii
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from infra.catalogue.body_shapes import Shape
from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call, Handler, Reply, answer
from localcloud.calls.routes import Route
from localcloud.planes.vaults import InVault, by_version, in_vault, vault_error
from localcloud.store.resources import StoredResource

_KEYS: Final = "Microsoft.KeyVault/vaults/keys"
_SIZES: Final = (2048, 3072, 4096)
_EXPONENT: Final = 65537
_ALL: Final = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "RSA-OAEP": hashes.SHA1,
    "RSA-OAEP-256": hashes.SHA256,
}
_UPDATE: Final[Mapping[str, Shape]] = {
    "key_ops": ["string"],
    "tags": {"*": "string"},
    "attributes": {"enabled": "boolean", "exp": "integer", "nbf": "integer"},
}
_CREATE: Final[Shape] = {**_UPDATE, "kty": "string", "key_size": "integer"}
_USE: Final[Shape] = {"alg": "string", "value": "string"}


def _create(call: Call, vault: StoredResource) -> Reply:
    body = call.json()
    kind, size = str(body.get("kty") or ""), int(body.get("key_size") or _SIZES[0])
    if kind not in {"RSA", "RSA-HSM"}:
        return _bad(f"Property kty has invalid value: {kind!r}. This cloud has RSA keys.")
    if size not in _SIZES:
        return _bad(f"Property key_size has invalid value: {size}; it is one of {_SIZES}.")
    return _add_version(call, vault, kind, size, body)


def _rotate(call: Call, vault: StoredResource) -> Reply:
    key = _find(call, vault)
    if key is None:
        return _missing(call)
    last = _versions_of(key)[-1]
    keeps = {"key_ops": last["key_ops"], "tags": last["tags"]}
    return _add_version(call, vault, last["kty"], int(last["size"]), keeps)


def _add_version(
    call: Call, vault: StoredResource, kind: str, size: int, body: JsonObject
) -> Reply:
    private = rsa.generate_private_key(_EXPONENT, size)
    version, now, old = uuid.uuid4().hex, int(call.now), _find(call, vault)
    made = {
        "version": version,
        "kty": kind,
        "size": size,
        "key_ops": body.get("key_ops") or list(_ALL),
        "tags": body.get("tags") or {},
        "attributes": {
            "enabled": True,
            **(body.get("attributes") or {}),
            "created": now,
            "updated": now,
            "recoveryLevel": "Purgeable",
        },
    }
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    key = StoredResource(
        id=f"{vault.id}/keys/{call.params['name']}",
        type=_KEYS,
        parent=vault.id,
        document={"location": vault.document["location"], "versions": [*_versions_of(old), made]},
        created=old.created if old else call.now,
        modified=call.now,
        scope=vault.scope,
        secrets={**(old.secrets if old else {}), version: pem.decode("ascii")},
    )
    call.cloud.store.resources.put(key)
    return answer(_bundle(call, key, made))


def _get(call: Call, vault: StoredResource) -> Reply:
    key = _find(call, vault)
    found = _version(call, key)
    return _missing(call) if key is None or found is None else answer(_bundle(call, key, found))


def _patch(call: Call, vault: StoredResource) -> Reply:
    body, key = call.json(), _find(call, vault)
    found = _version(call, key)
    if key is None or found is None:
        return _missing(call)
    attributes = {**found["attributes"], **(body.get("attributes") or {}), "updated": int(call.now)}
    given = {name: body[name] for name in ("key_ops", "tags") if body.get(name) is not None}
    changed = {**found, **given, "attributes": attributes}
    versions = [changed if each is found else each for each in _versions_of(key)]
    new = replace(key, document={**key.document, "versions": versions})
    call.cloud.store.resources.put(new)
    return answer(_bundle(call, new, changed))


def _list(call: Call, vault: StoredResource) -> Reply:
    found = call.cloud.store.resources.children(vault.id, type=_KEYS, now=call.now)
    items = [_item(call, key, _versions_of(key)[-1], version=False) for key in found]
    return answer({"value": items, "nextLink": None})


def _list_versions(call: Call, vault: StoredResource) -> Reply:
    key = _find(call, vault)
    items = [] if key is None else [_item(call, key, each) for each in _versions_of(key)]
    return answer({"value": items, "nextLink": None})


def _delete(call: Call, vault: StoredResource) -> Reply:
    key = _find(call, vault)
    if key is None:
        return _missing(call)
    call.cloud.store.resources.remove([key.id])
    return answer(_bundle(call, key, _versions_of(key)[-1]))


def _encrypted(private: rsa.RSAPrivateKey, value: bytes, scheme: padding.OAEP) -> bytes:
    return private.public_key().encrypt(value, scheme)


def _decrypted(private: rsa.RSAPrivateKey, value: bytes, scheme: padding.OAEP) -> bytes:
    return private.decrypt(value, scheme)


_Apply = Callable[[rsa.RSAPrivateKey, bytes, padding.OAEP], bytes]


def _use(operation: str, apply: _Apply) -> InVault:
    """Return the handler of an operation with a key; ``operation`` is its name in ``key_ops``."""

    def handler(call: Call, vault: StoredResource) -> Reply:
        body, key = call.json(), _find(call, vault)
        found = _version(call, key)
        if key is None or found is None:
            return _missing(call)
        if found["attributes"].get("enabled") is False:
            says = f"Operation {operation} is not allowed on a disabled key."
            return vault_error(403, "Forbidden", says, "KeyDisabled")
        if operation not in found["key_ops"]:
            says = f"Operation {operation} is not permitted on this key."
            return vault_error(403, "Forbidden", says, "KeyOperationForbidden")
        algorithm = _HASHES.get(str(body.get("alg")))
        if algorithm is None:
            return _bad(f"Property alg has invalid value; this cloud has {', '.join(_HASHES)}.")
        scheme = padding.OAEP(padding.MGF1(algorithm()), algorithm(), label=None)
        try:
            done = apply(_private(key, found), _decode(str(body.get("value") or "")), scheme)
        except (ValueError, binascii.Error):
            return _bad("The parameter is incorrect.")
        return answer({"kid": _url(call, key, found), "value": _encode(done)})

    return handler


def _find(call: Call, vault: StoredResource) -> StoredResource | None:
    id_ = f"{vault.id}/keys/{call.params['name']}"
    return call.cloud.store.resources.get(id_, now=call.now)


def _versions_of(key: StoredResource | None) -> list[JsonObject]:
    return [] if key is None else list(key.document["versions"])


def _by_version(handle: InVault) -> Handler:
    return by_version(
        handle, _KEYS, lambda key: [str(each["version"]) for each in _versions_of(key)]
    )


def _version(call: Call, key: StoredResource | None) -> JsonObject | None:
    """Return the version that a call names, else the newest."""
    wanted = call.params.get("version", "")
    versions = key.document["versions"] if key else []
    return next((each for each in reversed(versions) if wanted in ("", each["version"])), None)


def _private(key: StoredResource, version: JsonObject) -> rsa.RSAPrivateKey:
    pem = str(key.secrets[version["version"]]).encode()
    loaded = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise TypeError("The store has a key of another kind than RSA.")
    return loaded


def _missing(call: Call) -> Reply:
    name = "/".join(filter(None, (call.params["name"], call.params.get("version"))))
    return vault_error(
        404, "KeyNotFound", f"A key with (name/id) {name} was not found in this key vault."
    )


def _bad(message: str) -> Reply:
    return vault_error(400, "BadParameter", message)


def _url(call: Call, key: StoredResource, version: JsonObject | None) -> str:
    name = f"{call.cloud.url}/keys/{key.name}"
    return f"{name}/{version['version']}" if version else name


def _item(
    call: Call, key: StoredResource, found: JsonObject, *, version: bool = True
) -> JsonObject:
    shown = {"attributes": found["attributes"], "tags": found["tags"]}
    return {"kid": _url(call, key, found if version else None), **shown}


def _bundle(call: Call, key: StoredResource, found: JsonObject) -> JsonObject:
    public = _private(key, found).public_key().public_numbers()
    jwk = {
        "kid": _url(call, key, found),
        "kty": found["kty"],
        "key_ops": found["key_ops"],
        "n": _encode(public.n.to_bytes((public.n.bit_length() + 7) // 8)),
        "e": _encode(public.e.to_bytes(3)),
    }
    return {"key": jwk, "attributes": found["attributes"], "tags": found["tags"]}


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


_USES: Final[tuple[tuple[str, str, _Apply], ...]] = (
    ("encrypt", "encrypt", _encrypted),
    ("decrypt", "decrypt", _decrypted),
    ("wrapkey", "wrapKey", _encrypted),
    ("unwrapkey", "unwrapKey", _decrypted),
)


def _routes() -> tuple[Route, ...]:
    one = "/{vault:vault}/keys/{name}"
    version = f"{one}/{{version}}"
    uses = [(path, _use(operation, apply)) for path, operation, apply in _USES]
    table: tuple[tuple[str, str, InVault, Shape], ...] = (
        ("GET", "/{vault:vault}/keys", _list, "any"),
        ("POST", f"{one}/create", _create, _CREATE),
        ("POST", f"{one}/rotate", _rotate, "any"),
        *(("POST", f"{one}/{path}", handle, _USE) for path, handle in uses),
        *(("POST", f"{version}/{path}", handle, _USE) for path, handle in uses),
        ("GET", f"{one}/versions", _list_versions, "any"),
        ("GET", one, _get, "any"),
        ("GET", f"{one}/", _get, "any"),
        ("DELETE", one, _delete, "any"),
        ("GET", version, _get, "any"),
        ("PATCH", f"{one}/", _patch, _UPDATE),
        ("PATCH", version, _patch, _UPDATE),
    )
    anywhere = "/keys/{name}/{version}"
    return (
        *(
            Route(verb, template, in_vault(handle), open=True, shape=shape)
            for verb, template, handle, shape in table
        ),
        Route("GET", anywhere, _by_version(_get), open=True),
        *(
            Route("POST", f"{anywhere}/{path}", _by_version(handle), open=True, shape=_USE)
            for path, handle in uses
        ),
    )


ROUTES: Final = _routes()
