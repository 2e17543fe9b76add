"""Former identities: under which old URNs a resource may be in state. Pure."""

from collections.abc import Collection, Iterator

from infra.engine.model.goals import Alias, Goal
from infra.engine.model.resources import make_urn, urn_name, urn_type


def candidates(
    goal: Goal, stack: str, project: str, parent_was: str, known_names: Collection[str]
) -> Iterator[str]:
    """Yield the old URNs in the order to try them, without the resource's own.

    ``parent_was`` is the parent's old URN if the parent itself was found under an alias, else
    empty. ``known_names`` are the names in old state.
    """
    # An alias whose name is not in state cannot match. An azure-native Compute has fifty aliases:
    # no URN is formatted for any of those.
    for alias in goal.aliases:
        if alias.urn:
            yield alias.urn
        elif (alias.name or goal.name) in known_names:
            yield from _explicit(alias, goal, stack, project, parent_was)
    if parent_was:
        yield from _inherited(goal, stack, project, parent_was, known_names)


def _explicit(alias: Alias, goal: Goal, stack: str, project: str, parent_was: str) -> Iterator[str]:
    today = [urn for urn in (parent_was, goal.parent) if urn] or [""]
    said = [alias.parent_urn] if alias.parent_urn else today
    for parent in dict.fromkeys([""] if alias.no_parent else said):
        yield make_urn(
            alias.stack or stack,
            alias.project or project,
            parent,
            alias.type or goal.type,
            alias.name or goal.name,
        )


def _inherited(
    goal: Goal, stack: str, project: str, parent_was: str, known_names: Collection[str]
) -> Iterator[str]:
    """Yield the former URNs of a child of a renamed parent."""
    names = dict.fromkeys([goal.name, *(a.name or goal.name for a in goal.aliases if not a.urn)])
    types = dict.fromkeys([goal.type, *(a.type or goal.type for a in goal.aliases if not a.urn)])
    for alias in goal.aliases:
        if alias.urn:
            names.setdefault(urn_name(alias.urn))
            types.setdefault(urn_type(alias.urn))
    for name in names:
        # Pulumi's rule: a name that starts with the parent's was renamed along with it.
        now, before = urn_name(goal.parent), urn_name(parent_was)
        former = before + name[len(now) :] if name.startswith(now) else name
        if former in known_names:
            for type_ in types:
                yield make_urn(stack, project, parent_was, type_, former)
