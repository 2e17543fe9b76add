"""One resource or pending operation: the engine's record ↔ the checkpoint's JSON entry.

Pure except the vault, which encrypts secrets. It knows the key order and the omission rules of
Pulumi's resource entry; ``integrity`` checks whether entries are consistent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from infra.contract.errors import StateError
from infra.contract.json_types import Document, JsonObject
from infra.engine.model.resources import OperationKind, PendingOperation, Resource, is_urn
from infra.engine.model.values import whole
from infra.engine.state.properties import Vault, decoded, encoded

_Form = Literal["text", "flag", "texts", "map", "fields", "values", "value", "numbers", "kept"]


@dataclass(frozen=True, slots=True)
class _Key:
    """One key of an entry; ``attribute`` is empty where the record keeps it in ``extra``."""

    key: str
    form: _Form
    attribute: str = ""
    always: bool = False


_KEYS: Final = (
    _Key("urn", "text", "urn", always=True),
    _Key("custom", "flag", "custom", always=True),
    _Key("delete", "flag", "delete"),
    _Key("id", "text", "id"),
    _Key("type", "text", "type", always=True),
    _Key("inputs", "values", "inputs"),
    _Key("outputs", "values", "outputs"),
    _Key("parent", "text", "parent"),
    _Key("protect", "flag", "protect"),
    _Key("taint", "flag", "taint"),
    _Key("external", "flag", "external"),
    _Key("dependencies", "texts", "dependencies"),
    _Key("initErrors", "texts", "init_errors"),
    _Key("provider", "text", "provider"),
    _Key("propertyDependencies", "map", "property_dependencies"),
    _Key("pendingReplacement", "flag", "pending_replacement"),
    _Key("additionalSecretOutputs", "texts", "additional_secret_outputs"),
    _Key("aliases", "kept"),
    _Key("customTimeouts", "numbers", "custom_timeouts"),
    _Key("importID", "text", "import_id"),
    _Key("retainOnDelete", "flag", "retain_on_delete"),
    _Key("deletedWith", "text", "deleted_with"),
    _Key("replaceWith", "texts", "replace_with"),
    _Key("created", "text", "created"),
    _Key("modified", "text", "modified"),
    _Key("sourcePosition", "text", "source_position"),
    _Key("stackTrace", "kept"),
    _Key("ignoreChanges", "texts", "ignore_changes"),
    _Key("hideDiff", "texts", "hide_diffs"),
    _Key("replaceOnChanges", "texts", "replace_on_changes"),
    _Key("replacementTrigger", "value", "replacement_trigger"),
    _Key("refreshBeforeUpdate", "flag", "refresh_before_update"),
    _Key("viewOf", "kept"),
    _Key("resourceHooks", "map", "hooks"),
    _Key("extension", "fields", "extension"),  # a checkpoint has it once, by a reference
    _Key("snippetID", "kept"),
)
_PLACES: Final = {row.key: place for place, row in enumerate(_KEYS)}
_VERBS: Final = ("create", "update", "delete", "read")  # the order of Pulumi's customTimeouts
_SHAPES: Final[Mapping[_Form, type]] = {
    "text": str,
    "flag": bool,
    "texts": list,
    "map": dict,
    "fields": dict,
    "values": dict,
    "numbers": dict,
}
_KINDS: Final = get_args(OperationKind)
ABSENT_CHECKED: Final = "absentChecked"  # ours; Pulumi passes over keys it does not know


def entry_of(resource: Resource, vault: Vault) -> JsonObject:
    """Return the JSON entry of a resource: keys in Pulumi's order, empty and false ones omitted."""
    entry: JsonObject = {}
    for row in _KEYS:
        value = getattr(resource, row.attribute) if row.attribute else resource.extra.get(row.key)
        written = _written(row, value, vault, resource.urn)
        if row.always or _counts(row, written):
            entry[row.key] = written
    entry.update((key, value) for key, value in resource.extra.items() if key not in _PLACES)
    return entry


