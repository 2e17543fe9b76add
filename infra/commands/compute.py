"""`aml compute`: list, start, stop and add computes from the command line.

Listing, start, stop and restart call the service; create and attach edit the stack file and show
what `aml up` would do.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

import click

from infra.commands import plans, view
from infra.commands.live_view import Progress
from infra.contract.command_line import stack_command
from infra.contract.json_types import JsonObject
from infra.deploy.importing.add_compute import declared, settings_of
from infra.deploy.importing.computes import Action, ListedCompute, computes_of
from infra.deploy.run.request import OperationRequest
from infra.deploy.run.stack_operations import StackOperations
from infra.deploy.stack.stacks import open_stack
from infra.spec.computes import ATTACHMENTS, KINDS

_STACK = click.option(
    "-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SET = click.option(
    "--set",
    "pairs",
    metavar="KEY=VALUE",
    multiple=True,
    help="Set a stack file key, such as vm_size=STANDARD_DS3_V2 (repeatable).",
)
_MADE: Final = [kind for kind in KINDS if kind not in ATTACHMENTS]
_NODE_KEYS: Final = ("nodeId", "nodeState", "privateIpAddress", "publicIpAddress", "port", "runId")


@click.group()
def compute() -> None:
    """List, start, stop and add a workspace's computes."""


@compute.command("list")
@_STACK
@_JSON
def list_(stack: str | None, *, as_json: bool) -> None:
    """List the workspace's computes, including those the stack does not declare."""
    with computes_of(open_stack(stack, secrets="hidden")) as computes:
        found = list(computes.all().values())
    if as_json:
        view.print_json([_row(each) for each in found])
        return
    rows = [[*_cells(each), "yes" if each.declared else "no"] for each in found]
    view.print_table(("NAME", "KIND", "SIZE", "NODES", "STATE", "IN STACK"), rows)


@compute.command()
@click.argument("name")
@_STACK
@_JSON
def show(name: str, stack: str | None, *, as_json: bool) -> None:
    """Show one compute as the service describes it."""
    with computes_of(open_stack(stack, secrets="hidden")) as computes:
        found = computes.one(name)
    _show(found, as_json=as_json)


@compute.command()
@click.argument("name")
@_STACK
@_JSON
def nodes(name: str, stack: str | None, *, as_json: bool) -> None:
    """List the nodes of a cluster and the run on each."""
    with computes_of(open_stack(stack, secrets="hidden")) as computes:
        found = computes.nodes(name)
    if as_json:
        view.print_json(found)
        return
    rows = [[str(each.get(key) or "") for key in _NODE_KEYS] for each in found]
    view.print_table(("NODE", "STATE", "PRIVATE IP", "PUBLIC IP", "PORT", "RUN"), rows)


def _power(action: Action, does: str) -> None:
    @compute.command(action, help=does)
    @click.argument("name")
    @_STACK
    @_JSON
    def command(name: str, stack: str | None, *, as_json: bool) -> None:
        with computes_of(open_stack(stack, secrets="hidden")) as computes:
            found = computes.power(name, action)
        if as_json:
            view.print_json(found.document)
            return
        view.print_data(_head(found))


_power("start", "Start a compute instance; billing starts.")
_power("stop", "Stop a compute instance; its disk is kept.")
_power("restart", "Restart a compute instance.")


def _adding(name: str, kinds: list[str], default: str | None, does: str) -> None:
    @compute.command(name, help=f"{does} Shows the plan; run `aml up` to apply it.")
    @click.argument("compute_name", metavar="NAME")
    @click.option(
        "--kind",
        type=click.Choice(kinds),
        default=default,
        required=default is None,
        show_default=default is not None,
        help="Kind of compute.",
    )
    @_SET
    @_STACK
    @_JSON
    def command(
        compute_name: str, kind: str, pairs: tuple[str, ...], stack: str | None, *, as_json: bool
    ) -> None:
        _add(compute_name, kind, settings_of(kind, pairs), stack, as_json=as_json)


_adding("create", _MADE, "aml_compute", "Add a cluster or a compute instance to the stack file.")
_adding("attach", list(ATTACHMENTS), None, "Add an existing machine or service to the stack file.")


def _add(
    name: str, kind: str, settings: Mapping[str, str], stack: str | None, *, as_json: bool
) -> None:
    before = open_stack(stack)
    declared(before.file, kind, name, settings).write()
    changed = open_stack(before.name)
    view.say(f"{view.short_path(changed.file)}: added {name!r}.")
    with Progress(quiet=as_json) as progress:
        done = StackOperations(changed, progress, lambda *_: False).preview(OperationRequest())
    plan = done.plan
    if as_json:
        view.print_json([plans.step_document(step) for step in plan.steps])
    else:
        plans.print_plan(plan.steps, own_program=changed.own_program)
    if done.refusal is not None:
        raise done.refusal
    if not as_json:
        line = plans.plan_line(plan.changes)
        view.say(f"Plan: {line}. Run {stack_command('up', changed.name)} to apply it.")


def _show(found: ListedCompute, *, as_json: bool) -> None:
    if as_json:
        view.print_json(found.document)
        return
    view.print_data(_head(found))
    view.print_json(found.document)


def _head(found: ListedCompute) -> str:
    return f"{found.name}  {' '.join(filter(None, _cells(found)[1:]))}"


def _cells(found: ListedCompute) -> list[str]:
    return [found.name, found.kind, found.vm_size, found.nodes, found.state]


def _row(found: ListedCompute) -> JsonObject:
    row = asdict(found)
    del row["document"]
    return {**row, "id": found.id}
