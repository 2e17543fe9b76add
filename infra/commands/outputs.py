"""`aml outputs`: what a stack exports, read from its state."""

import json

import click

from infra.commands import view
from infra.contract.load import look_up
from infra.deploy.stack.stacks import open_stack, stack_outputs


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("--json", "as_json", is_flag=True, help="Print all outputs as JSON.")
@click.option("--show-secrets", is_flag=True, help="Print secret outputs decrypted.")
@click.argument("name", required=False)
def outputs(stack: str | None, *, as_json: bool, show_secrets: bool, name: str | None) -> None:
    """Show a stack's outputs, or only output NAME."""
    opened = open_stack(stack, secrets="opened" if show_secrets else "hidden")
    found = stack_outputs(opened, show_secrets=show_secrets)
    if name is not None:
        view.print_json(look_up(name, found, noun="output"))
        return
    if as_json:
        view.print_json(found)
        return
    for key, value in sorted(found.items()):
        text = value if isinstance(value, str) else json.dumps(value, indent=2, sort_keys=True)
        view.print_data(f"{key}: {text}")
