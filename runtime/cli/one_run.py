"""`aml run show | logs | cancel | download | rerun`: the commands about one run."""

from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import load
from infra.contract.times import local_text
from runtime.agent.files import printable
from runtime.cli.az import az_options, given
from runtime.cli.az_documents import az_run
from runtime.cli.az_runs import EXPERIMENT, found_run
from runtime.cli.counted_back import CountedBack, as_az
from runtime.cli.following import (
    follow,
    last_lines,
    print_end,
    raise_unless_completed,
    said_again,
)
from runtime.cli.render import print_data, print_json, print_text, say, say_outdated
from runtime.cli.session import command_session, found, is_part
from runtime.cli.shown_runs import run_document
from runtime.cli.watching import pace_of
from runtime.model.pipelines import PIPELINE_TARGET
from runtime.model.runs import RunRecord
from runtime.submit.collect import collect
from runtime.submit.run_logs import log_texts
from runtime.submit.session import ProjectSession
from runtime.submit.watch import Watcher

_RUN = click.argument("run_id")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.command(cls=CountedBack)
@_RUN
@EXPERIMENT
@click.option(
    "-f", "--follow", "follows", is_flag=True, help="Show a sweep again and again until it ends."
)
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a picture, an SVG or by its ending a PNG: the metrics' curves; of a sweep parallel"
    " coordinates, of a pipeline its graph.",
)
@_JSON
@az_options()
def show(
    run_id: str, experiment: str | None, plot: Path | None, *, follows: bool, as_json: bool
) -> None:
    """Show everything known about a run; of a sweep, its runs, best first.

    With `-r RUN`, or -o or --query, it is shown as `az ml run show` does.
    """
    if as_az():
        az = given()
        _, record = found_run(az, run_id, experiment)
        az.show(az_run(record))
        return
    session, record = _find(run_id)
    is_sweep = record.properties.get("runTemplate") == "HyperDrive"
    if is_sweep and not as_json:
        load("runtime.cli.run_sweep:show_sweep")(session, record, follows=follows, plot=plot)
        return
    if follows:
        raise UsageError(
            f"Run {record.run_id} is not a sweep.",
            remedy="Leave out --follow; `aml run logs -f` follows a run.",
        )
    if plot and as_json:
        raise UsageError("--plot and --json cannot be combined.", remedy="Leave one of them out.")
    children = session.history.children(record.run_id)
    document = run_document(record)
    document["children"] = {child.run_id: str(child.state) for child in children}
    if as_json:
        document["cost"] = load("runtime.cli.run_costs:cost_document")(session.history, record)
        print_json(document)
        return
    document["cost"] = load("runtime.cli.run_costs:cost_text")(session.history, record)
    _print_facts(record, document)
    if record.target == PIPELINE_TARGET:
        load("runtime.cli.parent_runs:show_steps")(session, record.run_id)
    if plot or record.metrics:
        load("runtime.cli.run_curves:show_curves")(session, record, plot)


def _print_facts(record: RunRecord, document: JsonObject) -> None:
    when = {"created": record.created, "started": record.started, "ended": record.ended}
    for key, value in (document | {key: local_text(each) for key, each in when.items()}).items():
        if isinstance(value, dict):
            for name, item in sorted(value.items()):
                print_data(f"{key}.{name}: {item}")
        elif value not in (None, [], ""):
            print_data(f"{key}: {' '.join(value) if isinstance(value, list) else value}")


