"""From the connections of a workspace to their entries in a stack file. Pure.

No read of a connection returns how it signs in. What is no secret there (a user, an application,
the names of keys) is taken from an answer to ``listsecrets``; secrets become references.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from infra.catalogue.documents import value_at
from infra.contract.json_types import Document, JsonObject
from infra.spec.connections import AUTHENTICATION, CATEGORIES

_KINDS: Final = {category.lower(): kind for kind, category in CATEGORIES.items()}
_TYPES: Final = {word.lower(): (type_, parts) for type_, (word, parts) in AUTHENTICATION.items()}
_ANONYMOUS: Final = "none"
_CUSTOM: Final = "customkeys"
_SECRETS: Final = frozenset(
    {"pat", "password", "key", "sas_token", "account_key", "secret_access_key", "client_secret"}
)
_UNSAID: Final = ["expiryTime", "isDefault", "sharedUserList", "useWorkspaceManagedIdentity"]
"""Properties of a connection that no key of a stack file is for."""
Secrets = Callable[[], Document]


class NotDeclarableError(Exception):
    """Why a stack file cannot declare a connection as it is, as a clause."""


@dataclass(slots=True)
class ImportedConnection:
    """The entry of a connection; ``variables`` are what its references name."""

    entry: JsonObject
    variables: list[str] = field(default_factory=list)


def imported_connection(document: Document, secrets: Secrets) -> ImportedConnection:
    """Return the entry of a connection. Raises ``NotDeclarableError``.

    ``secrets`` asks for the connection with its credentials, and is called if they are needed.
    """
    properties: Document = document["properties"]
    name, category = str(document["name"]), str(properties.get("category"))
    kind = _KINDS.get(category.lower())
    if kind is None:
        raise NotDeclarableError(f"a stack file cannot declare connections to {category}")
    unsaid = [key for key in _UNSAID if properties.get(key)]
    if unsaid:
        raise NotDeclarableError(f"a stack file has no key for its {', '.join(unsaid)}")
    made = ImportedConnection({"kind": kind, "name": name})
    if properties.get("target"):
        made.entry["target"] = properties["target"]
    made.entry |= _signs_in(made, name, properties, secrets)
    if properties.get("metadata"):
        made.entry["metadata"] = dict(properties["metadata"])
    if properties.get("isSharedToAll") is False:
        made.entry["shared"] = False
    return made


def _signs_in(
    made: ImportedConnection, name: str, properties: Document, secrets: Secrets
) -> JsonObject:
    """Return the keys that say how a connection signs in."""
    word = str(properties.get("authType") or _ANONYMOUS)
    if word.lower() == _ANONYMOUS:
        return {}
    if word.lower() == _CUSTOM:
        keys = value_at(secrets(), "properties.credentials.keys") or {}
        return {"secrets": {key: _reference(made, name, key) for key in keys}}
    type_, parts = _TYPES.get(word.lower(), ("", {}))
    if not type_:
        raise NotDeclarableError(f"a stack file cannot declare its credentials ({word})")
    known: Mapping[str, object] = {}
    if parts.keys() - _SECRETS:
        known = value_at(secrets(), "properties.credentials") or {}
    credentials: JsonObject = {"type": type_}
    for ours, theirs in parts.items():
        if ours in _SECRETS:
            credentials[ours] = _reference(made, name, ours)
        elif known.get(theirs):
            credentials[ours] = known[theirs]
    return {"credentials": credentials}


def _reference(made: ImportedConnection, name: str, what: str) -> str:
    text = f"connection_{name}_{what}"
    variable = "".join(c if c.isalnum() and c.isascii() else "_" for c in text).upper()
    made.variables.append(variable)
    return f"env:{variable}"
