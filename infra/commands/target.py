"""`aml target trust`: accept the host key of a machine that a stack attaches."""

import click

from infra.commands import view
from infra.contract.command_line import stack_command
from infra.deploy.hosts.accept import accept, offered_by
from infra.deploy.hosts.trust import described, fingerprint
from infra.deploy.stack.stacks import open_stack


@click.group()
def target() -> None:
    """Accept the host keys of machines that runs are sent to."""


@target.command()
@click.argument("name")
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("-y", "--yes", is_flag=True, help="Accept the key without asking for confirmation.")
@click.option(
    "--fingerprint",
    "expected",
    metavar="SHA256:…",
    help="Accept this key alone, without asking for confirmation.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def trust(name: str, *, stack: str | None, yes: bool, expected: str | None, as_json: bool) -> None:
    """Accept the host key that machine NAME offers now, and write it to the stack file.

    Compare the fingerprint with the machine's own before you accept it. The next `aml up` pins the
    key; a machine that offers another one is refused.
    """
    opened = open_stack(stack, secrets="hidden")
    offer = offered_by(opened, name, expected)
    view.say(f"{name} ({offer.place}) offers {described(offer.key)}.")
    if offer.known:
        view.say(f"Known was {', '.join(map(described, offer.known))}.", colour="yellow")
    if not yes and expected is None:
        if not view.can_ask():
            raise view.no_terminal(stack_command(f"target trust {name} --yes", opened.name))
        if not view.confirmed("Accept it?"):
            raise click.Abort
    accept(opened, name, offer.key)
    if as_json:
        view.print_json({"host_key": offer.key, "fingerprint": fingerprint(offer.key)})
    view.say(f"Written to {view.short_path(opened.file)}; run {stack_command('up', opened.name)}.")