@click.command(cls=CountedBack)
@_RUN
@click.option(
    "-f", "--follow", "follows", is_flag=True, help="Follow the log until the run has ended."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object from log name to text.")
def logs(run_id: str, *, follows: bool, as_json: bool) -> None:
    """Print a run's logs. Ctrl-C stops following; the run continues."""
    if follows and as_json:
        raise UsageError("--follow and --json cannot be combined.", remedy="Leave one of them out.")
    session, record = _find(run_id)
    if is_part(session, record):
        load("runtime.cli.part_runs:show_logs")(session, record, follows=follows, as_json=as_json)
        return
    if follows:
        watcher = Watcher(session.history, pace=pace_of(session.target_of(record)))
        ended = follow(watcher.watch(session.targets_of(record)), record.run_id)
        target = session.target_of(ended)
        collect(session.history, target, ended.run_id, session.home, report=say)
        ended = session.history.record(ended.run_id)
        print_end(ended)
        raise_unless_completed(ended, last_lines(ended.outputs))
        return
    texts = log_texts(session, record, say_outdated)
    if as_json:
        print_json(texts)
        return
    for name, text in texts.items():
        if not said_again(name, texts):
            print_text(text)


@click.command(cls=CountedBack)
@_RUN
@EXPERIMENT
@_JSON
@az_options()
def cancel(run_id: str, experiment: str | None, *, as_json: bool) -> None:
    """Cancel a run. One that has ended is left as it is."""
    session, record = found_run(given(), run_id, experiment)
    if record.state.final:
        say(f"Run {record.run_id} has already ended: {record.state}.")
    elif is_part(session, record):
        record = load("runtime.cli.part_runs:cancel")(session, record)
    else:
        session.target_of(record).cancel(session.handle_of(record))
        Watcher(session.history).refresh(session.targets_of(record))
        record = session.history.record(record.run_id)
        say(f"Requested cancellation of run {record.run_id}; it is {record.state}.")
    if as_json:
        print_json(run_document(record))


@click.command(cls=CountedBack)
@_RUN
@click.option(
    "--output-directory",
    "into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Folder to download to. Default: below .aml/outputs.",
)
@_JSON
def download(run_id: str, into: Path | None, *, as_json: bool) -> None:
    """Download a run's outputs and logs."""
    session, record = _find(run_id)
    if into is not None and into.is_file():
        raise UsageError(f"{into} is a file.", remedy="Name a folder.")
    if is_part(session, record):
        files = load("runtime.submit.parts:collect_part")(session, record, say, into)
    else:
        target = session.target_of(record)
        files = collect(session.history, target, record.run_id, session.home, report=say, into=into)
    if as_json:
        print_json([str(file) for file in files])
        return
    for file in files:
        print_data(printable(str(file)))


@click.command(cls=CountedBack)
@_RUN
@click.option(
    "--fresh", is_flag=True, help="Resolve the package versions again. Default: those that ran."
)
@click.option(
    "-d",
    "--conda-dependencies",
    "environment",
    type=click.Path(path_type=Path),
    help="Environment file. Default: the run's own.",
)
@click.option(
    "--variable",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="Environment variable (repeatable).",
)
@click.option(
    "--wait/--detach", default=True, help="Watch the run until it ends, or return at once."
)
@_JSON
def rerun(
    run_id: str,
    environment: Path | None,
    variables: tuple[str, ...],
    *,
    fresh: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a run again, as it was.

    Snapshot, arguments, target and package versions are the same. Values of environment variables
    are not kept: they are taken from this shell. A sweep draws the same trials; a pipeline reuses
    steps that have not changed.
    """
    session, record = _find(run_id)
    if is_part(session, record):
        root = session.history.root_of(record.run_id)
        raise UsageError(
            f"Run {record.run_id} was started by run {root}, and cannot be submitted alone.",
            remedy=f"Submit that one again: `aml run rerun {root}`.",
        )
    load("runtime.cli.rerun:rerun")(
        session,
        record,
        fresh=fresh,
        environment=environment,
        variables=variables,
        wait=wait,
        as_json=as_json,
    )


def _find(run_id: str) -> tuple[ProjectSession, RunRecord]:
    """Return the run that ``run_id`` means, refreshed; ``UnknownNameError`` names the nearest."""
    session = command_session(None)
    return session, found(session, session.history.named(run_id))
