"""`aml drift`: what changed outside the stack; adopt it (`--adopt`) or undo it (`--revert`)."""

import click

from infra.commands import plans, view
from infra.commands.live_view import Progress
from infra.commands.operation import Confirmation
from infra.contract.command_line import stack_command
from infra.contract.errors import DriftError, UsageError
from infra.contract.json_types import JsonObject
from infra.deploy.drift.adopt import AdoptedDrift, lines
from infra.deploy.drift.comparison import (
    GONE,
    Drift,
    DriftedProperty,
    DriftedResource,
    drift_lines,
    label,
)
from infra.deploy.drift.drift import StackDrift
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.stack_operations import OperationResult, StackOperations
from infra.deploy.stack.stacks import Stack, open_stack
from infra.engine.model.values import hidden


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("--json", "as_json", is_flag=True, help="Print the drift as JSON.")
@click.option("--adopt", is_flag=True, help="Write the current settings into the stack file.")
@click.option("--revert", is_flag=True, help="Deploy the stack file again, undoing the drift.")
@click.option("-y", "--yes", is_flag=True, help="Adopt or revert without asking for confirmation.")
def drift(stack: str | None, *, as_json: bool, adopt: bool, revert: bool, yes: bool) -> None:
    """Show what was changed outside the stack. Exits with 6 if anything was.

    Read-only unless --adopt or --revert is given.
    """
    if adopt and revert:
        raise UsageError(
            "--adopt and --revert cannot be combined.", remedy="Leave one of them out."
        )
    opened = open_stack(stack, secrets="opened" if adopt or revert else "opened_if_possible")
    with Progress(quiet=as_json) as progress:
        drifts = StackDrift(opened, progress)
        found = drifts.read()
        document = _document(opened, found)
        if not as_json:
            _print(opened, found)
        if found.resources and adopt:
            with progress.paused():  # the live display would swallow [y/N] as markup
                _confirm_adopting(opened, yes=yes)
            document |= _adopted(opened, found, drifts.adopt(found), quiet=as_json)
        elif found.resources and revert:
            confirm = Confirmation(
                "drift --revert", opened, progress, yes=yes, quiet=yes and as_json
            )
            operations = StackOperations(opened, progress, confirm)
            done = drifts.revert(found, operations, OperationRequest())
            if done.refusal is not None:
                raise done.refusal
            document |= _reverted(done, quiet=as_json)
    if as_json:
        view.print_json(document)
    if found.resources and not (adopt or revert):
        count = len(found.resources)
        raise DriftError(
            f"{count} resource{'s' * (count != 1)} of stack {opened.name!r}"
            f" differ{'s' * (count == 1)} from what was deployed.",
            remedy=f"{stack_command('drift --adopt', opened.name)} keeps the changes,"
            f" {stack_command('drift --revert', opened.name)} undoes them.",
        )


def _confirm_adopting(stack: Stack, *, yes: bool) -> None:
    if yes:
        return
    if not view.can_ask():
        raise view.no_terminal(stack_command("drift --adopt --yes", stack.name))
    if not view.confirmed("Write the current values into the stack file?"):
        raise click.Abort


def _print(stack: Stack, found: Drift) -> None:
    for each in found.resources:
        mark = "-" if each.gone else "~"
        view.print_data(f"{mark} {plans.short_type(each.deployed.type)}  {each.deployed.name}")
        for line in drift_lines(each, own_program=stack.own_program):
            view.print_data(f"    {line}")
    for resource, text in found.notes:
        view.say(f"note: {resource.name}: {text}")
    if not found.resources:
        view.say(f"Stack {stack.name!r} has no drift.")


def _document(stack: Stack, found: Drift) -> JsonObject:
    return {
        "stack": stack.name,
        "drift": bool(found.resources),
        "resources": [_resource(each) for each in found.resources],
        "notes": [{"name": each.name, "id": each.id, "text": text} for each, text in found.notes],
    }


def _resource(each: DriftedResource) -> JsonObject:
    return {
        "name": each.deployed.name,
        "type": each.deployed.type,
        "id": each.deployed.id,
        "urn": each.deployed.urn,
        "gone": each.gone,
        "properties": [_property(one) for one in each.properties],
    }


def _property(one: DriftedProperty) -> JsonObject:
    return {
        "path": one.path,
        "deployed": hidden(one.deployed),
        "actual": hidden(one.actual),
        "asked": one.declared,
    }


def _adopted(stack: Stack, drift: Drift, adoption: AdoptedDrift, *, quiet: bool) -> JsonObject:
    if not quiet:
        up = stack_command("up", stack.name)
        for line in lines(adoption):
            view.say(f"stack file: {line}")
        by_name = {each.deployed.name: each for each in drift.resources}
        for left in adoption.left:
            if left.path == GONE:
                view.say(f"note: {left.name}: {GONE} ({left.why}); {up} creates it again.")
                continue
            what = label(by_name[left.name], left.path)
            view.say(f"note: {left.name}: {what}: {left.why}; {up} undoes it.")
    return {
        "edits": [{"path": edit.path, "value": edit.value} for edit in adoption.edits],
        "left": [{"name": left.name, "path": left.path} for left in adoption.left],
    }


def _reverted(done: OperationResult, *, quiet: bool) -> JsonObject:
    changes = done.result.changes if done.approved and done.result else {}
    if not quiet:
        view.say(plans.done_line(changes) if done.approved else "Nothing was changed.")
    return {"approved": done.approved, "changes": {str(op): n for op, n in changes.items()}}
