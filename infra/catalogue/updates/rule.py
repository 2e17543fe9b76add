"""The effect of changing a property, as data, and how its rule is looked up. Pure.

The rows are in the modules beside this one. A path is written as in Pulumi
(``properties.properties.vmSize``), without list indices; a row covers everything below its path
that has no row of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Change(StrEnum):
    """The effect of changing a property."""

    IN_PLACE = "in place"  # a full PUT
    PARTIAL = "in place, by PATCH"  # a PATCH if nothing else changes, otherwise part of the PUT
    ACTION = "in place, by an action"  # a POST of its own; a PUT does not change it
    REPLACE = "replace"
    IGNORED = "ignored"  # answered with 200, without effect


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """The effect of a change at ``path``, and its source.

    ``only_if`` restricts a replacement to certain changes of old to new value; any other is made
    in place. ``condition`` describes them.
    """

    path: str
    change: Change
    source: str
    action: str = ""
    only_if: Callable[[object, object], bool] | None = None
    condition: str = ""


UpdateRules = Mapping[str, UpdateRule]

# Sources.
ID: Final = "part of the resource id"
BY_URL: Final = "Azure Resource Manager: given by the URL of the request"
LOCATION: Final = "Azure Resource Manager: a resource does not move"
MODEL: Final = "SDK model documentation: cannot be changed after creation"
UPDATE_MODEL: Final = "Azure ML REST contract: member of the update model"
PATCH: Final = "Azure ML REST contract: the only member of the PATCH schema"
CREATE_READ: Final = "OpenAPI: mutability create, read"
FORCE_NEW: Final = "azurerm: ForceNew"
BY_PUT: Final = "azurerm: updated by a full PUT"
SERVICE_SAYS: Final = "the service's own documentation"
UNSAID: Final = "no source documents a change: assumed fixed"
OVERWRITES: Final = "OpenAPI: a PUT overwrites it"
REPEATED: Final = "OpenAPI: a PUT overwrites it; rotates credentials"
IGNORES: Final = "issue reports: Azure/bicep#17617, Azure/bicep-types-az#2543"
NO_RECREATION: Final = "issue reports: hashicorp/terraform-provider-azurerm"


def rows(change: Change, source: str, paths: str, *, below: str = "") -> tuple[UpdateRule, ...]:
    """Return a row for each word in ``paths``, all of them below the path ``below``."""
    prefix = f"{below}." if below else ""
    return tuple(UpdateRule(f"{prefix}{path}", change, source) for path in paths.split())


def by_path(rules: Iterable[UpdateRule]) -> UpdateRules:
    """Return rows by path; a later row for the same path wins."""
    return {rule.path: rule for rule in rules}


def covers(path: str, inner: str) -> bool:
    """Return whether ``inner`` is ``path`` or below it."""
    return inner == path or inner.startswith(f"{path}.")


def rule_at(rules: UpdateRules, path: str) -> UpdateRule | None:
    """Return the row that covers ``path``: its own, or the nearest above it."""
    while path and path not in rules:
        path = path.rpartition(".")[0]
    return rules.get(path)
