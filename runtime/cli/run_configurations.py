"""`aml runconfiguration`: create, list, show and delete the run configurations of a folder."""

from collections.abc import Iterator
from pathlib import Path

import click

from infra.contract.errors import PlatformError, UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.cli.render import print_data, print_json, print_table, say
from runtime.definitions.attaching import default_conda, run_configuration
from runtime.definitions.finding import EXTENSION, FOLDERS, configuration_folder
from runtime.definitions.runconfig import read_document, read_run_configuration
from runtime.definitions.runconfig_environment import without_password
from runtime.definitions.runconfig_keys import FRAMEWORKS
from runtime.definitions.runconfig_writing import CONDA_FILE, write_run_configuration
from runtime.definitions.yaml_text import block
from runtime.targets.azureml_bodies import IMAGE

_PATH = click.option(
    "--path",
    "folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    default=Path(),
    help="Project folder. Default: the current folder.",
)
_NAME = click.option("-n", "--name", metavar="NAME", required=True, help="Run configuration.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def run_configurations() -> None:
    """Create, list, show and delete a folder's run configurations (-c NAME)."""


@run_configurations.command()
@_NAME
@click.option("--target", "--ct", default="local", show_default=True, help="Where it runs.")
@click.option("--script", metavar="FILE", help="Script, relative to the folder.")
@click.option(
    "--framework",
    type=click.Choice(FRAMEWORKS, case_sensitive=False),
    default="Python",
    show_default=True,
    help="What runs the script.",
)
@click.option(
    "-d",
    "--conda-dependencies",
    metavar="FILE",
    help=f"Conda file, relative to the folder. Default: {CONDA_FILE} beside it.",
)
@click.option("--docker/--no-docker", default=False, help="Run in a container.")
@_PATH
def create(
    *,
    name: str,
    target: str,
    script: str | None,
    framework: str,
    conda_dependencies: str | None,
    docker: bool,
    folder: Path,
) -> None:
    """Write a run configuration, and a conda file if there is none.

    A run configuration that exists is not overwritten.
    """
    place = configuration_folder(folder)
    file = place / f"{name.removesuffix(EXTENSION)}{EXTENSION}"
    if file.exists():
        raise UsageError(
            f"The run configuration {name!r} already exists.",
            remedy="Edit it, give another name, or delete it with `aml runconfiguration delete`.",
            at=str(file),
        )
    conda = conda_dependencies or f"{place.name}/{CONDA_FILE}"
    document = run_configuration(target, conda, framework=framework, image=IMAGE, docker=docker)
    if not (folder / conda).is_file():
        if conda_dependencies:
            raise UnknownNameError(
                f"There is no conda file {conda!r} in {folder}.",
                remedy="Create it, or omit `-d`.",
                at=str(folder / conda),
            )
        python = document["environment"]["python"]
        del python["condaDependenciesFile"]
        python["condaDependencies"] = default_conda()
    if script:
        document = {"script": script, **document}
    write_run_configuration(document, file)
    print_data(str(file))


@run_configurations.command(name="list")
@_PATH
@_JSON
def list_(*, folder: Path, as_json: bool) -> None:
    """List run configurations, and what each one runs."""
    rows = [_summary(file, folder) for file in _files(folder)]
    if as_json:
        print_json(rows)
        return
    head = ("NAME", "TARGET", "SCRIPT", "FRAMEWORK", "NODES", "FILE", "PROBLEM")
    keys = ("name", "target", "script", "framework", "nodes", "file", "problem")
    print_table(head, [tuple(str(row.get(key) or "") for key in keys) for row in rows])


@run_configurations.command()
@_NAME
@_PATH
@_JSON
def show(*, name: str, folder: Path, as_json: bool) -> None:
    """Print a run configuration.

    Whatever the file's format, its keys are azureml-core's.

    A registry's password is printed as ***, unless it is a reference (env:NAME, file:PATH).
    """
    document = without_password(read_document(_file(name, folder), folder))
    if as_json:
        print_json(document)
    else:
        print_data(block(document).rstrip())


@run_configurations.command()
@_NAME
@_PATH
def delete(*, name: str, folder: Path) -> None:
    """Delete a run configuration. A .compute file stays."""
    file = _file(name, folder)
    if file.suffix != EXTENSION:
        raise UsageError(
            f"{file} has no ending {EXTENSION}; it is not deleted.",
            remedy="Delete the file yourself if it is a run configuration.",
            at=str(file),
        )
    file.unlink()
    say(f"Deleted {file}.")


def _files(folder: Path) -> list[Path]:
    """Return the run configurations in a project's configuration folders."""
    return sorted(
        file
        for each in FOLDERS
        for file in (folder / each).rglob(f"*{EXTENSION}")
        if file.is_file()
    )


def _names(folder: Path) -> Iterator[tuple[str, Path]]:
    for each in FOLDERS:
        for file in sorted((folder / each).rglob("*")):
            if file.is_file() and file.suffix in {EXTENSION, ""} and file.name[0] != ".":
                yield file.relative_to(folder / each).with_suffix("").as_posix(), file


def _file(name: str, folder: Path) -> Path:
    """Return the file of a run configuration, the older folder's first."""
    wanted = name.removesuffix(EXTENSION)
    known = dict(reversed(list(_names(folder))))
    if wanted not in known:
        raise UnknownNameError(
            f"There is no run configuration {name!r} in {folder.resolve()}.",
            remedy=nearest(wanted, known, noun="run configuration"),
        )
    return known[wanted]


def _summary(file: Path, folder: Path) -> JsonObject:
    """Return the row of a run configuration; one that cannot be read has its problem."""
    base = next(folder / each for each in FOLDERS if file.is_relative_to(folder / each))
    name = file.relative_to(base).with_suffix("").as_posix()
    try:
        found = read_run_configuration(file, folder)
    except PlatformError as error:
        return {"name": name, "file": str(file), "problem": error.detail.partition("\n")[0]}
    return {
        "name": name,
        "target": found.target,
        "script": found.script or found.command,
        "framework": found.framework,
        "nodes": found.node_count,
        "file": str(file),
    }
