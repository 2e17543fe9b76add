"""Azure's built-in roles, as clients look them up by name or GUID before they assign one.

They are the same at every scope. What each allows is left out: the cloud refuses nobody.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from infra.catalogue.roles import ROLES, role_title
from infra.contract.json_types import JsonObject
from localcloud.calls.messages import Call, Reply, answer, page
from localcloud.calls.refusals import RefusedError
from localcloud.calls.routes import Route

_TYPE: Final = "Microsoft.Authorization/roleDefinitions"
_PATH: Final = f"/providers/{_TYPE}"
_SCOPES: Final = ("", "/subscriptions/{subscription}", "/subscriptions/{subscription}/{scope:path}")
_BUILT_IN: Final = "BuiltInRole"
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
        if role["name"] == guid:
            return answer(role)
    raise RefusedError(
        404,
        "RoleDefinitionDoesNotExist",
        f"The specified role definition with ID '{guid}' does not exist. The local cloud has the"
        " built-in roles that a stack file names.",
    )


ROUTES: Final = tuple(
    Route("GET", f"{scope}{_PATH}{rest}", handler)
    for scope in _SCOPES
    for rest, handler in (("", _list), ("/{role}", _get))
)
