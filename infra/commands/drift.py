"""`aml drift`: what is no longer as it was deployed; kept (`--adopt`) or undone (`--revert`)."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from infra.commands import view
from infra.commands.operations import Asking
from infra.contract.errors import DriftError, UsageError
from infra.deploy.drift.adopt import Adoption, lines
from infra.deploy.drift.comparison import Drift, Drifted, Property
from infra.deploy.drift.drift import DriftOf
from infra.deploy.run.operations import Done, Operations, Request
from infra.deploy.stack.stacks import Stack, open_stack
from infra.engine.model.values import hidden


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
@click.option("--json", "as_json", is_flag=True, help="Print what differs as data.")
@click.option("--adopt", is_flag=True, help="Write what is there into the stack file.")
@click.option("--revert", is_flag=True, help="Deploy what the stack file says.")
@click.option("-y", "--yes", is_flag=True, help="Adopt or revert without asking.")
def drift(stack: str | None, *, as_json: bool, adopt: bool, revert: bool, yes: bool) -> None:
    """Show what was changed behind the stack's back. Ends with 6 where anything was.

    Reads alone: neither state nor the cloud changes without --adopt or --revert.
    """
    if adopt and revert:
        raise UsageError(
            "--adopt and --revert exclude each other.", remedy="Leave one of them out."
        )
    opened = open_stack(stack)
    with view.Progress(quiet=as_json) as progress:
        drifts = DriftOf(opened, progress)
        found = drifts.read()
        document = _document(opened, found)
        if not as_json:
            _print(opened, found)
        if found.resources and adopt:
            _confirm("adopt", "Write this into the stack file?", yes=yes)
            document |= _adopted(drifts.adopt(found), quiet=as_json)
        elif found.resources and revert:
            asking = Asking("up", opened, progress, yes=yes, quiet=yes and as_json)
            done = drifts.revert(found, Operations(opened, progress, asking), Request())
            document |= _reverted(done, quiet=as_json)
    if as_json:
        view.print_json(document)
    if found.resources and not (adopt or revert):
        raise DriftError(
            f"{len(found.resources)} of the resources of stack {opened.name!r} are not as they"
            " were deployed.",
            remedy="`aml drift --adopt` keeps what is there, `aml drift --revert` undoes it.",
        )


def _confirm(option: str, question: str, *, yes: bool) -> None:
    if yes:
        return
    if not view.can_ask():
        raise UsageError(
            "There is drift, and no terminal to ask on.",
            remedy=f"Run `aml drift --{option} --yes`.",
        )
    if not view.confirmed(question):
        raise click.Abort


def _print(stack: Stack, found: Drift) -> None:
    for each in found.resources:
        click.echo(f"{'-' if each.gone else '~'} {_short(each)}  {each.deployed.name}")
        for line in _lines(each):
            click.echo(f"    {line}")
    for resource, text in found.notes:
        view.say(f"note: {resource.name}: {text}")
    if not found.resources:
        view.say(f"Drift of stack {stack.name!r}: none.")


def _lines(each: Drifted) -> Iterator[str]:
    if each.gone:
        yield "it is gone"
    for one in each.properties:
        unasked = "" if one.asked else "  (the stack file says nothing of it)"
        yield f"{one.path}: {_text(one.deployed)} -> {_text(one.actual)}{unasked}"


def _text(value: Any) -> str:
    return "(nothing)" if value is None else json.dumps(value, default=str)


def _short(each: Drifted) -> str:
    return each.deployed.type.partition(":")[2]


def _document(stack: Stack, found: Drift) -> dict[str, Any]:
    return {
        "stack": stack.name,
        "drift": bool(found.resources),
        "resources": [_resource(each) for each in found.resources],
        "notes": [{"name": each.name, "id": each.id, "text": text} for each, text in found.notes],
    }


def _resource(each: Drifted) -> dict[str, Any]:
    return {
        "name": each.deployed.name,
        "type": each.deployed.type,
        "id": each.deployed.id,
        "urn": each.deployed.urn,
        "gone": each.gone,
        "properties": [_property(one) for one in each.properties],
    }


def _property(one: Property) -> Mapping[str, Any]:
    return {
        "path": one.path,
        "deployed": hidden(one.deployed),
        "actual": hidden(one.actual),
        "asked": one.asked,
    }


def _adopted(adoption: Adoption, *, quiet: bool) -> dict[str, Any]:
    if not quiet:
        for line in lines(adoption):
            view.say(f"stack file: {line}")
        for name, path in adoption.left:
            view.say(f"note: {name}: {path}: the stack file cannot say it; `aml up` undoes it.")
    return {
        "edits": [{"path": edit.path, "value": edit.value} for edit in adoption.edits],
        "left": [{"name": name, "path": path} for name, path in adoption.left],
    }


def _reverted(done: Done, *, quiet: bool) -> dict[str, Any]:
    changes = done.result.changes if done.approved and done.result else {}
    if not quiet:
        view.say(view.done_line(changes) if done.approved else "Nothing was changed.")
    return {"approved": done.approved, "changes": {str(op): n for op, n in changes.items()}}
