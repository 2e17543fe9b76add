"""Converts Pulumi's flat inputs to ARM bodies and back. Pure.

``request_body`` builds the body of a PUT, ``outputs_of`` reads an answer as the azure-native
provider does, ``inputs_of`` projects an answer onto the inputs for refresh and import.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote, unquote

from infra.catalogue.documents import set_at, value_at, with_value_at
from infra.catalogue.equality import IDENTITIES, identities, known, same
from infra.catalogue.types.row import PARAMETER, SCOPES, ArmType
from infra.catalogue.updates.rule import Change, UpdateRule, covers
from infra.contract.json_types import Document, JsonObject
from infra.contract.provider import UNKNOWN

API_VERSION: Final = "azureApiVersion"
# Needs no quoting in an id; names of resource groups may contain parentheses.
_SAFE: Final = "/()-._~"


def resource_id(row: ArmType, inputs: Document, subscription: str) -> str | None:
    """Return the id that a create would give, or ``None`` while a part of it is unknown."""
    values = {name: value_at(inputs, name) for name in row.parameters}
    if not all(isinstance(value, str) and value != UNKNOWN for value in values.values()):
        return None
    # A scope starts with a slash, and the path has one of its own.
    parts = {name: str(value).strip("/") for name, value in values.items()}
    return row.id_of({"subscriptionId": subscription, **parts})


def url_path(id: str) -> str:
    """Return an id quoted for a URL."""
    return quote(id, safe=_SAFE)


def request_body(row: ArmType, inputs: Document) -> JsonObject:
    """Return the body of a PUT for checked inputs."""
    body: JsonObject = {}
    for name, path in row.inputs.items():
        value = _to_arm(row, name, inputs.get(name))
        if value is not None:
            set_at(body, path, value)
    return body


def partial_body(row: ArmType, update: UpdateRule, inputs: Document) -> JsonObject:
    """Return the body of a partial update: the nested path for a PATCH, the leaf for an action."""
    value = _to_arm(row, update.path, value_at(inputs, update.path))
    if update.change is Change.ACTION:
        return {update.path.rpartition(".")[2]: value}
    body: JsonObject = {}
    set_at(body, row.body_path(update.path), value)
    return body


def keep(
    row: ArmType, body: JsonObject, existing: Document, before: Document | None = None
) -> JsonObject:
    """Add existing values that the inputs do not mention and a PUT would erase.

    ``before`` is the body of the inputs before the update: what it mentions was removed on purpose.
    """
    for path in row.kept:
        value = value_at(existing, path)
        # An empty list has to be sent where the service asks for one, and says nothing.
        if value is not None and not value_at(body, path) and not value_at(before, path):
            set_at(body, path, value)
    return body


def with_found(row: ArmType, inputs: Document, existing: Document) -> Document:
    """Return inputs with the service's values of what they leave as found."""
    if not row.as_found:
        return inputs
    found = settable(row, outputs_of(row, existing))
    # Sorted: what is below a path comes after it.
    for path in sorted(row.as_found):
        value = value_at(found, path)
        if value is not None and value_at(inputs, path) is None:
            inputs = with_value_at(inputs, path, value)
    return inputs


def query(row: ArmType, inputs: Document) -> dict[str, str]:
    """Return the inputs that are sent in the query of a PUT."""
    values = {arm: inputs.get(name) for name, arm in row.query.items()}
    return {arm: _query_text(value) for arm, value in values.items() if value is not None}


def outputs_of(row: ArmType, document: Document) -> JsonObject:
    """Return an ARM document in Pulumi's shape, without nulls."""
    outputs: JsonObject = {API_VERSION: row.api_version}
    for name, path in {**row.inputs, **row.outputs}.items():
        value = _from_arm(row, name, value_at(document, path))
        # The id belongs to the resource; it is not among its outputs.
        if value is not None and name != "id":
            outputs[name] = value
    return outputs


def inputs_of(row: ArmType, id: str, document: Document, stored: Document) -> JsonObject:
    """Return the inputs as the service has them now.

    Only ``stored`` inputs that drifted change; secrets and values that the service does not
    return are kept. With nothing stored (an import), everything that can be set is returned.
    """
    outputs = outputs_of(row, document)
    if stored:
        now = {name: _project(row, name, old, outputs.get(name)) for name, old in stored.items()}
        found = {name: value for name, value in now.items() if value is not None}
        for path in _kept_inputs(row):
            if value_at(stored, path) == []:
                found = dict(with_value_at(found, path, []))
        return found
    return {**settable(row, outputs), **parameters_of(row, id), API_VERSION: row.api_version}


