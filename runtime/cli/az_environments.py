"""`aml environment`: environments as folders and in the workspace, in the words of `az ml`."""

from pathlib import Path
from typing import Final

import click

from infra.contract.json_types import JsonObject
from infra.contract.load import load
from runtime.cli.az import az_options, given
from runtime.cli.az_assets import deployed_workspace
from runtime.cli.render import say
from runtime.definitions.job_environment import environment_in
from runtime.definitions.problems import GIVEN_OPTION
from runtime.definitions.settings_given import Setting

_ENVIRONMENT: Final = "runtime.api.environment:Environment"
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
    az.show(_document(made.register(deployed_workspace(az))))


@environment.command()
@click.option(
    "-f", "--file", type=click.Path(path_type=Path), help="File of the environment, in YAML."
)
@click.option("-n", "--name", metavar="NAME", help="Name of the environment.")
@click.option("-v", "--version", metavar="VERSION", help="Default: the next one.")
@click.option("-i", "--image", metavar="IMAGE", help="Image that runs, or is installed into.")
@click.option("-c", "--conda-file", type=click.Path(path_type=Path), help="Its packages.")
@click.option(
    "-b", "--build-context", type=click.Path(path_type=Path), help="Folder with a Dockerfile."
)
@click.option("--dockerfile-path", metavar="PATH", help="The Dockerfile in it.")
@az_options(metadata=False, path=False)
def create(
    *,
    file: Path | None,
    conda_file: Path | None,
    build_context: Path | None,
    dockerfile_path: str | None,
    **named: str | None,
) -> None:
    """Register the environment in a file, or the one that the options describe.

    Without a version, it gets a new one only if it differs from the newest.
    """
    az = given()
    values: dict[tuple[str, ...], str | None] = {
        ("conda_file",): str(conda_file.absolute()) if conda_file else None,
        ("build", "path"): str(build_context.absolute()) if build_context else None,
        ("build", "dockerfile_path"): dockerfile_path,
        **{(key,): value for key, value in named.items()},
    }
    settings = [Setting(path, value, GIVEN_OPTION) for path, value in values.items() if value]
    spec = environment_in(file, settings)
    made = load(_ENVIRONMENT).from_spec(spec)
    az.show(_document(made.register_as(deployed_workspace(az), spec.version)))


@environment.command("list")
@az_options()
def list_environments() -> None:
    """List the workspace's environments. Of each, the newest version is shown."""
    az = given()
    az.show([_document(each) for each in load(_ENVIRONMENT).list(deployed_workspace(az)).values()])


@environment.command()
@_NAME
@_VERSION
@az_options(version=True)
def show(name: str, version: str | None) -> None:
    """Show an environment of the workspace."""
    az = given()
    az.show(_document(load(_ENVIRONMENT).get(deployed_workspace(az), name, version)))


@environment.command()
@_NAME
@_VERSION
@_FOLDER
@click.option("--overwrite", is_flag=True, help="Overwrite the folder if it exists.")
@az_options(version=True)
def download(name: str, version: str | None, folder: Path, *, overwrite: bool) -> None:
    """Write an environment of the workspace to a folder."""
    found = load(_ENVIRONMENT).get(deployed_workspace(given()), name, version)
    found.save_to_directory(folder, overwrite)


def _document(environment: object) -> JsonObject:
    """Return an environment as azureml-core serializes it, its packages included."""
    document: JsonObject = environment.document()  # type: ignore[attr-defined] # imported late
    packages = getattr(environment.python, "conda_dependencies", None)  # type: ignore[attr-defined]
    if packages is not None and not document["python"]["userManagedDependencies"]:
        document["python"]["condaDependencies"] = packages.as_dict()
    return document
