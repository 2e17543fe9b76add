"""Roles, as clients look them up by name or GUID before they assign one: Azure's own and custom.

Built-in ones are the same at every scope. What each allows is left out: the cloud refuses nobody.
Custom ones are stored, and have what was written.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from infra.catalogue.roles import ROLES, role_title
from infra.contract.json_types import JsonObject
from localcloud.behaviours.rows import kind_of
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError, invalid
from localcloud.calls.routes import Route
from localcloud.store.resources import StoredResource

_TYPE: Final = "Microsoft.Authorization/roleDefinitions"
_PATH: Final = f"/providers/{_TYPE}"
_SCOPES: Final = ("", "/subscriptions/{subscription}", "/subscriptions/{subscription}/{scope:path}")
_ASSIGNMENT: Final = "Microsoft.Authorization/roleAssignments"
_BUILT_IN: Final = "BuiltInRole"
_CUSTOM: Final = "CustomRole"
_TERM: Final = re.compile(
    r"(?P<key>roleName|type)\s+eq\s+'(?P<text>(?:[^']|'')*)'|atScope(?:AndBelow)?\(\)",
    re.IGNORECASE,
)
_AND: Final = re.compile(r"\s+and\s+", re.IGNORECASE)

_Wanted = Callable[[JsonObject], bool]


def _roles(call: Call) -> Iterator[JsonObject]:
    # The ids of built-in roles name the subscription at most, whatever the scope.
    subscription = call.params.get("subscription")
    above = f"/subscriptions/{subscription}" if subscription else ""
    for role, guid in ROLES.items():
        yield {
            "id": f"{above}{_PATH}/{guid}",
            "name": guid,
            "type": _TYPE,
            "properties": {
                "roleName": role_title(role),
                "type": _BUILT_IN,
                "description": "",
                "assignableScopes": ["/"],
                "permissions": [],
            },
        }

    for each in _custom(call):
        yield _shown(each)


def _custom(call: Call) -> list[StoredResource]:
    return list(call.cloud.store.resources.of_type(_TYPE, now=call.now))


def _shown(role: StoredResource) -> JsonObject:
    return {"id": role.id, "name": role.name, "type": _TYPE, **role.document}


def _fill(call: Call, wanted: JsonObject, old: StoredResource | None) -> JsonObject:
    """Refuse a change of a role of Azure's, and a name that another role has."""
    properties = {"description": "", "permissions": [], **(wanted.get("properties") or {})}
    properties["type"] = _CUSTOM
    missing = [key for key in ("roleName", "assignableScopes") if not properties.get(key)]
    if missing:
        says = "The property '{}' is required."
        raise invalid([(f"properties.{key}", says.format(key)) for key in missing])
    name, guid = str(properties["roleName"]).lower(), call.arm.name.lower()
    for role in _roles(call):
        same = role["name"].lower() == guid
        if same and old is None:
            raise RefusedError(400, "BadRequest", f"The role '{guid}' is one of Azure's own.")
        if not same and role["properties"]["roleName"].lower() == name:
            raise RefusedError(
                409,
                "RoleDefinitionWithSameNameExists",
                "A custom role with the same name already exists in this directory. Use a different"
                " name.",
            )
    return {**wanted, "properties": properties}


def _keep_assigned(call: Call) -> Reply | None:
    guid = call.arm.name.lower()
    for each in call.cloud.store.resources.of_type(_ASSIGNMENT, now=call.now):
        if str(each.properties.get("roleDefinitionId")).rpartition("/")[2].lower() == guid:
            raise RefusedError(
                400,
                "RoleDefinitionHasAssignments",
                "There are existing role assignments referencing role (code:"
                " RoleDefinitionHasAssignments).",
            )
    return None


def _list(call: Call) -> Reply:
    wanted = _filter(call.query.get("$filter", ""))
    return page(role for role in _roles(call) if all(each(role) for each in wanted))


def _filter(text: str) -> list[_Wanted]:
    """Return the conditions of ``$filter``: ``roleName eq 'Reader' and atScope()``."""
    return [_condition(term) for term in _AND.split(text.strip())] if text.strip() else []


def _condition(term: str) -> _Wanted:
    found = _TERM.fullmatch(term.strip())
    if found is None:
        says = f"The filter '{term}' is not one of roleName eq, type eq, atScope()."
        raise RefusedError(400, "InvalidFilter", says)
    if found["key"] is None:
        return lambda _: True
    key = "type" if found["key"].lower() == "type" else "roleName"
    text = found["text"].replace("''", "'").lower()
    return lambda role: str(role["properties"][key]).lower() == text


def _get(call: Call) -> Reply:
    guid = call.params["role"].lower()
    for role in _roles(call):
        if role["name"].lower() == guid:
            return answer(role)
    raise RefusedError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{guid}' does not exist. The local cloud has the"
        " built-in roles that a stack file names, and the custom ones that were made in it.",
    )


ROUTES: Final = tuple(
    Route("GET", f"{scope}{_PATH}{rest}", handler)
    for scope in _SCOPES
    for rest, handler in (("", _list), ("/{role}", _get))
)
KINDS: Final = (
    replace(
        kind_of(_TYPE),
        provisioning=False,
        put=(201, 201),
        fill=_fill,
        handlers={"DELETE": _keep_assigned},
    ),
)
