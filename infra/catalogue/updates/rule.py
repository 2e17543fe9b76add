"""What becomes of a changed property, as data: the words, and how a row is looked up. Pure.

The rows are in the modules beside this one. A path is in Pulumi's spelling
(``properties.properties.vmSize``), without list indices; a row speaks for all that lies below it
unless a longer path speaks for itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Change(StrEnum):
    """What a change of a property comes to."""

    IN_PLACE = "in place"  # a full PUT
    PARTIAL = "in place, by PATCH"  # a PATCH with it alone; a full PUT where more changes
    ACTION = "in place, by an action"  # a POST of its own; what a PUT says of it is ignored
    REPLACE = "replace"
    IGNORED = "ignored"  # accepted with 200, and nothing changes


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """What becomes of a change at ``path``, and who says so.

    ``only_if`` narrows a replacement: the changes of old to new value that replace; any other is
    made in place. ``condition`` says the same in words.
    """

    path: str
    change: Change
    source: str
    action: str = ""
    only_if: Callable[[object, object], bool] | None = None
    condition: str = ""


UpdateRules = Mapping[str, UpdateRule]

# Who says so.
ID: Final = "part of the resource id"
BY_URL: Final = "Azure Resource Manager: the address of the request says it"
LOCATION: Final = "Azure Resource Manager: a resource does not move"
MODEL: Final = "SDK model documentation: cannot be changed once it has been created"
UPDATE_MODEL: Final = "Azure ML REST contract: member of the update model"
PATCH: Final = "Azure ML REST contract: the PATCH schema, which has this alone"
CREATE_READ: Final = "OpenAPI: mutability create, read"
FORCE_NEW: Final = "azurerm: ForceNew"
BY_PUT: Final = "azurerm: updated by a full PUT"
SERVICE_SAYS: Final = "the service's own documentation"
UNSAID: Final = "no source says that it can be changed: taken to be fixed"
OVERWRITES: Final = "OpenAPI: a PUT overwrites what is there"
REPEATED: Final = "OpenAPI: a PUT overwrites what is there; how credentials are rotated"
IGNORES: Final = "issue reports: Azure/bicep#17617, Azure/bicep-types-az#2543"
NO_RECREATION: Final = "issue reports: hashicorp/terraform-provider-azurerm"


def rows(change: Change, source: str, paths: str, *, below: str = "") -> tuple[UpdateRule, ...]:
    """Return one row for each of the words in ``paths``; ``below`` is what they lie in."""
    prefix = f"{below}." if below else ""
    return tuple(UpdateRule(f"{prefix}{path}", change, source) for path in paths.split())


def by_path(rules: Iterable[UpdateRule]) -> UpdateRules:
    """Return rows by their path; a later row of the same path wins."""
    return {rule.path: rule for rule in rules}


def covers(path: str, inner: str) -> bool:
    """Tell whether ``inner`` is ``path`` or lies below it."""
    return inner == path or inner.startswith(f"{path}.")


def rule_at(rules: UpdateRules, path: str) -> UpdateRule | None:
    """Return the row that speaks for ``path``: its own, or that of the nearest above it."""
    while path and path not in rules:
        path = path.rpartition(".")[0]
    return rules.get(path)
