"""Reads a checkpoint as the Pulumi CLI 3.260 does, and refuses what that refuses.

The rules are Pulumi's own, not this product's: names of keys, the order of entries, and the marks
of secrets, as recorded from the CLI.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

FEATURES = {
    "hooks", "taint", "replaceWith", "refreshBeforeUpdate", "views", "byteString",
    "snippets-prototype", "extensionParameterization",
}  # fmt: skip
RESOURCE = {
    "urn", "custom", "delete", "id", "type", "inputs", "outputs", "parent", "protect", "taint",
    "external", "dependencies", "initErrors", "provider", "propertyDependencies",
    "pendingReplacement", "additionalSecretOutputs", "aliases", "customTimeouts", "importID",
    "retainOnDelete", "deletedWith", "replaceWith", "created", "modified", "sourcePosition",
    "stackTrace", "ignoreChanges", "hideDiff", "replaceOnChanges", "replacementTrigger",
    "refreshBeforeUpdate", "viewOf", "resourceHooks", "extensionRef", "snippetID",
}  # fmt: skip
LATEST = {"manifest", "secrets_providers", "resources", "pending_operations", "metadata"}
PENDING_KEYS = {"type", "resource", "absentChecked"}  # the last is ours, and skipped
PENDING = {"creating", "updating", "deleting", "reading", "importing"}
SIGNATURE, SECRET = "4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
SEALED = re.compile(r"v1:[A-Za-z0-9+/=]{16}:[A-Za-z0-9+/=]+")


class RefusedError(Exception):
    """The CLI would not go on with this file."""


def read_as_the_cli(data: bytes, stack: str) -> list[dict[str, Any]]:
    """Return the entries of a checkpoint; ``RefusedError`` with all that is wrong with it."""
    document = json.loads(data)
    wrong = list(_document(document, stack))
    if wrong:
        raise RefusedError("\n".join(wrong))
    return list((document["checkpoint"].get("latest") or {}).get("resources") or [])


def _document(document: dict[str, Any], stack: str) -> Iterator[str]:
    version, features = document.get("version"), set(document.get("features") or ())
    if version not in {3, 4} or features - FEATURES or (version == 3 and features):
        yield f"version {version} with features {features}"
    checkpoint = document.get("checkpoint") or {}
    if checkpoint.get("stack") != stack:
        yield f"the stack is {checkpoint.get('stack')!r}"
    latest = checkpoint.get("latest")
    if latest is None:  # a stack that was only created
        return
    if latest.keys() - LATEST:
        yield f"keys {latest.keys() - LATEST}"
    manifest = latest.get("manifest") or {}
    if manifest.get("magic") != hashlib.sha256(manifest.get("version", "").encode()).hexdigest():
        yield "the magic is not the version's"
    if not TIME.fullmatch(manifest.get("time", "")):
        yield f"time {manifest.get('time')!r}"
    resources = latest.get("resources") or []
    yield from _entries(resources)
    for each in latest.get("pending_operations") or []:
        if each.get("type") not in PENDING or each.keys() - PENDING_KEYS:
            yield f"a pending operation {each.get('type')!r} with {[*each]}"
        yield from _entry(each["resource"])
    yield from _secrets(latest, providers=bool(latest.get("secrets_providers")))


def _entries(resources: list[dict[str, Any]]) -> Iterator[str]:
    """Yield where an entry refers to what does not come before it, or is there twice."""
    seen: dict[str, set[str]] = {}
    for entry in resources:
        yield from _entry(entry)
        urn = entry.get("urn", "")
        for other in _references(entry):
            if other not in seen:
                yield f"{urn} refers to {other}, which does not come before it"
        provider, _, id_ = entry.get("provider", "").rpartition("::")
        if provider and not entry.get("pendingReplacement") and id_ not in seen.get(provider, ()):
            yield f"{urn} has the provider {provider}::{id_}, which does not come before it"
        seen.setdefault(urn, set()).add(entry.get("id", ""))
    kept = [entry["urn"] for entry in resources if not entry.get("delete")]
    if len(kept) != len(set(kept)):
        yield f"URNs that are there twice: {sorted({urn for urn in kept if kept.count(urn) > 1})}"


def _entry(entry: dict[str, Any]) -> Iterator[str]:
    urn = entry.get("urn", "")
    if not urn.startswith("urn:pulumi:") or urn.count("::") < 3 or not entry.get("type"):
        yield f"an entry without a URN or a type: {urn!r}"
    if entry.keys() - RESOURCE:
        yield f"{urn} has the keys {entry.keys() - RESOURCE}"
    if not isinstance(entry.get("custom"), bool) or (entry.get("id") and not entry["custom"]):
        yield f"{urn} is custom {entry.get('custom')!r} with the id {entry.get('id')!r}"
    if entry.get("delete") and entry.get("pendingReplacement"):
        yield f"{urn} waits for its deletion and for its replacement"
    for key in ("created", "modified"):
        if key in entry and not TIME.fullmatch(entry[key]):
            yield f"{urn} was {key} at {entry[key]!r}"


def _references(entry: dict[str, Any]) -> Iterator[str]:
    for key in ("parent", "deletedWith", "viewOf"):
        if entry.get(key):
            yield entry[key]
    for key in ("dependencies", "replaceWith"):
        yield from entry.get(key) or ()
    for urns in (entry.get("propertyDependencies") or {}).values():
        yield from urns or ()


def _secrets(value: Any, *, providers: bool) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets(item, providers=providers)
    if not isinstance(value, dict):
        return
    if value.get(SIGNATURE) == SECRET:
        if not providers or not SEALED.fullmatch(value.get("ciphertext", "")):
            yield "a secret that the stack's provider of secrets did not encrypt"
        return
    for item in value.values():
        yield from _secrets(item, providers=providers)
