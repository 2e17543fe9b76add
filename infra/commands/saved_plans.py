"""Plans in files: what `aml preview --save-plan` wrote is all that `aml up --plan` may do.

A plan is made again when it is applied, because only that one is about the state as it is now; it
has to be the same. Secrets are hidden in the file, so a secret's value is not compared.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.commands import view
from infra.commands.plans import QUIET, short_type, step_document
from infra.contract.command_line import stack_command
from infra.contract.errors import UsageError
from infra.contract.json_text import json_text
from infra.contract.json_types import Document, JsonObject
from infra.engine.model.events import Step
from infra.engine.model.resources import urn_name

VERSION: Final = 1
_SHOWN: Final = 5
_SEPARATORS: Final = 3
"""Of the parts of a URN: stack, project, types and name."""


def write_plan(file: Path, stack: str, cloud: str, steps: Sequence[Step]) -> None:
    """Write what a plan changes; ``UsageError`` if the file cannot be written."""
    document = {"version": VERSION, "stack": stack, "cloud": cloud, "steps": _documents(steps)}
    view.write_text(file, f"{json_text(document)}\n")


def read_plan(file: Path, stack: str, cloud: str) -> Sequence[Document]:
    """Return the steps of a saved plan of a stack on a cloud; ``UsageError`` for anything else."""
    again = stack_command(f"preview --save-plan {file}", stack)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"The plan cannot be read: {error}.", remedy=f"Write it with {again}.", at=str(file)
        ) from error
    if not _is_plan(document):
        raise UsageError("It is not a plan.", remedy=f"Write one with {again}.", at=str(file))
    if document.get("stack") != stack:
        raise UsageError(
            f"It is a plan of stack {document.get('stack')!r}, not of {stack!r}.",
            remedy=f"Name that stack with -s, or write a plan of this one with {again}.",
            at=str(file),
        )
    if document.get("cloud") != cloud:
        raise UsageError(
            f"It is a plan for cloud {document.get('cloud')!r}; the stack is deployed to {cloud!r}"
            " now.",
            remedy=f"Review the new one: {again}.",
            at=str(file),
        )
    steps: Sequence[Document] = document["steps"]
    return steps


def _is_plan(document: object) -> bool:
    """Return whether it has what `write_plan` writes."""
    steps = document.get("steps") if isinstance(document, dict) else None
    return (
        isinstance(document, dict)
        and document.get("version") == VERSION
        and isinstance(steps, list)
        and all(
            isinstance(step, dict) and str(step.get("urn")).count("::") >= _SEPARATORS
            for step in steps
        )
    )


def require_same(saved: Sequence[Document], steps: Sequence[Step], file: Path, stack: str) -> None:
    """Raise ``UsageError`` that names the resources of which the plan is another one by now."""
    before, now = _by_urn(saved), _by_urn(_documents(steps))
    differing = [
        _described(urn, before.get(urn), now.get(urn))
        for urn in dict.fromkeys((*now, *before))
        if before.get(urn) != now.get(urn)
    ]
    if differing:
        more = len(differing) - _SHOWN
        listed = "\n".join(differing[:_SHOWN]) + (f"\nand {more} more" if more > 0 else "")
        raise UsageError(
            f"The plan is not the saved one any more; nothing was changed.\n{listed}",
            remedy=f"Review the new one: {stack_command(f'preview --save-plan {file}', stack)}.",
            at=str(file),
        )


def _documents(steps: Sequence[Step]) -> list[JsonObject]:
    changing = [_document(step) for step in steps if step.op not in QUIET]
    documents: list[JsonObject] = json.loads(json_text(changing))
    return documents


def _document(step: Step) -> JsonObject:
    """Return a step as ``--json`` does, and what its provider has to learn before."""
    new = step.records.new
    learnt = {"extension": dict(new.extension)} if new and new.extension else {}
    return step_document(step) | learnt


def _by_urn(steps: Sequence[Document]) -> Mapping[str, Sequence[Document]]:
    found: dict[str, list[Document]] = {}
    for step in steps:
        found.setdefault(str(step.get("urn")), []).append(step)
    return found


def _described(urn: str, before: Sequence[Document] | None, now: Sequence[Document] | None) -> str:
    types = urn.split("::")[-2] if "::" in urn else urn
    name = (
        f"  {short_type(types.rpartition('$')[2])} {urn_name(urn)}"  # its own, after its parents'
    )
    was = ", ".join(str(step.get("op")) for step in before or ()) or "nothing"
    is_ = ", ".join(str(step.get("op")) for step in now or ()) or "nothing"
    return f"{name}: saved {was}, now {is_}" if was != is_ else f"{name}: other values ({is_})"
