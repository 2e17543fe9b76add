"""Rules for role assignments: one principal, one scope."""

from collections.abc import Iterator, Mapping
from typing import Final

from infra.contract.json_types import Document
from infra.spec.problems import did_you_mean
from infra.spec.roles import WORKSPACE_ROLES
from infra.spec.rules.findings import Finding, entries, exactly_one, grants, listed

_WHO: Final = ("identity", "workspace_identity", "compute", "principal_id")
_PARTS: Final = ("role", *_WHO, "scope", "scope_id")


def who_and_where(assignment: Document) -> Iterator[Finding]:
    who = exactly_one(assignment, *_WHO)
    where = exactly_one(assignment, "scope", "scope_id")
    yield from (((), problem) for problem in (who, where) if problem)


def fit_the_workspace(stack: Document) -> Iterator[Finding]:
    """Report what the workspace lacks or gets anyway, and duplicates."""
    found = stack.get("workspace")
    workspace: Document = found if isinstance(found, Mapping) else {}
    given = _given(workspace)
    seen: dict[tuple[str, ...], int] = {}
    for index, each in entries(stack, "role_assignments"):
        at = ("role_assignments", index)
        if each.get("workspace_identity") and _type(workspace) == "user_assigned":
            message = "the workspace has no system-assigned identity; set identity instead."
            yield (*at, "workspace_identity"), message
        if each.get("scope") in listed(workspace, "without"):
            yield (*at, "scope"), f"the workspace is created without {each['scope']}."
        if (each.get("identity"), each.get("role"), each.get("scope")) in given:
            message = "the workspace's own identity gets this role anyway; remove the entry."
            yield at, message
        key = tuple(str(each.get(part)).rstrip("/").lower() for part in _PARTS)
        if key in seen:
            yield at, f"is a duplicate of aml:role_assignments[{seen[key]}]."
        seen.setdefault(key, index)


def computes_have_an_identity(stack: Document) -> Iterator[Finding]:
    computes = {str(each.get("name")): each for _, each in entries(stack, "computes")}
    for entry, assignment in grants(stack):
        name = assignment.get("compute")
        if not isinstance(name, str):
            continue
        at = (*entry, "compute")
        if name not in computes:
            hint = did_you_mean(name, list(computes)) or f" Declared: {', '.join(computes)}."
            yield at, f"{name!r} is not declared under aml:computes.{hint if computes else ''}"
        elif "system" not in str(_type(computes[name])):
            yield at, f"{name!r} has no system-assigned identity; give it one."


def _given(workspace: Document) -> set[tuple[object, str, str]]:
    """Return the identity, role and scope of the assignments a deployment makes by itself."""
    identity = workspace.get("identity")
    names = listed(identity, "names") if isinstance(identity, Mapping) else []
    if not names or _type(workspace) != "user_assigned":
        return set()
    return {(names[0], role, scope) for role, scope in WORKSPACE_ROLES}


def _type(owner: Document) -> object:
    identity = owner.get("identity")
    return identity.get("type") if isinstance(identity, Mapping) else None
