"""`aml cloud …`: the local cloud from the command line.

Does not import starlette and uvicorn: only the daemon needs them.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from infra.contract.errors import UsageError
from infra.contract.project import home_folder
from localcloud import control
from localcloud.arm_requests import ArmRequests
from localcloud.seeding import Seeding, ids_in
from localcloud.service_commands import batch, databricks, hdinsight
from localcloud.vm_commands import vm

_NOT_RUNNING = 3
_OUTCOMES: Final[Mapping[str, str]] = {
    "made": "made",
    "there": "there already",
    "left": "not needed, the local cloud does not look for it",
}
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def cloud() -> None:
    """Start, stop, inspect and reset this project's local cloud, and make virtual machines."""


@cloud.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Port to listen on, now and after every restart."
)
@_JSON
def start(*, port: int | None, as_json: bool) -> None:
    """Start the local cloud, unless it is running."""
    home = home_folder()
    control.start(home, port)
    _show(control.status(home), as_json=as_json)


@cloud.command()
@_JSON
def stop(*, as_json: bool) -> None:
    """Stop the local cloud. What was deployed to it is kept."""
    stopped = control.stop(home_folder())
    _say("The local cloud has stopped." if stopped else "The local cloud was not running.")
    if as_json:
        click.echo(json.dumps({"running": False, "stopped": stopped}))


@cloud.command()
@_JSON
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show whether the local cloud is running, and where. Exits with 3 if it is not."""
    found = control.status(home_folder())
    _show(found, as_json=as_json)
    if not found.running:
        ctx.exit(_NOT_RUNNING)


@cloud.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@_JSON
def reset(*, yes: bool, as_json: bool) -> None:
    """Delete everything in the local cloud: resources, files and runs. The port is kept."""
    if not yes:
        _confirm()
    new = control.reset(home_folder())
    _say("The local cloud is empty. Run `aml up` to deploy to it again.")
    if as_json:
        click.echo(json.dumps({"id": new}))


@cloud.command()
@click.argument("state", type=click.Choice(["on", "off"]), required=False)
@_JSON
def inside(*, state: str | None, as_json: bool) -> None:
    """Put this machine inside the virtual networks of the local cloud, or out of them.

    Workspaces, storage accounts and key vaults without public access, or with a firewall, refuse
    whoever is not inside. Runs are in the network of their compute. Without on or off, show which
    it is. A reset switches it off.
    """
    home = home_folder()
    if state:
        control.put_inside(home, inside=state == "on")
    found = control.status(home)
    if as_json:
        click.echo(json.dumps({"inside": found.inside}))
    else:
        where = "inside all" if found.inside else "outside of the"
        click.echo(f"This machine is {where} virtual networks of the local cloud.")


@cloud.command()
@click.argument("what", metavar="FILE|ID...", nargs=-1, required=True)
@click.option("--location", default="westeurope", show_default=True, help="Azure region.")
@_JSON
def seed(what: tuple[str, ...], *, location: str, as_json: bool) -> None:
    """Put stand-ins for existing resources into the local cloud.

    Give ARM ids, or files that contain them: stack files, templates, parameter files. A stack that
    refers to resources of a real subscription then deploys here. A stand-in is the least its
    type can be; one that is there already stays as it is.
    """
    wanted = ids_in("\n".join(map(_text, what)))
    if not wanted:
        raise UsageError(
            f"There is no id of a resource in {', '.join(what)}.",
            remedy="Give ids such as /subscriptions/…/resourceGroups/…, or files with them.",
        )
    found = list(Seeding(ArmRequests(home_folder()), location).seed(wanted))
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found]))
        return
    for each in found:
        click.echo(f"{_OUTCOMES[each.outcome]}: {each.id}")


@cloud.command()
@click.option("-n", "--lines", default=50, show_default=True, help="Number of lines to print.")
@click.option("-f", "--follow", is_flag=True, help="Keep printing new lines as they are logged.")
@_JSON
def logs(*, lines: int, follow: bool, as_json: bool) -> None:
    """Print the end of the local cloud's log."""
    home = home_folder()
    last = control.log_lines(home, lines)
    if as_json:
        click.echo(json.dumps(last))
        return
    for line in last:
        click.echo(line)
    if follow:
        for line in control.new_log_lines(home):
            click.echo(line)


for group in (vm, batch, databricks, hdinsight):
    cloud.add_command(group)


def _text(given: str) -> str:
    """Return an id as it is, and the text of a file."""
    if given.lower().startswith("/subscriptions/"):
        return given
    try:
        return Path(given).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{given} is neither the id of a resource nor a file of text.",
            remedy="Give ids such as /subscriptions/…/resourceGroups/…, or files with them.",
        ) from error


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "A reset deletes all resources and runs, and there is no terminal to confirm on.",
            remedy="Run `aml cloud reset --yes` to reset without asking.",
        )
    click.confirm("Delete all resources and runs of the local cloud?", abort=True)


def _show(found: control.CloudStatus, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.document(), indent=2))
    elif found.running:
        click.echo(
            f"The local cloud is running at {found.url} (process {found.pid}, id {found.id})."
        )
        _say(f"Certificate authority: {found.ca}")
        if found.inside:
            _say("This machine is inside all its virtual networks.")
    else:
        click.echo("The local cloud is not running.")


def _say(text: str) -> None:
    click.echo(text, err=True)