def _kept_inputs(row: ArmType) -> Iterator[str]:
    """Yield the input paths of what a PUT erases if absent; an empty list does not govern it."""
    for kept in row.kept:
        for name, path in row.inputs.items():
            if kept == path or kept.startswith(f"{path}."):
                yield name + kept.removeprefix(path)


def settable(row: ArmType, outputs: Document) -> JsonObject:
    """Return the outputs that can also be inputs, without empty ones."""
    actual = {name: _settable(row, name, outputs[name]) for name in row.inputs if name in outputs}
    return {name: value for name, value in actual.items() if value not in (None, {}, [])}


def parameters_of(row: ArmType, id: str) -> dict[str, str]:
    """Return the inputs an id is made of; empty for the id of another type."""
    texts = PARAMETER.split(row.path)  # each second one is a parameter
    pattern = "".join(_group(each) if at % 2 else re.escape(each) for at, each in enumerate(texts))
    match = re.fullmatch(pattern, id.rstrip("/"), re.IGNORECASE)
    found = match.groupdict() if match else {}
    return {
        name: f"/{value}" if name in SCOPES else unquote(value)
        for name, value in found.items()
        if name != "subscriptionId"
    }


def preview_outputs(row: ArmType, inputs: Document) -> JsonObject:
    """Return the known outputs of a resource that does not exist yet: names, tags, plain values.

    Objects are wholly unknown, because the service adds to them.
    """
    outputs: JsonObject = dict.fromkeys((*row.inputs, *row.outputs), UNKNOWN)
    outputs.pop("id", None)
    for name in row.inputs.keys() & inputs.keys() & outputs.keys():
        if name == "tags" or not isinstance(inputs[name], Mapping | list):
            outputs[name] = inputs[name]
    return {
        **outputs,
        "name": inputs.get(row.name_input, UNKNOWN),
        "type": row.name,
        API_VERSION: row.api_version,
    }


def overlay(row: ArmType, old_outputs: Document, news: Document) -> JsonObject:
    """Return the expected outputs of an update: the old ones with the new inputs on top."""
    changed = {name: news[name] for name in row.inputs.keys() & news.keys() if name != "id"}
    if isinstance(value_at(changed, IDENTITIES), list) and not value_at(old_outputs, IDENTITIES):
        old_outputs = with_value_at(old_outputs, IDENTITIES, {})  # listed, answered as a map
    return _merged(old_outputs, {k: v for k, v in changed.items() if v is not None})


def state_of(document: Document) -> tuple[str, tuple[str, ...]]:
    """Return the provisioning state in lower case, and the reasons if it is not healthy."""
    properties = document.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    state = str(properties.get("provisioningState") or "").lower()
    if state not in {"failed", "canceled"}:
        return state, ()
    errors = properties.get("provisioningErrors") or []
    texts = [str(e.get("error", e).get("message", "")) for e in errors if isinstance(e, Mapping)]
    return state, tuple(filter(None, texts)) or (f"Its provisioning state is {state}.",)


def secret_paths(row: ArmType, outputs: Document) -> tuple[str, ...]:
    """Return the paths in ``outputs`` that state must encrypt."""
    paths = sorted(row.secret | row.secret_outputs)
    return tuple(path for path in paths if value_at(outputs, path) is not None)


def secrets_in(row: ArmType, inputs: Document) -> list[str]:
    """Return the secrets among inputs, to keep them out of messages."""
    return [text for path in row.secret for text in _texts(value_at(inputs, path))]


def _to_arm(row: ArmType, path: str, value: object) -> object:
    if path.endswith(IDENTITIES) and isinstance(value, list):
        return {str(identity): {} for identity in value}
    if isinstance(value, Mapping):
        made = {key: _to_arm(row, f"{path}.{key}", item) for key, item in value.items()}
        return {_arm_key(row, path, k): v for k, v in made.items() if v is not None}
    if isinstance(value, list):
        items = [_to_arm(row, path, item) for item in value]
        return [_wrap(row, path, item) for item in items] if path in row.nested else items
    # Pulumi carries every number as a double, and services reject 4.0 for an integer.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _from_arm(row: ArmType, path: str, value: object) -> object:
    if isinstance(value, Mapping):
        keys = {_arm_key(row, path, key): key for key in _renamed_below(row, path)}
        named = {keys.get(key, key): item for key, item in value.items()}
        made = {key: _from_arm(row, f"{path}.{key}", item) for key, item in named.items()}
        return {key: item for key, item in made.items() if item is not None}
    if isinstance(value, list):
        items = [_flat(item) for item in value] if path in row.nested else value
        return [_from_arm(row, path, item) for item in items]
    return value


