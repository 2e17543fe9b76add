"""Former identities: which old URNs a resource may be found under. Pure."""

from collections.abc import Collection, Iterator

from infra.engine.model.goals import Alias, Goal
from infra.engine.model.resources import make_urn, urn_name, urn_type


def candidates(
    goal: Goal, stack: str, project: str, parent_was: str, known_names: Collection[str]
) -> Iterator[str]:
    """Yield old URNs in the order they are to be tried; the resource's own is not among them.

    ``parent_was`` is the parent's old URN if the parent itself was found under an alias, else
    empty. ``known_names`` are the names old state holds: an alias whose name is not there can not
    match, and a Compute has fifty of them, so nothing is formatted for it.
    """
    for alias in goal.aliases:
        if alias.urn:
            yield alias.urn
        elif (alias.name or goal.name) in known_names:
            yield from _spelled(alias, goal, stack, project, parent_was)
    if parent_was:
        yield from _inherited(goal, stack, project, parent_was, known_names)


def _spelled(alias: Alias, goal: Goal, stack: str, project: str, parent_was: str) -> Iterator[str]:
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
    """Yield where children of a renamed parent were; a name beginning with its name follows."""
    names = dict.fromkeys([goal.name, *(a.name or goal.name for a in goal.aliases if not a.urn)])
    types = dict.fromkeys([goal.type, *(a.type or goal.type for a in goal.aliases if not a.urn)])
    for alias in goal.aliases:
        if alias.urn:
            names.setdefault(urn_name(alias.urn))
            types.setdefault(urn_type(alias.urn))
    for name in names:
        now, before = urn_name(goal.parent), urn_name(parent_was)
        former = before + name[len(now) :] if name.startswith(now) else name
        if former in known_names:
            for type_ in types:
                yield make_urn(stack, project, parent_was, type_, former)
