"""`aml submit`: its options, and what is started before everything else is imported."""

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from infra.contract.load import load
from infra.contract.project import home_folder
from runtime.model.run_ids import new_token, run_id
from runtime.targets.standby import Standby

_LOCAL: Final = "local"
_PLAIN: Final = re.compile(r"[\w-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitOptions:
    """The run as the command line gives it; a run configuration may add the rest."""

    configuration: str | None
    target: str | None
    experiment: str
    source_directory: Path
    environment: Path | None
    python_version: str | None
    max_duration: str | None
    tags: tuple[str, ...]
    keep_azureml: bool
    script: str | None
    arguments: tuple[str, ...]


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-c", "--configuration", metavar="NAME", help="Run configuration, or target.")
@click.option("--target", "--ct", metavar="TARGET", help="Where to run; see `aml targets`.")
@click.option(
    "-e",
    "--experiment-name",
    "experiment",
    metavar="NAME",
    default="Default",
    show_default=True,
    help="Experiment of the run.",
)
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option(
    "--manifest",
    type=click.Path(path_type=Path),
    help="Read the targets from this manifest file.",
)
@click.option(
    "--source-directory",
    type=click.Path(path_type=Path),
    default=Path(),
    help="Folder to send with the run. Default: the current folder.",
)
@click.option(
    "-d",
    "--conda-dependencies",
    "environment",
    type=click.Path(path_type=Path),
    help="Conda or requirements file. Default: the one in the source folder.",
)
@click.option("--python-version", metavar="X.Y", help="Override the environment's Python version.")
@click.option("--max-duration", metavar="TIME", help="Time limit: 90s, 30m, 2h, 1d.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="Tag (repeatable).")
@click.option(
    "--keep-azureml",
    is_flag=True,
    help="Install Microsoft's azureml packages also where Azure ML does not host the run.",
)
@click.option(
    "--dry-run", is_flag=True, help="Show target, environment, files and size; run nothing."
)
@click.option(
    "--wait/--detach", default=True, help="Watch the run until it ends, or return at once."
)
@click.option("--json", "as_json", is_flag=True, help="Print the finished run as JSON.")
@click.argument("script", required=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def submit(
    *,
    stack: str | None,
    manifest: Path | None,
    dry_run: bool,
    wait: bool,
    as_json: bool,
    configuration: str | None,
    target: str | None,
    experiment: str,
    source_directory: Path,
    environment: Path | None,
    python_version: str | None,
    max_duration: str | None,
    tags: tuple[str, ...],
    keep_azureml: bool,
    script: str | None,
    arguments: tuple[str, ...],
) -> None:
    """Run SCRIPT with ARGUMENTS on a target. Everything after SCRIPT is passed to it.

    With -c, the run configuration .azureml/NAME.runconfig may name the script and its arguments.
    """
    given = SubmitOptions(
        configuration=configuration,
        target=target,
        experiment=experiment,
        source_directory=source_directory,
        environment=environment,
        python_version=python_version,
        max_duration=max_duration,
        tags=tags,
        keep_azureml=keep_azureml,
        script=script,
        arguments=arguments,
    )
    ahead = target in {None, _LOCAL} and configuration is None and script and not dry_run
    standby = _started_ahead(experiment) if ahead else None
    try:
        load("runtime.cli.submit:submit")(
            given,
            standby,
            stack=stack,
            manifest=manifest,
            dry_run=dry_run,
            wait=wait,
            as_json=as_json,
        )
    finally:
        if standby is not None:
            standby[1].close()


def _started_ahead(experiment: str) -> tuple[str, Standby] | None:
    """Start the process of the run that is about to be submitted to this machine."""
    if not _PLAIN.fullmatch(experiment):
        return None
    token = new_token(time.time())
    return token, Standby(home_folder() / "runs" / run_id(experiment, token))