def _wrap(row: ArmType, path: str, item: object) -> object:
    """Move what Pulumi flattens in a list item into its ``properties``, as ARM nests it."""
    if not isinstance(item, Mapping):
        return item
    beside = {key: value for key, value in item.items() if key in row.nested[path]}
    inside = {key: value for key, value in item.items() if key not in row.nested[path]}
    return {**beside, "properties": inside} if inside else beside


def _flat(item: object) -> object:
    if not isinstance(item, Mapping) or not isinstance(item.get("properties"), Mapping):
        return item
    return {**item["properties"], **{k: v for k, v in item.items() if k != "properties"}}


def _arm_key(row: ArmType, path: str, key: str) -> str:
    return row.renamed.get(f"{path}.{key}", key)


def _renamed_below(row: ArmType, path: str) -> list[str]:
    """Return the keys directly below ``path`` that ARM names differently."""
    parts = [name.rpartition(".") for name in row.renamed]
    return [key for above, _, key in parts if above == path]


def _project(row: ArmType, path: str, stored: object, actual: object) -> object:
    """Return ``actual`` where it means something else than ``stored``, otherwise ``stored``."""
    if path == "tags":
        # A whole map: tags that a policy added are drift too. None is the same as empty.
        return stored if (actual or {}) == (stored or {}) else actual
    if path.endswith(IDENTITIES) and isinstance(actual, Mapping | list):
        return stored if identities(stored) == identities(actual) else sorted(actual)
    if actual is None or _not_returned(row, path, stored):
        return stored
    if isinstance(stored, Mapping) and isinstance(actual, Mapping):
        return {k: _project(row, f"{path}.{k}", v, actual.get(k)) for k, v in stored.items()}
    if isinstance(stored, list) and isinstance(actual, list):
        return _project_list(row, path, stored, actual)
    return stored if same(path, stored, actual) else actual


def _project_list(
    row: ArmType, path: str, stored: Sequence[object], actual: Sequence[object]
) -> list[object]:
    if path in row.shared:
        named = by_name(actual)
        return [_project(row, path, old, named[at]) for at, old in by_name(stored).items()
                if at in named]  # fmt: skip
    if len(stored) != len(actual):
        # Items cannot be paired, so the whole list counts as drifted.
        return [_settable(row, path, item) for item in actual]
    return [_project(row, path, old, new) for old, new in zip(stored, actual, strict=True)]


def by_name(items: Sequence[object]) -> dict[str, object]:
    """Return the items of a list by name, as Azure compares names."""
    return {str(each.get("name")).lower(): each for each in items if isinstance(each, Mapping)}


def _not_returned(row: ArmType, path: str, stored: object) -> bool:
    """Return whether no answer covers an input: a secret, or a choice left to the service."""
    left_open = path in row.open_ended and row.open_ended[path] == stored
    return left_open or any(covers(secret, path) for secret in row.secret)


def _settable(row: ArmType, path: str, value: object) -> object:
    """Return a value of an answer without properties that only the service sets."""
    if path.endswith(IDENTITIES) and isinstance(value, Mapping):
        return sorted(value)
    if isinstance(value, Mapping):
        below = {key: f"{path}.{key}" for key in value}
        kept = {key: at for key, at in below.items() if at not in row.read_only}
        made = {key: _settable(row, at, value[key]) for key, at in kept.items()}
        return {key: item for key, item in made.items() if item is not None}
    if isinstance(value, list):
        return [_settable(row, path, item) for item in value]
    return value


def _merged(old: Document, new: Document) -> JsonObject:
    return {**old, **{key: _laid_over(old.get(key), value) for key, value in new.items()}}


def _laid_over(old: object, new: object) -> object:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _merged(old, new)
    if isinstance(old, Mapping) and isinstance(new, list):  # identities: listed, answered as a map
        return {str(key): old.get(str(key), UNKNOWN) for key in new}
    return new


def _texts(value: object) -> list[str]:
    if isinstance(value, Mapping):
        # A discriminator (`secretsType`) names the kind of secret and is not secret itself.
        items = [item for key, item in value.items() if not key.endswith("Type")]
        return [text for item in items for text in _texts(item)]
    return [value] if isinstance(value, str) and value and known(value) else []


def _query_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _group(name: str) -> str:
    if "." in name:  # it lies in an input, which the document has
        return "[^/]+"
    return f"(?P<{name}>.+)" if name in SCOPES else f"(?P<{name}>[^/]+)"
