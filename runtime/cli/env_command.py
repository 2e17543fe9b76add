"""`aml env` and `aml prepare`: their options. What they do is imported when they are called."""

from pathlib import Path

import click

from infra.contract.load import load
from runtime.cli.option_values import age, byte_count

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_SOURCE = click.option(
    "--source-directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder that declares the environment. Default: the current folder.",
)
_PYTHON = click.option(
    "--python-version", metavar="X.Y", help="Override the environment's Python version."
)
_KEEP_AZUREML = click.option(
    "--keep-azureml",
    is_flag=True,
    help="Install Microsoft's azureml packages also where Azure ML does not host the run.",
)


@click.group()
def env() -> None:
    """Build, list, show and remove environments on this machine."""


@env.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("-c", "--configuration", metavar="NAME", help="Run configuration with it.")
@_SOURCE
@_PYTHON
@_KEEP_AZUREML
@_JSON
def build(
    file: Path | None,
    configuration: str | None,
    source_directory: Path,
    python_version: str | None,
    *,
    keep_azureml: bool,
    as_json: bool,
) -> None:
    """Build the environment that FILE declares, unless it is built.

    FILE is a conda document or a requirements file. Default: the one in the source folder.
    """
    load("runtime.cli.env_build:build")(
        file,
        configuration,
        source_directory,
        python_version,
        keep_azureml=keep_azureml,
        as_json=as_json,
    )


@env.command("list")
@_JSON
def list_(*, as_json: bool) -> None:
    """List the built environments, the most recently used first."""
    load("runtime.cli.environments:list_environments")(as_json=as_json)


@env.command()
@click.argument("name")
@_JSON
def show(name: str, *, as_json: bool) -> None:
    """Show a built environment and its exact versions. NAME may be the beginning of a name."""
    load("runtime.cli.environments:show")(name, as_json=as_json)


@env.command()
@click.option("--older-than", metavar="AGE", help="Remove those not used for so long: 30d.")
@click.option(
    "--keep", type=click.IntRange(min=0), metavar="N", help="Keep only the N most recently used."
)
@click.option("--size", metavar="SIZE", help="Remove what exceeds a size: 5GiB.")
@click.option(
    "--dry-run/--yes", default=True, help="Show what would be removed (default), or remove it."
)
@click.option(
    "--images", is_flag=True, help="Prune the docker engine's images of environments, by age."
)
@_JSON
def prune(
    older_than: str | None,
    keep: int | None,
    size: str | None,
    *,
    dry_run: bool,
    images: bool,
    as_json: bool,
) -> None:
    """Remove built environments, the least recently used first. Those in use are kept."""
    module = "built_images" if images else "environments"
    load(f"runtime.cli.{module}:prune")(
        older_than_s=age(older_than) if older_than else None,
        keep=keep,
        size=byte_count(size) if size else None,
        dry_run=dry_run,
        as_json=as_json,
    )


@click.command()
@click.option("-c", "--configuration", metavar="NAME", help="Run configuration, or target.")
@click.option("--target", "--ct", metavar="TARGET", help="Target; see `aml targets`.")
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "-d",
    "--conda-dependencies",
    "environment",
    type=click.Path(path_type=Path),
    help="Conda or requirements file. Default: the one in the source folder.",
)
@_SOURCE
@_PYTHON
@_KEEP_AZUREML
@_JSON
def prepare(
    *,
    configuration: str | None,
    target: str | None,
    stack: str | None,
    environment: Path | None,
    source_directory: Path,
    python_version: str | None,
    keep_azureml: bool,
    as_json: bool,
) -> None:
    """Prepare a target for runs: build the environment, run no script.

    On a target of a workspace the environment is registered; the service builds its image before
    the first run that uses it.
    """
    load("runtime.cli.prepare:prepare")(
        configuration,
        target,
        environment,
        source_directory,
        python_version,
        stack=stack,
        keep_azureml=keep_azureml,
        as_json=as_json,
    )
