"""The steps of a plan as data and as words: for `--json`, saved plans, and every view. Pure."""

from collections.abc import Mapping
from typing import Final

from infra.contract.json_types import JsonObject
from infra.deploy.stack.change_lines import shown
from infra.engine.model.events import Op, Step

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
COUNTED: Final[Mapping[Op, str]] = {
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
HALVES: Final = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})


def plan_line(changes: Mapping[Op, int]) -> str:
    """Return ``8 to create, 1 to update, 3 unchanged``, or ``no changes``."""
    parts = [f"{changes[op]} {words}" for op, words in COUNTED.items() if changes.get(op)]
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
