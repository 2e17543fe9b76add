"""`aml job create | list | show | stream | cancel | download`: the words of `az ml job`.

Documents have az's keys and go to stdout; everything else goes to stderr. Options may stand
anywhere, and those that name a workspace are compared with the deployed one.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from infra.contract.discovery import find_cloud
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.manifest import read_manifest
from runtime.agent.files import printable
from runtime.cli.az import Command, az_options, given
from runtime.cli.following import last_lines, raise_unless_completed
from runtime.cli.job_documents import Pages, job_document
from runtime.cli.render import print_data, say, say_outdated
from runtime.cli.session import command_session, refreshed
from runtime.cli.submit import submit_defined
from runtime.cli.submit_command import SubmitOptions
from runtime.cli.watching import follow_to_end
from runtime.definitions.job_kinds import KINDS, refuse_job
from runtime.definitions.recognition import JOBS, Kind, recognize
from runtime.definitions.settings_given import Setting, read_settings
from runtime.history.store import Filter
from runtime.submit.collect import collect
from runtime.submit.session import ProjectSession

_MANY: Final = "--set"
_COLUMNS: Final = ("name", "status", "display_name", "experiment_name", "compute")
_READERS: Final = {
    Kind.SPARK_JOB: "defined_spark",
    Kind.SWEEP_JOB: "defined_sweep",
    Kind.AUTOML_JOB: "defined_automl",
}
_CONFIGURATIONS: Final = (Kind.RUN_CONFIGURATION, Kind.WORKBENCH_RUN_CONFIGURATION)
_NAME: Final = click.option("--name", "-n", metavar="NAME", required=True, help="Name of the job.")


class _AzCommand(click.Command):
    """A command whose `--set` takes several values, as az's does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_one_each(args)))


def _one_each(args: Sequence[str]) -> Sequence[str]:
    """Return the arguments with `--set` before each of its values."""
    spread: list[str] = []
    setting, first = False, False
    for each in args:
        if each.startswith("-"):
            setting = first = each == _MANY
        elif setting:
            spread += [] if first else [_MANY]
            first = False
        spread.append(each)
    return spread


def _az(function: Command) -> Command:
    """Add the options that every command of `az ml job` has, and the stack."""
    stack = click.option(
        "--stack", "-s", metavar="STACK", help="Stack to use. Default: the selected stack."
    )
    return stack(az_options(metadata=False, path=False)(function))


@click.group()
def job() -> None:
    """Create, list, show, stream, cancel and download jobs, as `az ml job` does.

    A job is a run: `aml runs` lists it too. The workspace is that of the selected stack.
    """


@job.command(cls=_AzCommand)
@click.option(
    "--file", "-f", type=click.Path(path_type=Path), required=True, help="File of the job, in YAML."
)
@click.option(
    "--name",
    "-n",
    metavar="NAME",
    help="Name of the job. Default: the file's name for it, or a generated one.",
)
@click.option(
    "--set",
    "settings",
    metavar="KEY.KEY=VALUE",
    multiple=True,
    help="Replace or add a value; several may follow.",
)
@click.option("--stream", is_flag=True, help="Show the job until it has ended.")
@click.option("--web", "-e", is_flag=True, help="Print the address of the job's page.")
@_az
def create(
    *,
    file: Path,
    name: str | None,
    settings: tuple[str, ...],
    stream: bool,
    web: bool,
    stack: str | None,
) -> None:
    """Submit the job in a file, and print it.

    With --stream, the exit code tells whether it completed; its output goes to stderr.
    """
    session = _session(stack)
    named = [Setting(("name",), name)] if name else []
    run_id = _submitted(file, [*read_settings(settings), *named], session)
    record = session.history.record(run_id)
    if stream:
        record = follow_to_end(session, run_id, quiet=True)
    pages = _pages(session)
    if web:
        say(pages.page(record))
    _show([job_document(record, pages)], one=True)
    if stream:
        raise_unless_completed(record, last_lines(record.outputs), quiet=True)


def _submitted(file: Path, settings: Sequence[Setting], session: ProjectSession) -> str:
    """Submit the job of a file and return its name."""
    if not file.is_file():
        raise UnknownNameError(f"There is no file {file}.", remedy="Correct `--file`.")
    found = recognize(file.name, file.read_text(encoding="utf-8-sig", errors="replace"))
    if found.kind is Kind.PIPELINE_JOB:
        made = load("runtime.cli.pipeline_files:PipelineJob")(file).read(settings)
        run_id: str = load("runtime.pipelines.submission:submit")(
            session, made.pipeline, made.options, say
        )
        return run_id
    if found.kind in KINDS:
        refuse_job(file, found)
    if found.kind not in {*JOBS, Kind.UNKNOWN, Kind.UNREADABLE}:
        raise UsageError(
            f"{file} is {found.kind}, not a job: {found.why}.",
            remedy=f"Submit it with `aml submit {'-c ' * (found.kind in _CONFIGURATIONS)}"
            f"{file}`, or write a job.",
        )
    options = SubmitOptions(script=str(file))
    reader = _READERS.get(found.kind, "defined_job")
    defined = load(f"runtime.cli.definition_files:{reader}")(file, settings, options, session)
    return submit_defined(defined, session)