def resource_of(entry: Document, vault: Vault) -> Resource:
    """Return the record of a JSON entry; keys it has no field for are kept in ``extra``.

    A malformed entry is a ``StateError`` that names the URN and the key.
    """
    fields: JsonObject = {"extra": {}}
    for key, value in entry.items():
        row = _KEYS[_PLACES[key]] if key in _PLACES else None
        if row is None or not row.attribute:
            fields["extra"][key] = value
        elif value is not None:
            fields[row.attribute] = _read(row, value, vault, str(entry.get("urn")))
    fields.setdefault("custom", False)
    for required in ("urn", "type"):
        if not fields.get(required):
            raise _misshapen(str(entry.get("urn") or entry), required, "is missing")
    require_urn(entry)
    return Resource(**fields)


def require_urn(entry: Document) -> None:
    """Raise ``StateError`` for an entry whose URN is none; a missing one is not looked at here."""
    urn = entry.get("urn")
    if urn and not is_urn(str(urn)):
        raise _misshapen(str(urn), "urn", "is no URN of Pulumi")


def pending_entry(operation: PendingOperation, vault: Vault) -> JsonObject:
    """Return the JSON of an interrupted operation."""
    mark = {ABSENT_CHECKED: True} if operation.absent_checked else {}
    return {"resource": entry_of(operation.resource, vault), "type": operation.kind, **mark}


def pending_of(entry: Document, vault: Vault) -> PendingOperation:
    """Return the record of an interrupted operation."""
    resource, kind = entry.get("resource"), entry.get("type")
    if not isinstance(resource, dict) or kind not in _KINDS:
        raise _misshapen("a pending operation", "type", f"is {kind!r}")
    return PendingOperation(
        resource_of(resource, vault),
        cast("OperationKind", kind),
        absent_checked=entry.get(ABSENT_CHECKED) is True,
    )


def marked_entry(entry: Document, key: str) -> JsonObject:
    """Return ``entry`` with the flag ``key`` set, in key order."""
    return dict(sorted({**entry, key: True}.items(), key=lambda item: _place(item[0])))


def with_outputs(entry: Document, outputs: Document) -> JsonObject:
    """Return ``entry`` with other outputs (already encoded), in key order."""
    changed = {key: value for key, value in entry.items() if key != "outputs"}
    if outputs:
        changed["outputs"] = outputs
    return dict(sorted(changed.items(), key=lambda item: _place(item[0])))


def _place(key: str) -> int:
    return _PLACES.get(key, len(_PLACES))


def _counts(row: _Key, value: object) -> bool:
    """Say whether a value is written at all: a trigger may be ``0``, other values may not."""
    return value is not None if row.form in {"value", "kept"} else bool(value)


def _written(row: _Key, value: object, vault: Vault, urn: str) -> object:
    match row.form, value:
        case "values" | "value", _:
            return encoded(value, vault, f"{urn} {row.key}")
        case "texts", (list() | tuple()) as texts:
            return list(texts)
        case "map", Mapping() as urns:
            return {key: list(urns[key]) for key in sorted(urns)}
        case "numbers", Mapping() as numbers:
            return {verb: whole(numbers[verb]) for verb in _VERBS if numbers.get(verb)}
    return value


def _read(row: _Key, value: object, vault: Vault, urn: str) -> object:
    shape = _SHAPES.get(row.form)
    if shape is not None and not isinstance(value, shape):
        raise _misshapen(urn, row.key, f"is {type(value).__name__}, not {shape.__name__}")
    match row.form, value:
        case "values" | "value", _:
            return decoded(value, vault, f"{urn} {row.key}")
        case "texts", list() as texts:
            return tuple(texts)
        case "map", dict() as lists:
            return {key: tuple(urns or ()) for key, urns in lists.items()}
    return value


def _misshapen(urn: str, key: str, what: str) -> StateError:
    return StateError(
        f"The entry {urn} cannot be read: its `{key}` {what}.",
        remedy="Restore a backup of the stack's state.",
    )
