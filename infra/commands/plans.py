"""A plan and its result, as lines for people and as data for `--json`."""

from collections.abc import Iterable, Mapping
from typing import Final

from infra.commands import view
from infra.contract.json_types import JsonObject
from infra.deploy.stack.change_lines import shown, step_lines
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import urn_name

MARKS: Final[Mapping[Op, tuple[str, str]]] = {
    Op.SAME: (" ", "dim"),
    Op.CREATE: ("+", "green"),
    Op.UPDATE: ("~", "yellow"),
    Op.DELETE: ("-", "red"),
    Op.REPLACE: ("+-", "magenta"),
    Op.CREATE_REPLACEMENT: ("++", "green"),
    Op.DELETE_REPLACED: ("--", "red"),
    Op.READ: (">", "cyan"),
    Op.REFRESH: ("~", "cyan"),
    Op.IMPORT: ("=", "cyan"),
    Op.DISCARD: ("<", "dim"),
    Op.ADOPT: ("=", "cyan"),
}
VERBS: Final[Mapping[Op, tuple[str, str]]] = {
    Op.SAME: ("keeping", "kept"),
    Op.CREATE: ("creating", "created"),
    Op.UPDATE: ("updating", "updated"),
    Op.DELETE: ("deleting", "deleted"),
    Op.REPLACE: ("replacing", "replaced"),
    Op.CREATE_REPLACEMENT: ("creating replacement", "created replacement"),
    Op.DELETE_REPLACED: ("deleting original", "deleted original"),
    Op.READ: ("reading", "read"),
    Op.REFRESH: ("reading", "read"),
    Op.IMPORT: ("importing", "imported"),
    Op.DISCARD: ("forgetting", "forgotten"),
    Op.ADOPT: ("adopting", "adopted"),
}
_COUNTED: Final[Mapping[Op, str]] = {
    Op.CREATE: "to create",
    Op.IMPORT: "to import",
    Op.ADOPT: "to adopt",
    Op.UPDATE: "to update",
    Op.REPLACE: "to replace",
    Op.DELETE: "to delete",
    Op.DISCARD: "to forget",
}
_COMPONENTS: Final = ("aml:platform:", "pulumi:pulumi:Stack")
QUIET: Final = frozenset({Op.SAME, Op.READ})
# A replacement is listed once, as such; these are its two halves.
_HALVES: Final = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})


def print_plan(steps: Iterable[Step], *, own_program: bool = False) -> None:
    """Print a line for each resource that would change, and below it what differs.

    Components are counted, not listed: they have the names of the resources in them.
    """
    changing = [step for step in steps if step.op not in QUIET | _HALVES]
    shown = [step for step in changing if own_program or not is_component(step)]
    width = max((len(short_type(step.type)) for step in shown), default=0)
    for step in shown:
        mark, colour = MARKS[step.op]
        line = f"  {mark:<2} {short_type(step.type):<{width}}  {urn_name(step.urn)}"
        view.say(line, colour=None if colour == "dim" else colour)
        for detail in step_lines(step, own_program=own_program):
            view.say(f"        {detail}")
    if len(changing) > len(shown):
        count = len(changing) - len(shown)
        noun, verb = ("component", "groups") if count == 1 else ("components", "group")
        view.say(f"     and {count} {noun} that {verb} these resources")


def plan_line(changes: Mapping[Op, int]) -> str:
    """Return ``8 to create, 1 to update, 3 unchanged``, or ``no changes``."""
    parts = [f"{changes[op]} {words}" for op, words in _COUNTED.items() if changes.get(op)]
    if not parts:
        return f"no changes ({changes.get(Op.SAME, 0)} unchanged)"
    kept = changes.get(Op.SAME, 0)
    return ", ".join([*parts, *([f"{kept} unchanged"] if kept else [])])


def done_line(changes: Mapping[Op, int]) -> str:
    """Return ``8 created, 1 updated, 3 unchanged``, or ``no changes``."""
    parts = [f"{n} {VERBS[op][1]}" for op, n in changes.items() if n and op in _COUNTED]
    if not parts:
        return f"no changes ({changes.get(Op.SAME, 0)} unchanged)"
    kept = changes.get(Op.SAME, 0)
    return ", ".join([*parts, *([f"{kept} unchanged"] if kept else [])])


def step_document(step: Step) -> JsonObject:
    """Return a step as data for ``--json``; secrets in it are hidden already.

    An unchanged resource has its id and nothing else.
    """
    document: JsonObject = {"op": str(step.op), "urn": step.urn, "type": step.type}
    if step.op is Op.SAME:
        return document | ({"id": step.id} if step.id else {})
    document |= {
        key: value
        for key, value in {
            "id": step.id,
            "diffs": dict(step.diffs),
            "replaces": list(step.replaces),
            "reason": step.reason,
            "notes": dict(step.notes),
            "old": shown(step.old),
            "new": shown(step.new),
        }.items()
        if value
    }
    return document


def short_type(type_: str) -> str:
    """Return a type token without its package: ``machinelearningservices:Compute``."""
    return type_.partition(":")[2] if type_.count(":") > 1 else type_


def is_component(step: Step) -> bool:
    """Return whether a step is about a component or the stack, which Azure does not have."""
    return step.type.startswith(_COMPONENTS)
