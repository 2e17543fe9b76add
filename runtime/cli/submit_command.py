"""`aml submit`: its options, and what is started before everything else is imported."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click

from infra.contract.load import load
from infra.contract.project import home_folder
from runtime.model.launching import RETRY_EVENTS, RetryEvent
from runtime.model.run_ids import new_token, run_id
from runtime.targets.standby import Standby

DEFAULT_EXPERIMENT: Final = "Default"
_LOCAL: Final = "local"
_PLAIN: Final = re.compile(r"[\w-]+")


@dataclass(frozen=True, slots=True)
class LimitOptions:
    """When a run starts again, and what ends it, as the command line says it."""

    retries: int | None = None
    exit_codes: tuple[int, ...] = ()
    events: tuple[RetryEvent, ...] = ()
    idle_timeout: str | None = None
    queue_timeout: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmitOptions:
    """The run as the command line gives it; a run configuration may add the rest."""

    script: str | None
    arguments: tuple[str, ...] = ()
    configuration: str | None = None
    target: str | None = None
    experiment: str | None = None
    source_directory: Path = Path()
    environment: Path | None = None
    python_version: str | None = None
    max_duration: str | None = None
    gpus: int | None = None
    limits: LimitOptions = field(default_factory=LimitOptions)
    start: bool = False
    tags: tuple[str, ...] = ()
    keep_azureml: bool = False
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    native: bool | None = None
    entry_point: str = "main"


@click.command(context_settings={"allow_interspersed_args": False})
@click.option("-c", "--configuration", metavar="NAME", help="Run configuration, or target.")
@click.option("--target", "--ct", metavar="TARGET", help="Where to run; see `aml targets`.")
@click.option(
    "-e",
    "--experiment-name",
    "experiment",
    metavar="NAME",
    help="Experiment of the run. Default: that of the file, or `Default`.",
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
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    metavar="N",
    help="Start the script again after a failure, up to N times.",
)
@click.option(
    "--retry-on-exit-code",
    "retry_exit_codes",
    type=click.IntRange(1, 255),
    metavar="CODE",
    multiple=True,
    help="With --retries: only after this exit code (repeatable).",
)
@click.option(
    "--retry-on",
    "retry_events",
    type=click.Choice(RETRY_EVENTS),
    multiple=True,
    help="With --retries: only after this event, or an exit code (repeatable).",
)
@click.option(
    "--idle-timeout", metavar="TIME", help="End the run if it prints nothing for this long."
)
@click.option(
    "--queue-timeout", metavar="TIME", help="End the run if it waits for a node for this long."
)
@click.option(
    "--gpus", type=click.IntRange(min=1), metavar="N", help="GPUs that each machine must have."
)
@click.option("--start", is_flag=True, help="Start a stopped compute instance; billing starts.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="Tag (repeatable).")
@click.option(
    "--set",
    "settings",
    metavar="KEY.KEY=VALUE",
    multiple=True,
    help="For a job file: replace or add a value (repeatable).",
)
@click.option(
    "-P",
    "--param-list",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="For an MLflow project: a parameter of its entry point (repeatable).",
)
@click.option(
    "--entry-point",
    metavar="NAME",
    default="main",
    show_default=True,
    help="For an MLflow project: its entry point.",
)
@click.option(
    "--input",
    "inputs",
    metavar="NAME=WHERE",
    multiple=True,
    help="Data to read: a path, an http(s) address, `azureml://datastores/NAME/paths/PATH` or"
    " `azureml:DATASET:VERSION` (repeatable). $AZUREML_DATAREFERENCE_NAME is its path.",
)
@click.option(
    "--output",
    "outputs",
    metavar="NAME[=WHERE]",
    multiple=True,
    help="Folder to store when the script ends, on a datastore (repeatable).",
)
@click.option(
    "--databricks",
    metavar="KEY=VALUE",
    multiple=True,
    help="For a Databricks workspace: its cluster, libraries or task, as in docs/databricks.md"
    " (repeatable).",
)
@click.option(
    "--batch",
    metavar="KEY=VALUE",
    multiple=True,
    help="For an Azure Batch account: its pool, image or nodes, as in docs/batch.md (repeatable).",
)
@click.option(
    "--keep-azureml",
    is_flag=True,
    help="Install Microsoft's azureml packages also where Azure ML does not host the run.",
)
@click.option(
    "--native/--no-native",
    default=None,
    help="Have Azure ML drive a sweep or pipeline, or this machine. Default: Azure ML, for a target"
    " in Azure and what it does the same.",
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
    experiment: str | None,
    source_directory: Path,
    environment: Path | None,
    python_version: str | None,
    max_duration: str | None,
    retries: int | None,
    retry_exit_codes: tuple[int, ...],
    retry_events: tuple[RetryEvent, ...],
    idle_timeout: str | None,
    queue_timeout: str | None,
    gpus: int | None,
    start: bool,
    tags: tuple[str, ...],
    settings: tuple[str, ...],
    parameters: tuple[str, ...],
    entry_point: str,
    keep_azureml: bool,
    native: bool | None,
    script: str | None,
    arguments: tuple[str, ...],
    **words: tuple[str, ...],
) -> None:
    """Run SCRIPT with ARGUMENTS on a target. Everything after SCRIPT is passed to it.

    With -c, the run configuration .azureml/NAME.runconfig may name the script and its arguments.
    SCRIPT may also be a shell script, a command job (YAML), an MLproject file, or its folder.
    """
    given = SubmitOptions(
        configuration=configuration,
        target=target,
        experiment=experiment,
        source_directory=source_directory,
        environment=environment,
        python_version=python_version,
        max_duration=max_duration,
        limits=LimitOptions(retries, retry_exit_codes, retry_events, idle_timeout, queue_timeout),
        gpus=gpus,
        start=start,
        tags=tags,
        settings=settings,
        parameters=parameters,
        entry_point=entry_point,
        keep_azureml=keep_azureml,
        services=words,
        native=native,
        inputs=words["inputs"],
        outputs=words["outputs"],
        script=script,
        arguments=arguments,
    )
    _submit(given, stack=stack, manifest=manifest, dry_run=dry_run, wait=wait, as_json=as_json)


def _submit(given: SubmitOptions, *, dry_run: bool, **options: object) -> None:
    """Import the rest and submit, beside a process that is started ahead."""
    standby = _started_ahead(given) if not dry_run else None
    try:
        load("runtime.cli.submit:submit")(given, standby, dry_run=dry_run, **options)
    finally:
        if standby is not None:
            standby[1].close()


def _started_ahead(given: SubmitOptions) -> tuple[str, Standby] | None:
    """Start the process of a run that is about to be submitted to this machine, if it is one."""
    experiment = given.experiment or DEFAULT_EXPERIMENT
    is_script = given.script is not None and given.script.endswith(".py")
    is_local = given.target in {None, _LOCAL} and given.configuration is None
    if not (is_script and is_local and _PLAIN.fullmatch(experiment)):
        return None
    token = new_token(time.time())
    return token, Standby(home_folder() / "runs" / run_id(experiment, token))
