"""`aml run submit-script` and the other verbs of `az ml run`, in its words."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn

import click

from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.load import load
from runtime.agent.files import Below
from runtime.cli.az import AzOptions, az_options, given
from runtime.cli.az_documents import az_run, check_named, minimal
from runtime.cli.following import last_lines, raise_unless_completed
from runtime.cli.option_values import pair
from runtime.cli.render import print_data, say, say_outdated
from runtime.cli.session import command_session, found
from runtime.history.store import Filter
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.notes import note
from runtime.submit.run_logs import log_texts
from runtime.submit.session import ProjectSession

_SUBMIT: Final = "runtime.cli.submit_script:submit_script"
_HYPERDRIVE: Final = "runtime.cli.submit_hyperdrive:submit_hyperdrive"
_OPTIONS: Final = "runtime.cli.submit_script:ScriptOptions"
_FOLLOWED: Final = "runtime.cli.watching:follow_to_end"
_PATH = click.Path(path_type=Path)
_COLUMNS: Final = ("run_id", "experiment", "target", "status", "script", "created", "ended")
"""What tells runs apart, in a table."""

EXPERIMENT = click.option(
    "-e", "--experiment-name", "experiment", metavar="NAME", help="Experiment of the run."
)
_RUN = click.option("-r", "--run", "run_id", metavar="RUN", required=True, help="The run.")


NATIVE = click.option(
    "--native/--no-native",
    default=None,
    help="Have Azure ML drive a sweep, or this machine. Default: Azure ML, for a target in Azure.",
)


def script_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options and arguments of a submission."""
    for option in reversed(
        (
            click.option(
                "-c",
                "--run-configuration-name",
                "--run-configuration",
                "configuration",
                metavar="NAME",
                help="Run configuration of the project.",
            ),
            EXPERIMENT,
            click.option(
                "--source-directory",
                type=_PATH,
                help="Folder to send with the run. Default: the project folder.",
            ),
            click.option(
                "-d",
                "--conda-dependencies",
                "environment",
                type=_PATH,
                metavar="FILE",
                help="Conda or requirements file; replaces that of the run configuration.",
            ),
            click.option(
                "--target",
                "--ct",
                metavar="TARGET",
                help="Replaces the run configuration's target.",
            ),
            click.option("--async", "detached", is_flag=True, help="Return at once."),
            click.argument("script", required=False),
            click.argument("arguments", nargs=-1, type=click.UNPROCESSED),
        )
    ):
        command = option(command)
    return command


@click.command("submit-script", context_settings={"allow_interspersed_args": False})
@script_options
@az_options()
def submit_script(**options: object) -> None:
    """Run SCRIPT with ARGUMENTS. Everything after SCRIPT is passed to it.

    SCRIPT and ARGUMENTS replace those of the run configuration. The script's output is printed to
    stderr, the finished run to stdout; the exit code is 1 if the run fails.
    """
    load(_SUBMIT)(load(_OPTIONS)(**options), given())


@click.command("list")
@EXPERIMENT
@click.option("--last", type=click.IntRange(min=0), default=10, show_default=True, metavar="N")
@click.option(
    "--status",
    type=click.Choice([str(each) for each in RunState], case_sensitive=False),
    metavar="STATE",
    help="Runs in this state, such as Running or Failed.",
)
@click.option("--tags", metavar="KEY=VALUE", multiple=True, help="Runs with this tag (repeatable).")
@click.option("--compute-target-name", "target", metavar="TARGET", help="Runs on this target.")
@click.option("--parent-run-id", metavar="RUN", help="Children of this run.")
@click.option("--pipeline-run-id", metavar="ID", help="Steps of this pipeline's run.")
@click.option(
    "--minimal", "is_minimal", is_flag=True, help="Print only the main values of each run."
)
@az_options()
def list_runs(
    *,
    experiment: str | None,
    last: int,
    status: str | None,
    tags: tuple[str, ...],
    target: str | None,
    parent_run_id: str | None,
    pipeline_run_id: str | None,
    is_minimal: bool,
) -> None:
    """List runs, newest first.

    These are the runs of the experiment, else of the attached folder, else all.
    """
    az = given()
    parent_run_id = parent_run_id or pipeline_run_id
    session = command_session(None)
    check_named(az, session)
    for error in session.refresh():
        say_outdated(error)
    wanted = Filter(
        experiment or load("runtime.definitions.attached_folder:attached_experiment")(az.path),
        target,
        () if status is None else (RunState(status),),
        tags=dict(pair(each, option="--tags") for each in tags) or None,
        limit=last,
    )
    if parent_run_id is None:
        found = list(session.history.runs(wanted))
    else:
        found = list(filter(wanted.takes, session.history.children(parent_run_id)))
    documents = [az_run(record) for record in (found[:last] if last else found)]
    if az.output == "table" and az.query is None and not is_minimal:
        documents = [{key: each[key] for key in _COLUMNS} for each in documents]
    if not documents:
        say(
            f"No run of experiment {wanted.experiment!r} fits." if wanted.experiment else "No runs."
        )
    az.show([minimal(d) for d in documents] if is_minimal else documents)


