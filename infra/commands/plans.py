"""A plan and its result, as lines for people and as data for `--json`."""

from collections.abc import Iterable, Mapping

from infra.commands import view
from infra.deploy.stack.change_lines import step_lines
from infra.deploy.stack.step_documents import (
    COUNTED,
    HALVES,
    MARKS,
    QUIET,
    VERBS,
    is_component,
    plan_line,
    short_type,
    step_document,
)
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import urn_name

__all__ = [
    "MARKS",
    "QUIET",
    "VERBS",
    "components_line",
    "done_line",
    "is_component",
    "plan_line",
    "print_plan",
    "short_type",
    "step_document",
]


def print_plan(steps: Iterable[Step], *, own_program: bool = False) -> None:
    """Print a line for each resource that would change, and below it what differs.

    Components are counted, not listed: they have the names of the resources in them.
    """
    changing = [step for step in steps if step.op not in QUIET | HALVES]
    shown = [step for step in changing if own_program or not is_component(step)]
    width = max((len(short_type(step.type)) for step in shown), default=0)
    for step in shown:
        mark, colour = MARKS[step.op]
        line = f"  {mark:<2} {short_type(step.type):<{width}}  {urn_name(step.urn)}"
        view.say(line, colour=None if colour == "dim" else colour)
        for detail in step_lines(step, own_program=own_program):
            view.say(f"        {detail}")
    if left := components_line(len(changing) - len(shown)):
        view.say(f"     {left}")


def components_line(count: int) -> str:
    """Return what a plan says of components that it counts and does not list, ``""`` for none."""
    if not count:
        return ""
    noun, verb = ("component", "groups") if count == 1 else ("components", "group")
    return f"and {count} {noun} that {verb} these resources"


def done_line(changes: Mapping[Op, int]) -> str:
    """Return ``8 created, 1 updated, 3 unchanged``, or ``no changes``."""
    parts = [f"{n} {VERBS[op][1]}" for op, n in changes.items() if n and op in COUNTED]
    if not parts:
        return f"no changes ({changes.get(Op.SAME, 0)} unchanged)"
    kept = changes.get(Op.SAME, 0)
    return ", ".join([*parts, *([f"{kept} unchanged"] if kept else [])])
