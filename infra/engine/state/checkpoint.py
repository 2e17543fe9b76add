"""The document of one stack's state, as Pulumi's file backend and ``stack export`` write it.

Pure: bytes in, bytes out. Entries stay JSON here; ``entries`` knows what is in them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from infra.contract.errors import StateError
from infra.contract.json_types import Document, JsonObject
from infra.contract.wrapped_key import WrappedKey
from infra.engine.model.values import SIGNATURE
from infra.engine.state.extensions import collected, referring, resolved

WRITER: Final = "aml-platform"  # free text to Pulumi, which only checks it against ``magic``
_VERSIONS: Final = (3, 4)
_FEATURES: Final[Mapping[str, str]] = {
    "resourceHooks": "hooks",
    "taint": "taint",
    "replaceWith": "replaceWith",
    "refreshBeforeUpdate": "refreshBeforeUpdate",
    "viewOf": "views",
    "snippetID": "snippets-prototype",
    "extension": "extensionParameterization",
}
_KNOWN_FEATURES: Final = {*_FEATURES.values(), "byteString"}
_BYTE_STRING: Final = "803fd3297a5875dc03ca845dda5d2a98"  # the signature of bytes that are no text
_VALUES: Final = ("inputs", "outputs")
_LATEST: Final = (
    "manifest",
    "secrets_providers",
    "resources",
    "pending_operations",
    "metadata",
    "extensions",
)
_OLD: Final = (1, 2)
_REWRITE: Final = (
    "Run `pulumi stack export` and `pulumi stack import`: they write the current version."
)
_RESTORE: Final = "The file was left as it is. Restore a backup beside it, or import an export."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A stack's state as JSON. ``salt``, as a cipher has it, is empty if there never was a secret.

    ``time`` says when it was written. ``sealed``: it may contain a secret, which needs the
    stack's key. ``extra`` holds the keys of ``latest`` this release does not know.
    """

    resources: Sequence[Document] = ()
    pending: Sequence[Document] = ()
    salt: str = ""
    metadata: Document = field(default_factory=dict)
    extra: Document = field(default_factory=dict)
    sealed: bool = False
    time: str = ""


def parse(data: bytes, *, at: str) -> Checkpoint:
    """Return the checkpoint in ``data``: a backend's file, or an export.

    ``StateError`` names the file and what is wrong with it: not JSON, a version or feature this
    release does not know, a ``magic`` that does not fit, another secrets provider.
    """
    document = _document(data, at)
    version, features = document.get("version"), document.get("features") or []
    if version not in _VERSIONS:
        detail = f"Its version is {version!r}; this release reads versions 3 and 4."
        raise StateError(detail, remedy=_REWRITE if version in _OLD else _RESTORE, at=at)
    strange = sorted(set(features) - _KNOWN_FEATURES)
    if strange:
        raise _refused(f"It uses features this release lacks: {', '.join(strange)}.", at)
    latest = _latest(document, at)
    _check_magic(latest.get("manifest"), at)
    extensions = latest.get("extensions") or {}
    return Checkpoint(
        resources=[resolved(each, extensions, at) for each in _entries(latest, "resources", at)],
        pending=[
            {**each, "resource": resolved(each["resource"], extensions, at)}
            if isinstance(each.get("resource"), dict)
            else each
            for each in _entries(latest, "pending_operations", at)
        ],
        salt=_salt(latest.get("secrets_providers"), at),
        metadata=latest.get("metadata") or {},
        extra={key: value for key, value in latest.items() if key not in _LATEST},
        sealed=b'"ciphertext"' in data or b'"plaintext"' in data,
        time=str((latest.get("manifest") or {}).get("time") or ""),
    )


def stack_file(checkpoint: Checkpoint, *, project: str, stack: str, now_ns: int) -> bytes:
    """Return the bytes of a backend's file: compact, in Pulumi's key order."""
    name = f"organization/{project}/{stack}"
    inner = {"stack": name, "latest": _written(checkpoint, now_ns)}
    return dumped({**_version(checkpoint), "checkpoint": inner})


def export(checkpoint: Checkpoint, *, now_ns: int) -> str:
    """Return what ``stack export`` prints: the same document, indented."""
    document = {**_version(checkpoint), "deployment": _written(checkpoint, now_ns)}
    return json.dumps(document, ensure_ascii=False, indent=4) + "\n"


def dumped(document: Document) -> bytes:
    """Return compact JSON and a newline. Half a surrogate pair, which UTF-8 lacks, is escaped."""
    try:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return f"{text}\n".encode()
    except UnicodeEncodeError:
        return f"{json.dumps(document, separators=(',', ':'))}\n".encode()


