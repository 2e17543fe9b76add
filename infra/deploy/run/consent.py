"""What `--replace NAME` refers to, and which replacements need consent. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from infra.contract.errors import UsageError
from infra.contract.load import look_up
from infra.deploy.stack.change_lines import reason
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import Loaded, Resource, urn_name

_URN: Final = "urn:pulumi:"
_REPLACED: Final = frozenset({Op.REPLACE, Op.CREATE_REPLACEMENT})


def named_urns(names: Iterable[str], loaded: Loaded) -> frozenset[str]:
    """Return the URNs of the resources to replace, given by URN or by name in the stack file.

    A name means the compute first, then any other resource. Raises ``UnknownNameError`` with the
    nearest name, and ``UsageError`` if several resources have it.
    """
    given = list(names)
    urns = {name for name in given if name.startswith(_URN)}
    return frozenset(urns | {_urn(name, loaded) for name in given if name not in urns})


def _urn(name: str, loaded: Loaded) -> str:
    known: dict[str, list[Resource]] = {}
    for resource in loaded.resources:
        if resource.custom and resource.id.startswith("/") and not resource.delete:
            for each in {resource.id.rpartition("/")[2], urn_name(resource.urn)}:
                known.setdefault(each, []).append(resource)
    found = look_up(name, known, noun="resource")
    # A component and its resource share a name, and so may a compute and something else.
    chosen = [resource for resource in found if resource.type == COMPUTE] or found
    if len(chosen) > 1:
        raise UsageError(
            f"{len(chosen)} resources are named {name!r}.",
            remedy="Give the URN of one: " + ", ".join(each.urn for each in chosen) + ".",
        )
    return chosen[0].urn


def unconsented(steps: Iterable[Step], allowed: Collection[str]) -> dict[str, str]:
    """Return the workspaces that a plan replaces without consent, by name with the reason."""
    named = {name.casefold() for name in allowed}
    replaced = (step for step in steps if step.type == WORKSPACE and step.op in _REPLACED)
    names = {step.id.rpartition("/")[2] or urn_name(step.urn): reason(step) for step in replaced}
    return {name: reason for name, reason in names.items() if name.casefold() not in named}


def lost_workspaces(unconsented: dict[str, str]) -> Sequence[str]:
    """Return a sentence for each workspace that would be lost."""
    return [
        f"The plan replaces workspace {name!r} and deletes its runs, models and data assets"
        + (f" ({reason})." if reason else ".")
        for name, reason in sorted(unconsented.items())
    ]


def refuse_lost_workspaces(unconsented: dict[str, str]) -> None:
    """Refuse a plan that replaces workspaces nobody named."""
    if unconsented:
        options = " ".join(f"--replace-workspace {name}" for name in sorted(unconsented))
        raise UsageError(
            " ".join(lost_workspaces(unconsented)),
            remedy=f"Undo the change, or allow it with `aml up {options}`.",
        )
