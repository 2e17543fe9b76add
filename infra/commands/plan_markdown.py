"""A plan as Markdown, for a comment on a pull request. Pure; secrets are hidden already."""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from infra.commands.plans import (
    MARKS,
    QUIET,
    components_line,
    is_component,
    plan_line,
    short_type,
)
from infra.contract.errors import PlatformError
from infra.deploy.run.plan_prices import price_change
from infra.deploy.run.runner import EngineResult
from infra.deploy.stack.change_lines import step_lines
from infra.engine.model.events import Op, Step
from infra.engine.model.resources import urn_name

_HALVES: Final = frozenset({Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED})
_DESTRUCTIVE: Final = {Op.DELETE: "deleted", Op.REPLACE: "replaced"}
_LONGEST: Final = 60_000
"""Characters; GitHub's comments hold 65,536, Azure DevOps' 150,000."""
_ROOM: Final = 4_000
"""Characters of what a deployment is refused for."""
_MENTION: Final = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])")
_MARKED: Final = re.compile(r"([\\`*_{}\[\]<>|#])")


def plan_markdown(stack: str, cloud: str, plan: EngineResult, *, own_program: bool = False) -> str:
    """Return the comment: counts, what is lost, a table, warnings, and the details collapsed.

    Replacements and deletions come first; components are left out, except of one's own program.
    """
    changing = [step for step in plan.steps if step.op not in QUIET | _HALVES]
    listed = [step for step in changing if own_program or not is_component(step)]
    listed.sort(key=lambda step: step.op not in _DESTRUCTIVE)
    price = price_change(plan.steps)
    left = components_line(len(changing) - len(listed))
    parts = [
        f"### Preview of stack `{stack}` ({cloud})",
        f"**{plan_line(plan.changes)}**",
        *([f"{price}."] if price else []),
        *_lost(listed),
        *([_table(listed, own_program=own_program)] if listed else []),
        *([f"… {left}."] if left else []),
        *(f"> {_text(warning)}" for warning in (*plan.remarks, *plan.warnings)),
    ]
    comment = "\n\n".join(parts)
    details = _details(listed, _LONGEST - len(comment), own_program=own_program)
    return f"{comment}\n\n{details}\n" if details else f"{comment[:_LONGEST]}\n"


def failure_markdown(stack: str, error: PlatformError) -> str:
    """Return the comment on what would be refused, which follows the plan where there is one."""
    title = f"### Stack `{stack}` cannot be deployed: {_text(error.summary)}"
    where = f"at {error.at}\n" if error.at else ""
    detail = f"{where}{error.detail}".replace("```", chr(39) * 3)
    shown = detail if len(detail) <= _ROOM else f"{detail[:_ROOM]}\n… and more"
    return f"{title}\n\n```text\n{shown}\n```\n\n{_text(error.remedy)}\n"


def _lost(steps: Sequence[Step]) -> list[str]:
    lost = [
        f"{_text(urn_name(step.urn))} ({_DESTRUCTIVE[step.op]})"
        for step in steps
        if step.op in _DESTRUCTIVE
    ]
    return [f"> **Lost with this change:** {', '.join(lost)}"] if lost else []


def _table(steps: Iterable[Step], *, own_program: bool) -> str:
    rows = ["| | resource | name | changes |", "| --- | --- | --- | --- |"]
    for step in steps:
        lines = step_lines(step, own_program=own_program)
        first = _text(lines[0]) if lines else ""
        more = f" … and {len(lines) - 1} more" if len(lines) > 1 else ""
        mark, name = MARKS[step.op][0], _text(urn_name(step.urn))
        rows.append(f"| `{mark}` {step.op} | {short_type(step.type)} | {name} | {first}{more} |")
    return "\n".join(rows)


def _details(steps: Iterable[Step], room: int, *, own_program: bool) -> str:
    """Return what differs of each resource, as much of it as there is room for."""
    head, end = "<details><summary>Details</summary>\n\n```text\n", "```\n\n</details>"
    lines, room = [], room - len(head) - len(end) - 100
    for step in steps:
        own = step_lines(step, own_program=own_program)
        if not own:
            continue
        text = f"{step.op} {short_type(step.type)} {urn_name(step.urn)}\n"
        text += "".join(f"    {line.replace('```', chr(39) * 3)}\n" for line in own)
        room -= len(text)
        if room < 0:
            lines.append("… and more, which `aml preview` shows\n")
            break
        lines.append(text)
    return f"{head}{''.join(lines)}{end}" if lines else ""


def _text(text: str) -> str:
    """Return text as Markdown that shows exactly it, on one line, and mentions nobody."""
    return _MENTION.sub("@<!-- -->", _MARKED.sub(r"\\\1", " ".join(text.split())))
