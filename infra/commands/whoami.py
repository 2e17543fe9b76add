"""`aml whoami`: who deploys a stack, and to what."""

import os

import click

from infra.commands import view
from infra.contract.credential_kinds import kind_of
from infra.deploy.run.check import destination_of
from infra.deploy.stack.stacks import open_stack
from infra.deploy.stack.state_location import backend_url


@click.command()
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def whoami(stack: str | None, *, as_json: bool) -> None:
    """Show as whom a stack is deployed, to which subscription, and where its state is.

    A token is requested, so it fails where `aml up` would fail to log in.
    """
    opened = open_stack(stack, secrets="hidden")
    to = destination_of(opened)
    found = {
        "stack": opened.name,
        "cloud": to.kind,
        "subscription": to.subscription,
        "identity": to.identity,
        "credential": _credential(to.kind),
        "backend": backend_url(opened.project),
    }
    if as_json:
        view.print_json(found)
        return
    for key, value in found.items():
        view.print_data(f"{key:12}  {value}")


def _credential(cloud: str) -> str:
    """Return where a token comes from: the local cloud issues one to anybody who asks."""
    if cloud == "local":
        return "the local cloud's own"
    return kind_of(os.environ) or "the first that azure-identity finds"
