"""`aml studio`: the project in a browser: its runs, computes, deployments and local cloud."""

import sys
import webbrowser
from typing import Final

import click

from infra.contract.load import load
from infra.contract.project import home_folder
from runtime.cli.ending import ended_by_signals
from runtime.cli.render import print_data, say
from runtime.cli.session import command_session

_LOOPBACK: Final = "127.0.0.1"
_CONSOLE: Final = "infra.deploy.console.console:Console"
_CLOUD: Final = "localcloud.console:LocalCloudConsole"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port. Default: 8787, or a free one.")
@click.option(
    "--host",
    default=_LOOPBACK,
    show_default=True,
    help="Address to listen on. Others than this machine's own let other machines in.",
)
@click.option(
    "--name", "names", multiple=True, metavar="HOST", help="Name it is called by (repeatable)."
)
@click.option("--read-only", is_flag=True, help="Show everything, change nothing.")
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
def studio(
    *,
    port: int | None,
    host: str,
    names: tuple[str, ...],
    read_only: bool,
    no_browser: bool,
    stack: str | None,
) -> None:
    """Show runs, computes, deployments and the local cloud in a browser. Ctrl-C ends it.

    The link that is printed begins a session, once. Called again for the same project, the command
    prints another link to the running studio; it fails if that one shows another stack or was
    started with other options.
    """
    session = command_session(stack)
    elsewhere = host if host != _LOOPBACK else None
    given = {"read_only": read_only, "port": port, "names": names, "host": elsewhere}
    asked = {"stack": session.stack} | {key: value for key, value in given.items() if value}
    running = load("runtime.studio.server:link_of_running", extra="studio")
    link = running(home_folder(), asked)
    opens = not no_browser and sys.stdout.isatty()
    if link is not None:
        print_data(link)
        say("The studio of this project is running; this link opens it.")
        if opens:
            webbrowser.open(link)
        return
    background = command_session(stack)
    made = load("runtime.studio.server:Studio", extra="studio")(
        session,
        background,
        host=host,
        port=port,
        names=names,
        read_only=read_only,
        console=lambda: load(_CONSOLE, extra="infra")(session.stack),
        cloud=lambda: load(_CLOUD, extra="localcloud")(session.home),
    )
    link = made.link()
    print_data(link)
    say("The studio runs until you press Ctrl-C.")
    if opens:
        webbrowser.open(link)
    with ended_by_signals():
        made.serve()
    say("Stopped the studio.")
