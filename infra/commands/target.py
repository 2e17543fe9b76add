"""`aml target trust`: accept the host key of a machine that a stack attaches."""

import click

from infra.commands import view
from infra.contract.command_line import stack_command
from infra.contract.errors import UsageError
from infra.deploy.hosts.accept import Offer, accept, know, offered_at, offered_by
from infra.deploy.hosts.trust import described, fingerprint
from infra.deploy.stack.stacks import open_stack


@click.group()
def target() -> None:
    """Accept the host keys of machines that runs are sent to."""


@target.command()
@click.argument("name", required=False)
@click.option("--address", help="Address of a machine that no stack file names.")
@click.option("--ssh-port", type=int, default=22, show_default=True, help="Port, with --address.")
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("-y", "--yes", is_flag=True, help="Accept the key without asking for confirmation.")
@click.option(
    "--fingerprint",
    "expected",
    metavar="SHA256:…",
    help="Accept this key alone, without asking for confirmation.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def trust(
    name: str | None,
    *,
    address: str | None,
    ssh_port: int,
    stack: str | None,
    yes: bool,
    expected: str | None,
    as_json: bool,
) -> None:
    """Accept the host key that machine NAME offers now, and write it to the stack file.

    Compare the fingerprint with the machine's own before you accept it. The next `aml up` pins the
    key; a machine that offers another one is refused. With --address the key is added to
    ~/.ssh/known_hosts, which `aml up` reads.
    """
    if (name is None) == (address is None):
        raise UsageError(
            "Name either a machine of the stack file, or an address.",
            remedy="Write `aml target trust NAME`, or `aml target trust --address HOST`.",
        )
    agreed = yes or expected is not None
    if address is not None:
        offer = offered_at(address, ssh_port, expected)
        _agree(address, offer, f"`aml target trust --address {address} --yes`", agreed=agreed)
        place = know(address, ssh_port, offer.key)
        then = "attach the machine, or deploy its stack, again"
    else:
        opened = open_stack(stack, secrets="hidden")
        offer = offered_by(opened, str(name), expected)
        command = stack_command(f"target trust {name} --yes", opened.name)
        _agree(str(name), offer, command, agreed=agreed)
        accept(opened, str(name), offer.key)
        place, then = opened.file, f"run {stack_command('up', opened.name)}"
    if as_json:
        view.print_json({"host_key": offer.key, "fingerprint": fingerprint(offer.key)})
    view.say(f"Written to {view.short_path(place)}; {then}.")


def _agree(what: str, offer: Offer, command: str, *, agreed: bool) -> None:
    """Show an offered key, and ask for confirmation unless it was given; ``Abort`` on a no."""
    view.say(f"{what} ({offer.place}) offers {described(offer.key)}.")
    if offer.known:
        view.say(f"Known was {', '.join(map(described, offer.known))}.", colour="yellow")
    if agreed:
        return
    if not view.can_ask():
        raise view.no_terminal(command)
    if not view.confirmed("Accept it?"):
        raise click.Abort
