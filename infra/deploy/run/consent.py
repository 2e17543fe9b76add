"""What `--replace NAME` refers to, and which replacements need consent. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from infra.catalogue.documents import value_at
from infra.catalogue.updates.table import COMPUTE, WORKSPACE
from infra.contract.command_line import stack_command
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


@dataclass(frozen=True, slots=True)
class Loss:
    """A resource that a plan replaces without consent, with what it holds.

    ``option`` is the one of `aml up` that allows it.
    """

    id: str
    what: str
    holds: str
    option: str
    reason: str

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]

    def __str__(self) -> str:
        why = f" ({self.reason})" if self.reason else ""
        return f"The plan replaces {self.what} {self.name!r} and deletes {self.holds}{why}."


def unconsented(
    steps: Iterable[Step], workspaces: Collection[str], named: Collection[str] = ()
) -> list[Loss]:
    """Return what a plan replaces that nobody named: workspaces, and compute instances.

    ``workspaces`` are those whose replacement is allowed; ``named`` the URNs to replace. The
    instances of a workspace go with it, so they need no consent of their own.
    """
    replaced = [step for step in steps if step.op in _REPLACED]
    allowed = {name.casefold() for name in workspaces}
    losses: dict[str, Loss] = {}
    for step in replaced:
        if step.type == WORKSPACE:
            loss = _loss(step, "workspace", "its runs, models and data assets")
            if loss.name.casefold() not in allowed:
                losses[loss.id] = replace(loss, option=f"--replace-workspace {loss.name}")
    if any(step.type == WORKSPACE for step in replaced):
        return list(losses.values())
    for step in replaced:
        if _is_instance(step) and step.urn not in named:
            loss = _loss(step, "compute instance", "its disk")
            losses[loss.id] = replace(loss, option=f"--replace {loss.name}")
    return list(losses.values())


def _is_instance(step: Step) -> bool:
    if step.type != COMPUTE:
        return False
    return str(value_at(step.old, "properties.computeType")).lower() == "computeinstance"


def _loss(step: Step, what: str, holds: str) -> Loss:
    return Loss(step.id or urn_name(step.urn), what, holds, "", reason(step))


def refuse_losses(losses: Sequence[Loss], stack: str) -> None:
    """Refuse a plan that replaces what nobody named."""
    if losses:
        ordered = sorted(losses, key=lambda loss: loss.name)
        options = " ".join(loss.option for loss in ordered)
        raise UsageError(
            " ".join(map(str, ordered)),
            remedy=f"Undo the change, or allow it with {stack_command(f'up {options}', stack)}.",
        )
