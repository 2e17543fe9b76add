"""`aml environment`: environments as folders and in the workspace, in the words of `az ml`."""

from pathlib import Path
from typing import Final

import click

from infra.contract.json_types import JsonObject
from infra.contract.load import load
from runtime.cli.az import AzOptions, az_options, given
from runtime.cli.render import say
from runtime.cli.session import command_session

_ENVIRONMENT: Final = "runtime.api.environment:Environment"
_WORKSPACE: Final = "runtime.api.workspace:Workspace"
_NAME = click.option("-n", "--name", required=True, help="Name of the environment.")
_VERSION = click.option("-v", "--version", metavar="VERSION", help="Default: the newest.")
_FOLDER = click.option(
    "-d",
    "--directory",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the environment.",
)


@click.group()
def environment() -> None:
    """Write environments to folders, and register, list and download those of the workspace."""


@environment.command()
@_NAME
@_FOLDER
@az_options()
def scaffold(name: str, folder: Path) -> None:
    """Write the files of a new environment. Edit them, then register the folder."""
    given()
    load(_ENVIRONMENT)(name).save_to_directory(folder)
    say(f"Edit the files in {folder}, then run `aml environment register -d {folder}`.")


@environment.command()
@_FOLDER
@az_options()
def register(folder: Path) -> None:
    """Register the environment of a folder. It gets a new version only if it differs."""
    az = given()
    made = load(_ENVIRONMENT).load_from_directory(folder)
    az.show(_document(made.register(_workspace(az))))


@environment.command("list")
@az_options()
def list_environments() -> None:
    """List the workspace's environments. Of each, the newest version is shown."""
    az = given()
    az.show([_document(each) for each in load(_ENVIRONMENT).list(_workspace(az)).values()])


@environment.command()
@_NAME
@_VERSION
@az_options()
def show(name: str, version: str | None) -> None:
    """Show an environment of the workspace."""
    az = given()
    az.show(_document(load(_ENVIRONMENT).get(_workspace(az), name, version)))


@environment.command()
@_NAME
@_VERSION
@_FOLDER
@click.option("--overwrite", is_flag=True, help="Overwrite the folder if it exists.")
@az_options()
def download(name: str, version: str | None, folder: Path, *, overwrite: bool) -> None:
    """Write an environment of the workspace to a folder."""
    found = load(_ENVIRONMENT).get(_workspace(given()), name, version)
    found.save_to_directory(folder, overwrite)


def _workspace(az: AzOptions) -> object:
    """Return the workspace that the stack deployed, compared with the one the options name."""
    session = command_session(None)
    az.require_workspace(session)
    return load(_WORKSPACE)(session)


def _document(environment: object) -> JsonObject:
    """Return an environment as azureml-core serializes it, its packages included."""
    document: JsonObject = environment.document()  # type: ignore[attr-defined] # imported late
    packages = getattr(environment.python, "conda_dependencies", None)  # type: ignore[attr-defined]
    if packages is not None and not document["python"]["userManagedDependencies"]:
        document["python"]["condaDependencies"] = packages.as_dict()
    return document