@job.command(name="list", cls=_AzCommand)
@click.option(
    "--max-results", "-r", type=click.IntRange(min=1), metavar="N", help="Maximum number of jobs."
)
@click.option("--tag", metavar="KEY=VALUE", help="List jobs with this tag.")
@_az
def list_(
    *,
    max_results: int | None,
    tag: str | None,
    stack: str | None,
) -> None:
    """List jobs, newest first."""
    session = _session(stack)
    for error in session.refresh():
        say_outdated(error)
    key, _, value = (tag or "").partition("=")
    wanted = Filter(tags={key: value} if key else {}, limit=max_results or 0)
    pages = _pages(session)
    _show([job_document(each, pages) for each in session.history.runs(wanted)])


@job.command(cls=_AzCommand)
@_NAME
@click.option("--web", "-e", is_flag=True, help="Print the address of the job's page.")
@_az
def show(
    *,
    name: str,
    web: bool,
    stack: str | None,
) -> None:
    """Print a job."""
    session = _session(stack)
    record, pages = refreshed(session, name), _pages(session)
    if web:
        say(pages.page(record))
    _show([job_document(record, pages)], one=True)


@job.command(cls=_AzCommand)
@_NAME
@_az
def stream(*, name: str, stack: str | None) -> None:
    """Show a job until it has ended. The exit code is not 0 unless it completed."""
    session = _session(stack)
    record = follow_to_end(session, refreshed(session, name).run_id)
    raise_unless_completed(record, last_lines(record.outputs))


@job.command(cls=_AzCommand)
@_NAME
@_az
def cancel(*, name: str, stack: str | None) -> None:
    """Cancel a job. One that has ended is left as it is."""
    session = _session(stack)
    record = refreshed(session, name)
    if record.state.final:
        say(f"Job {name} has already ended: {record.state}.")
        return
    session.target_of(record).cancel(session.handle_of(record))
    say(f"Requested cancellation of job {name}; it is {refreshed(session, name).state}.")


@job.command(cls=_AzCommand)
@_NAME
@click.option("--all", "everything", is_flag=True, help="Download the logs and all outputs.")
@click.option("--output-name", metavar="OUTPUT", help="Download this output.")
@click.option(
    "--download-path",
    "-p",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="FOLDER",
    help="Folder to download to. Default: the current one.",
)
@_az
def download(
    *,
    name: str,
    everything: bool,
    output_name: str | None,
    download_path: Path,
    stack: str | None,
) -> None:
    """Download a job's files, and print their names.

    Its `outputs` folder and its logs go to FOLDER/artifacts, a named output to
    FOLDER/named-outputs/OUTPUT.
    """
    session = _session(stack)
    record = refreshed(session, name)
    files: list[Path] = []
    if output_name is None:
        target, into = session.target_of(record), download_path / "artifacts"
        files += collect(session.history, target, name, session.home, report=say, into=into)
    if everything or output_name is not None:
        outputs = load("runtime.submit.named_outputs:outputs_of")(session, name, output_name)
        into = download_path / "named-outputs"
        fetched = load("runtime.submit.named_outputs:download_outputs")
        files += fetched(session, name, outputs, into) if outputs else []
    for file in files:
        print_data(printable(str(file)))


def _session(stack: str | None) -> ProjectSession:
    """Return the session; a workspace that the options name must be the deployed one."""
    session, options = command_session(stack), given()
    if options.resource_group or options.workspace or options.subscription:
        options.require_workspace(session)
    return session


def _pages(session: ProjectSession) -> Pages:
    runs = session.home / "runs"
    if not session.targets.deployed:
        return Pages(runs)
    manifest = read_manifest(session.targets.manifest_file, stack=session.stack)
    cloud = find_cloud(session.home) if manifest.cloud == "local" else None
    return Pages(runs, manifest.workspace.id, cloud.url if cloud else "")


def _show(documents: Sequence[JsonObject], *, one: bool = False) -> None:
    """Print jobs as the options ask for; a table of whole jobs has its telling columns alone."""
    options = given()
    if options.output == "table" and options.query is None:
        documents = [{key: each[key] for key in _COLUMNS} for each in documents]
    options.show(documents[0] if one else list(documents))
