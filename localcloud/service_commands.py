"""`aml cloud batch|databricks|hdinsight …`: services of the local cloud that can be attached."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.project import home_folder
from localcloud.service_requests import Service, Services

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_YES = click.option("-y", "--yes", is_flag=True, help="Do not ask for confirmation.")
_GROUP = click.option(
    "-g",
    "--resource-group",
    "group",
    default="services",
    show_default=True,
    help="Resource group of the service.",
)
_LOCATION = click.option(
    "--location", default="westeurope", show_default=True, help="Azure region."
)


@click.group()
def batch() -> None:
    """Create and delete Batch accounts, whose nodes are processes of this computer."""


@batch.command("create")
@click.argument("name")
@_GROUP
@_LOCATION
@_JSON
def create_batch(name: str, *, group: str, location: str, as_json: bool) -> None:
    """Create a Batch account with a storage account; its key is written to .aml/keys."""
    _show(Services(home_folder(), group, location).create_batch(name), as_json=as_json)


@batch.command("delete")
@click.argument("name")
@_GROUP
@_YES
@_JSON
def delete_batch(name: str, *, group: str, yes: bool, as_json: bool) -> None:
    """Delete a Batch account with its pools, jobs and files."""
    _delete("batch", name, group, yes=yes, as_json=as_json)


@click.group()
def databricks() -> None:
    """Create and delete Databricks workspaces, whose runs are processes of this computer."""


@databricks.command("create")
@click.argument("name")
@_GROUP
@_LOCATION
@_JSON
def create_databricks(name: str, *, group: str, location: str, as_json: bool) -> None:
    """Create a Databricks workspace; a token for it is written to .aml/keys."""
    _show(Services(home_folder(), group, location).create_databricks(name), as_json=as_json)


@databricks.command("delete")
@click.argument("name")
@_GROUP
@_YES
@_JSON
def delete_databricks(name: str, *, group: str, yes: bool, as_json: bool) -> None:
    """Delete a Databricks workspace with its runs and files."""
    _delete("databricks", name, group, yes=yes, as_json=as_json)


@click.group()
def hdinsight() -> None:
    """Create and delete HDInsight clusters: a head node over ssh, and Livy. Needs Java."""


@hdinsight.command("create")
@click.argument("name")
@_GROUP
@_LOCATION
@click.option("--user", default="sshuser", show_default=True, help="User to log in as.")
@_JSON
def create_hdinsight(name: str, *, group: str, location: str, user: str, as_json: bool) -> None:
    """Create an HDInsight cluster; its key and its gateway's password are in .aml/keys."""
    made = Services(home_folder(), group, location).create_hdinsight(name, user)
    _show(made, as_json=as_json)
    if shutil.which("java") is None:
        _say("Spark needs Java, and there is no `java` on PATH: install Java 17 or later.")


@hdinsight.command("delete")
@click.argument("name")
@_GROUP
@_YES
@_JSON
def delete_hdinsight(name: str, *, group: str, yes: bool, as_json: bool) -> None:
    """Delete an HDInsight cluster with its head node and batches."""
    _delete("hdinsight", name, group, yes=yes, as_json=as_json)


def _delete(kind: str, name: str, group: str, *, yes: bool, as_json: bool) -> None:
    if not yes:
        _confirm(kind, name)
    Services(home_folder(), group, "").delete(kind, name)
    _say(f"Deleted {name}.")
    if as_json:
        click.echo(json.dumps({"deleted": name}))


def _confirm(kind: str, name: str) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"Deleting {name} deletes its files, and there is no terminal to confirm on.",
            remedy=f"Run `aml cloud {kind} delete {name} --yes` to delete without asking.",
        )
    click.confirm(f"Delete {name} and its files?", abort=True)


def _show(service: Service, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(service.document(), indent=2))
        return
    click.echo(f"{service.name}  {service.endpoint}")
    click.echo(f"id  {service.id}")
    for what, file in service.keys.items():
        click.echo(f"{what}  {_short(file)}")
    settings = [f"{key}={_short(value)}" for key, value in service.settings.items()]
    words = ["aml", "compute", "attach", service.name, "--kind", service.kind]
    words += [word for setting in settings for word in ("--set", setting)]
    _say(f"Attach it: {shlex.join(words)}")


def _short(value: str) -> str:
    """Return a path below the working folder without it, also one behind ``file:``."""
    return value.replace(f"{Path.cwd()}/", "", 1)


def _say(text: str) -> None:
    click.echo(text, err=True)
