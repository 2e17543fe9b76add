"""`aml compute`: what the studio shows and does of computes, on the command line.

Looking and start, stop, restart ask the service; create and attach edit the stack file and show
what `aml up` would do.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

import click

from infra.commands import view
from infra.deploy.importing.add_compute import declared, settings_of
from infra.deploy.importing.computes import Action, Compute, computes_of
from infra.deploy.run.operations import Operations, Request
from infra.deploy.stack.stacks import open_stack
from infra.spec.computes import ATTACHMENTS, KINDS

_STACK = click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print data.")
_SET = click.option(
    "--set",
    "pairs",
    metavar="KEY=VALUE",
    multiple=True,
    help="A key of docs/stack-files.md: vm_size=STANDARD_DS3_V2, admin.user=ops.",
)
_MADE: Final = [kind for kind in KINDS if kind not in ATTACHMENTS]
_NODE_KEYS: Final = ("nodeId", "nodeState", "privateIpAddress", "publicIpAddress", "port", "runId")


@click.group()
def compute() -> None:
    """Look at a workspace's computes; start, stop, add them."""


@compute.command("list")
@_STACK
@_JSON
def list_(stack: str | None, *, as_json: bool) -> None:
    """List the workspace's computes, also those that the stack does not declare."""
    with computes_of(open_stack(stack)) as computes:
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
    """Show one compute as Azure has it."""
    with computes_of(open_stack(stack)) as computes:
        found = computes.one(name)
    _show(found, as_json=as_json)


@compute.command()
@click.argument("name")
@_STACK
@_JSON
def nodes(name: str, stack: str | None, *, as_json: bool) -> None:
    """List the nodes of a cluster, and which run each is busy with."""
    with computes_of(open_stack(stack)) as computes:
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
        with computes_of(open_stack(stack)) as computes:
            found = computes.power(name, action)
        if as_json:
            view.print_json(found.document)
            return
        click.echo(_head(found))


_power("start", "Start a compute instance; it costs from then on.")
_power("stop", "Stop a compute instance; its disk stays.")
_power("restart", "Restart a compute instance.")


def _adding(name: str, kinds: list[str], default: str | None, does: str) -> None:
    kind_option: Callable[[Any], Any] = click.option(
        "--kind",
        type=click.Choice(kinds),
        default=default,
        required=default is None,
        show_default=default is not None,
        help="What it is.",
    )

    @compute.command(name, help=f"{does} Shows the plan; `aml up` makes it so.")
    @click.argument("compute_name", metavar="NAME")
    @kind_option
    @_SET
    @_STACK
    @_JSON
    def command(
        compute_name: str, kind: str, pairs: tuple[str, ...], stack: str | None, *, as_json: bool
    ) -> None:
        _add(compute_name, kind, settings_of(kind, pairs), stack, as_json=as_json)


_adding("create", _MADE, "aml_compute", "Add a cluster or an instance to the stack file.")
_adding("attach", list(ATTACHMENTS), None, "Add what exists already to the stack file.")


def _add(
    name: str, kind: str, settings: Mapping[str, str], stack: str | None, *, as_json: bool
) -> None:
    before = open_stack(stack)
    declared(before.file, kind, name, settings).write()
    changed = open_stack(before.name)
    view.say(f"{view.short_path(changed.file)}: added {name!r}.")
    with view.Progress(quiet=as_json) as progress:
        plan = Operations(changed, progress, lambda *_: False).preview(Request()).plan
    if as_json:
        view.print_json([view.step_document(step) for step in plan.steps])
        return
    view.print_plan(plan.steps)
    view.say(f"Plan: {view.plan_line(plan.changes)}. `aml up -s {changed.name}` does it.")


def _show(found: Compute, *, as_json: bool) -> None:
    if as_json:
        view.print_json(found.document)
        return
    click.echo(_head(found))
    click.echo(json.dumps(found.document, indent=2, sort_keys=True))


def _head(found: Compute) -> str:
    return f"{found.name}  {' '.join(filter(None, _cells(found)[1:]))}"


def _cells(found: Compute) -> list[str]:
    return [found.name, found.kind, found.vm_size, found.nodes, found.state]


def _row(found: Compute) -> dict[str, Any]:
    row = asdict(found)
    del row["document"]
    return {**row, "id": found.id}
