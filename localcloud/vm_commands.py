"""`aml cloud vm …`: virtual machines of the local cloud, which answer over ssh."""

import json
import os
import shlex
import sys
from pathlib import Path

import click

from infra.contract.errors import CredentialError, UsageError
from infra.contract.project import home_folder
from localcloud.vm_requests import Machine, NewMachine, VirtualMachines

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_GROUP = click.option(
    "-g",
    "--resource-group",
    "group",
    default="machines",
    show_default=True,
    help="Resource group of the machine.",
)
_HEADINGS = ("NAME", "STATE", "ADDRESS", "USER", "SIZE")


@click.group()
def vm() -> None:
    """Create, list, start, stop and delete virtual machines that answer over ssh."""


@vm.command()
@click.argument("name")
@_GROUP
@click.option("--user", default="azureuser", show_default=True, help="User to log in as.")
@click.option("--password-env", metavar="NAME", help="Environment variable with the password.")
@click.option(
    "--ssh-public-key",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File of the public key that may log in.",
)
@click.option("--size", default="Standard_DS3_v2", show_default=True, help="VM size.")
@click.option("--location", default="westeurope", show_default=True, help="Azure region.")
@_JSON
def create(
    name: str,
    *,
    group: str,
    user: str,
    password_env: str | None,
    ssh_public_key: Path | None,
    size: str,
    location: str,
    as_json: bool,
) -> None:
    """Create a machine: an ssh server on loopback, with a home folder of its own.

    Without a password and a key, a key pair is made in .aml/keys.
    """
    wanted = NewMachine(
        name=name,
        user=user,
        size=size,
        location=location,
        password=_password(password_env) if password_env else "",
        public_key=ssh_public_key.read_text(encoding="utf-8").strip() if ssh_public_key else "",
    )
    made = VirtualMachines(home_folder(), group).create(wanted)
    _show(made, as_json=as_json)
    if not as_json:
        _say(f"Attach it: {_attaching(made, password_env)}")


@vm.command("list")
@_JSON
def list_(*, as_json: bool) -> None:
    """List the machines of all resource groups."""
    found = VirtualMachines(home_folder(), "").all()
    if as_json:
        click.echo(json.dumps([each.document() for each in found], indent=2))
        return
    rows = [(m.name, m.power_state, _place(m), m.user, m.size) for m in found]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *rows, strict=True)]
    for row in (_HEADINGS, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo(line.rstrip())


@vm.command()
@click.argument("name")
@_GROUP
@_JSON
def show(name: str, *, group: str, as_json: bool) -> None:
    """Show a machine: its state, address, host key and resource id."""
    _show(VirtualMachines(home_folder(), group).show(name), as_json=as_json)


@vm.command()
@click.argument("name")
@_GROUP
@_JSON
def start(name: str, *, group: str, as_json: bool) -> None:
    """Start a machine; it answers at the same port with the same host key."""
    _show(VirtualMachines(home_folder(), group).power(name, "start"), as_json=as_json)


@vm.command()
@click.argument("name")
@_GROUP
@_JSON
def stop(name: str, *, group: str, as_json: bool) -> None:
    """Stop a machine and kill everything that runs in it. Its files are kept."""
    _show(VirtualMachines(home_folder(), group).power(name, "powerOff"), as_json=as_json)


@vm.command()
@click.argument("name")
@_GROUP
@click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
@_JSON
def delete(name: str, *, group: str, yes: bool, as_json: bool) -> None:
    """Delete a machine and its files."""
    if not yes:
        _confirm(name)
    VirtualMachines(home_folder(), group).delete(name)
    _say(f"Deleted {name}.")
    if as_json:
        click.echo(json.dumps({"deleted": name}))


def _password(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise CredentialError(
            f"The variable {variable} is not set.",
            remedy=f"Set {variable} to the machine's password.",
        )
    return value


def _confirm(name: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "Deleting a machine deletes its files, and there is no terminal to confirm on.",
            remedy=f"Run `aml cloud vm delete {name} --yes` to delete without asking.",
        )
    click.confirm(f"Delete {name} and its files?", abort=True)


def _show(machine: Machine, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(machine.document(), indent=2))
        return
    click.echo(f"{machine.name}  {machine.power_state}  {_place(machine)}  user {machine.user}")
    click.echo(f"id        {machine.id}")
    click.echo(f"host key  {machine.host_key}")
    if machine.private_key:
        click.echo(f"key       {_short(machine.private_key)}")


def _place(machine: Machine) -> str:
    return f"{machine.address}:{machine.port}" if machine.port else machine.address


def _attaching(machine: Machine, password_env: str | None) -> str:
    """Return the command that attaches a new machine to the stack."""
    key = _short(machine.private_key) or "FILE"
    secret = ["--set", f"private_key=file:{key}"]
    if password_env:
        secret = ["--set", f"password=env:{password_env}"]
    words = [
        *("aml", "compute", "attach", machine.name, "--kind", "virtual_machine"),
        *("--set", f"resource_id={machine.id}", "--set", f"user={machine.user}", *secret),
    ]
    return shlex.join(words)


def _short(path: str) -> str:
    """Return a path below the working folder without it."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if path and Path(path).is_relative_to(here) else path


def _say(text: str) -> None:
    click.echo(text, err=True)