def timestamp(now_ns: int) -> str:
    """Return nanoseconds since 1970 as RFC 3339 in UTC, the way Go prints them."""
    seconds, fraction = divmod(now_ns, 1_000_000_000)
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{digits}Z"


def without_integrity_error(checkpoint: Checkpoint) -> Checkpoint:
    """Return the checkpoint without an earlier writer's remark that it is inconsistent."""
    kept = {key: value for key, value in checkpoint.metadata.items() if key != "integrity_error"}
    return replace(checkpoint, metadata=kept)


def _written(checkpoint: Checkpoint, now_ns: int) -> JsonObject:
    extensions = collected(_resources(checkpoint))
    if extensions:
        checkpoint = _referring(checkpoint)
    magic = hashlib.sha256(WRITER.encode()).hexdigest()
    return {
        "manifest": {"time": timestamp(now_ns), "magic": magic, "version": WRITER},
        **({"secrets_providers": _provider(checkpoint.salt)} if checkpoint.salt else {}),
        **({"resources": list(checkpoint.resources)} if checkpoint.resources else {}),
        **({"pending_operations": list(checkpoint.pending)} if checkpoint.pending else {}),
        **checkpoint.extra,
        "metadata": checkpoint.metadata,
        **({"extensions": extensions} if extensions else {}),
    }


def _referring(checkpoint: Checkpoint) -> Checkpoint:
    pending = [{**each, "resource": referring(each["resource"])} for each in checkpoint.pending]
    return replace(
        checkpoint, resources=list(map(referring, checkpoint.resources)), pending=pending
    )


def _resources(checkpoint: Checkpoint) -> list[Document]:
    return [*checkpoint.resources, *(each["resource"] for each in checkpoint.pending)]


def _provider(salt: str) -> JsonObject:
    wrapped = WrappedKey.parse(salt)
    if wrapped is None:
        return {"type": "passphrase", "state": {"salt": salt}}
    return {"type": "cloud", "state": {"url": wrapped.url, "encryptedkey": wrapped.encrypted}}


def _version(checkpoint: Checkpoint) -> JsonObject:
    entries = _resources(checkpoint)
    used = {name for key, name in _FEATURES.items() if any(entry.get(key) for entry in entries)}
    if any(_holds(entry.get(key), _BYTE_STRING) for entry in entries for key in _VALUES):
        used.add("byteString")
    return {"version": 4, "features": sorted(used)} if used else {"version": 3}


def _holds(value: object, mark: str) -> bool:
    """Say whether there is a value with that signature anywhere in ``value``."""
    if isinstance(value, dict):
        return value.get(SIGNATURE) == mark or any(_holds(item, mark) for item in value.values())
    return isinstance(value, list) and any(_holds(item, mark) for item in value)


def _document(data: bytes, at: str) -> JsonObject:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise _refused(f"It is not JSON: {error}.", at) from error
    if not isinstance(document, dict):
        raise _refused("It is not a JSON object.", at)
    return document


def _latest(document: Document, at: str) -> JsonObject:
    checkpoint = document.get("checkpoint")
    found = checkpoint.get("latest") if isinstance(checkpoint, dict) else document.get("deployment")
    if checkpoint is None and "deployment" not in document:
        raise _refused("It has neither `checkpoint` nor `deployment`.", at)
    if found is not None and not isinstance(found, dict):
        raise _refused("Its deployment is not a JSON object.", at)
    return found or {}


def _check_magic(manifest: object, at: str) -> None:
    if manifest is None:
        return
    if not isinstance(manifest, dict):
        raise _refused("Its `manifest` is not a JSON object.", at)
    version, magic = str(manifest.get("version", "")), manifest.get("magic")
    if magic and magic != hashlib.sha256(version.encode()).hexdigest():
        raise _refused("Its `magic` does not fit its `version`: it was tampered with.", at)


def _salt(providers: object, at: str) -> str:
    if not providers:
        return ""
    kind = providers.get("type") if isinstance(providers, dict) else providers
    state = (providers.get("state") or {}) if isinstance(providers, dict) else {}
    wrapped = WrappedKey.of(state.get("url"), state.get("encryptedkey"))
    if kind == "cloud" and wrapped is not None:
        return str(wrapped)
    if kind != "passphrase" or not isinstance(providers, dict):
        raise _refused(
            f"Its secrets provider is {kind!r}; `passphrase` and `cloud` are supported.", at
        )
    return str(state.get("salt") or "")


def _entries(latest: Document, key: str, at: str) -> list[Document]:
    entries = latest.get(key) or []
    if not isinstance(entries, list):
        raise _refused(f"Its `{key}` is not a list.", at)
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise _refused(f"Entry {number} of `{key}` is not a JSON object.", at)
    return entries


def _refused(detail: str, at: str) -> StateError:
    return StateError(detail, remedy=_RESTORE, at=at)
