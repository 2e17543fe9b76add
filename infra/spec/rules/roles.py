"""Rules of role assignments: one who gets the role, one place where it counts."""

from collections.abc import Iterator, Mapping
from typing import Any

from infra.spec.rules.findings import Finding, exactly_one


def who_and_where(assignment: Mapping[str, Any]) -> Iterator[Finding]:
    who = exactly_one(assignment, "identity", "workspace_identity", "principal_id")
    where = exactly_one(assignment, "scope", "scope_id")
    yield from (((), problem) for problem in (who, where) if problem)


def workspace_has_one(stack: Mapping[str, Any]) -> Iterator[Finding]:
    """Refuse roles for a system-assigned identity that the workspace is told not to have."""
    workspace = stack.get("workspace")
    identity = workspace.get("identity") if isinstance(workspace, Mapping) else None
    if not isinstance(identity, Mapping) or identity.get("type") != "user_assigned":
        return
    assignments = stack.get("role_assignments")
    for index, each in enumerate(assignments if isinstance(assignments, list | tuple) else ()):
        if isinstance(each, Mapping) and each.get("workspace_identity"):
            yield (
                ("role_assignments", index, "workspace_identity"),
                "the workspace has no system-assigned identity; name the identity it acts as.",
            )
