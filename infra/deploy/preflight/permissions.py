"""Whether whoever deploys may do what a plan does, by the permissions that Azure lists for them.

Permissions are read at the resource group (at the subscription where there is none yet), and nearer
to a resource only where they do not suffice there. `missing_roles` is pure.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from infra.arm.client import Client
from infra.arm.soft_delete import pages
from infra.catalogue.api_versions import AUTHORIZATION
from infra.catalogue.names import parse_arm_id
from infra.contract.errors import ProviderError
from infra.deploy.preflight.planned import Planned

_ROLES: Final[Mapping[str, str]] = {
    "microsoft.authorization/roleassignments": "Role Based Access Control Administrator",
    "microsoft.authorization/locks": "Owner",
}
"""Resource types whose writes take another role than Contributor."""
_TYPES: Final = {
    "Microsoft.Resources/resourceGroups": "Microsoft.Resources/subscriptions/resourceGroups"
}
"""Resource types that actions call something else."""
_MOST_NAMED: Final = 5
_GROUP: Final = re.compile(r"/subscriptions/[^/]+/resourcegroups/[^/]+", re.IGNORECASE)
_SUBSCRIPTION: Final = re.compile(r"/subscriptions/[^/]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Permission:
    """What one role allows: actions with wildcards, less others."""

    actions: Sequence[str] = ()
    not_actions: Sequence[str] = ()

    def allows(self, action: str) -> bool:
        """Return whether it allows an action, such as ``Microsoft.Storage/…/write``."""
        return _any(self.actions, action) and not _any(self.not_actions, action)


Permissions = Sequence[Permission]
Read = Callable[[str], Permissions]
"""Returns what the caller may do at a scope."""


def missing_roles(plan: Sequence[Planned], read: Read) -> Iterator[str]:
    """Yield a sentence for each role that the caller lacks somewhere."""
    new = {each.new.lower() for each in plan if each.created and each.new}
    lacking: dict[tuple[str, str], list[str]] = {}
    for each in plan:
        for scopes, action in _actions(each, new):
            if scopes and not any(_allowed(read(scope), action) for scope in scopes):
                role = _ROLES.get(action.rpartition("/")[0].lower(), "Contributor")
                lacking.setdefault((role, scopes[0]), []).append(action)
    for (role, scope), actions in lacking.items():
        named = list(dict.fromkeys(actions))
        more = f", and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        yield (
            f"you lack the role {role}, or one that allows the same, at {scope}: it takes"
            f" {', '.join(named[:_MOST_NAMED])}{more}. Ask an owner for it, or log in as another"
            " identity (`aml whoami`)."
        )


def permissions_at(client: Client, unanswered: list[str]) -> Read:
    """Return a reader that asks once a scope; one that is refused allows all, and is a remark."""

    @cache
    def read(scope: str) -> Permissions:
        path = f"{scope}/providers/Microsoft.Authorization/permissions"
        try:
            found = list(pages(client, path, AUTHORIZATION))
        except ProviderError as error:
            unanswered.append(f"Your permissions at {scope} could not be read: {error.detail}")
            return (Permission(("*",)),)
        return [
            Permission(tuple(each.get("actions") or ()), tuple(each.get("notActions") or ()))
            for each in found
        ]

    return read


def _actions(each: Planned, new: Collection[str]) -> Iterator[tuple[list[str], str]]:
    """Yield what a plan does to one resource, with the scopes that may allow it, widest first."""
    type_ = _TYPES.get(each.row.name, each.row.name)
    if each.new:
        yield _scopes(each.new, new, created=each.created), f"{type_}/write"
    if each.old and each.deleted:
        yield _scopes(each.old, new, created=False), f"{type_}/delete"


def _scopes(id_: str, new: Collection[str], *, created: bool) -> list[str]:
    """Return the scopes that exist: the group or the subscription, then what is below it."""
    group = _GROUP.match(id_)
    subscription = _SUBSCRIPTION.match(id_)
    if subscription is None:
        return []
    if group is None or group[0].lower() in new or id_.lower() == group[0].lower():
        return [subscription[0]]
    parsed = parse_arm_id(id_)
    nearer = [parsed.scope or str(parsed.parent), *([] if created else [id_])]
    below = [one for one in nearer if one and len(one) > len(group[0]) and one.lower() not in new]
    return [group[0], *below]


def _allowed(permissions: Permissions, action: str) -> bool:
    return any(each.allows(action) for each in permissions)


def _any(patterns: Iterable[str], action: str) -> bool:
    return any(_pattern(each).fullmatch(action) for each in patterns)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.IGNORECASE)