@click.command("monitor-logs")
@_RUN
@EXPERIMENT
@az_options()
def monitor_logs(*, run_id: str, experiment: str | None) -> None:
    """Follow a run until it ends. The exit code is 1 if it failed."""
    az = given()
    session, record = found_run(az, run_id, experiment)
    ended: RunRecord = load(_FOLLOWED)(session, record.run_id, quiet=True)
    az.show(az_run(ended))
    raise_unless_completed(ended, last_lines(ended.outputs), quiet=True)


@click.command("download-logs")
@_RUN
@click.option(
    "-d", "--output-dir", "folder", type=_PATH, required=True, help="Folder to download to."
)
@EXPERIMENT
@az_options()
def download_logs(*, run_id: str, folder: Path, experiment: str | None) -> None:
    """Download the logs of a run."""
    session, record = found_run(given(), run_id, experiment)
    if folder.is_file():
        raise UsageError(f"{folder} is a file.", remedy="Name a folder.")
    folder.mkdir(parents=True, exist_ok=True)
    below = Below(folder)
    for name, text in log_texts(session, record, say_outdated).items():
        with below.replacing(name) as sink:
            sink.write(text.encode())
        print_data(str(folder / name))


@click.command("update")
@_RUN
@click.option("--add-tag", "tags", metavar="KEY[=VALUE]", multiple=True, help="Tag (repeatable).")
@EXPERIMENT
@az_options()
def update(
    *,
    run_id: str,
    tags: tuple[str, ...],
    experiment: str | None,
) -> None:
    """Add tags to a run. A tag of the same name is replaced."""
    az = given()
    session, record = found_run(az, run_id, experiment)
    for each in tags:
        key, _, value = each.partition("=")
        if not key:
            raise UsageError(f"{each!r} is not a tag.", remedy="Write --add-tag KEY=VALUE.")
        now = load("time:time")()
        note(session.history, record.run_id, "tag", {"key": key, "value": value}, time_s=now)
    az.show(az_run(session.history.record(record.run_id)))


def found_run(
    az: AzOptions, run_id: str, experiment: str | None
) -> tuple[ProjectSession, RunRecord]:
    """Return a run, refreshed. Raises ``UnknownNameError`` if it is of another experiment."""
    session = command_session(None)
    check_named(az, session)
    record = found(session, session.history.named(run_id))
    if experiment and record.experiment != experiment:
        raise UnknownNameError(
            f"Run {record.run_id} is of experiment {record.experiment!r}, not {experiment!r}.",
            remedy="Leave -e out; runs are found by their id.",
        )
    return session, record


@click.command("submit-hyperdrive", context_settings={"allow_interspersed_args": False})
@click.option(
    "--hyperdrive-configuration-name",
    "name",
    metavar="FILE",
    required=True,
    help="HyperDrive configuration: a path, or the end of a file's name in the project.",
)
@NATIVE
@script_options
@az_options()
def submit_hyperdrive(*, name: str, native: bool | None, **options: object) -> None:
    """Sweep SCRIPT over the parameters of a HyperDrive configuration.

    SCRIPT and ARGUMENTS replace those of the run configuration, which -c names. Every run is a
    child of the printed one; `aml run show RUN` compares them. It goes on without this terminal.
    """
    load(_HYPERDRIVE)(load(_OPTIONS)(**options), name, given(), native=native)


def _named(arguments: tuple[str, ...]) -> str:
    return f" ({' '.join(arguments)})" if arguments else ""


def _refuse(detail: str) -> NoReturn:
    raise UsageError(
        detail, remedy="Submit its script by itself: `aml run submit-script -c NAME SCRIPT`."
    )
