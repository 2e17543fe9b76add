"""`aml runs`, `aml run show | logs | cancel | download`: runs that were submitted, on any day."""

from collections.abc import Iterable
from pathlib import Path

import click

from infra.contract.errors import PlatformError, UsageError
from runtime.cli.following import (
    collected_logs,
    elapsed,
    follow,
    last_lines,
    print_end,
    raise_unless_completed,
)
from runtime.cli.render import duration, print_json, print_table, run_document, timestamp
from runtime.cli.session import open_scene
from runtime.history.store import Filter
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.collect import collect
from runtime.submit.session import ProjectSession
from runtime.submit.watch import Watcher

_METRICS = 3
_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as data.")


@click.command()
@click.option(
    "-e", "--experiment-name", "experiment", metavar="NAME", help="Runs of this experiment."
)
@click.option("--target", metavar="TARGET", help="Runs on this target.")
@click.option(
    "--status",
    "states",
    type=click.Choice([str(each) for each in RunState], case_sensitive=False),
    multiple=True,
    metavar="STATE",
    help="Runs in this state: Running, Completed, Failed, … (may be repeated)",
)
@click.option(
    "--last",
    type=click.IntRange(min=0),
    metavar="N",
    default=10,
    show_default=True,
    help="How many; 0 for all.",
)
@click.option("-s", "--stack", metavar="STACK", help="The stack; else the selected one.")
@_JSON
def runs(
    experiment: str | None,
    target: str | None,
    states: tuple[str, ...],
    last: int,
    stack: str | None,
    *,
    as_json: bool,
) -> None:
    """List runs, the newest first."""
    scene = open_scene(stack)
    for error in scene.refresh():
        _note(error)
    wanted = Filter(experiment, target, tuple(map(RunState, states)), limit=last)
    found = scene.history.runs(wanted)
    if as_json:
        print_json([run_document(record) for record in found])
        return
    if not found:
        click.echo("There are no runs. Submit one: `aml submit SCRIPT`.", err=True)
        return
    print_table(
        ("RUN", "TARGET", "STATE", "CREATED", "DURATION", "METRICS"), [_row(r) for r in found]
    )


@click.group()
def run() -> None:
    """Show, follow, cancel and download one run."""


@run.command()
@click.argument("run_id")
@_JSON
def show(run_id: str, *, as_json: bool) -> None:
    """Show all that is known of a run."""
    scene, record = _find(run_id)
    document = run_document(scene.history.record(record.run_id))
    if as_json:
        print_json(document)
        return
    for key, value in document.items():
        if isinstance(value, dict):
            for name, item in sorted(value.items()):
                click.echo(f"{key}.{name}: {item}")
        elif value not in (None, [], ""):
            click.echo(f"{key}: {' '.join(value) if isinstance(value, list) else value}")


@run.command()
@click.argument("run_id")
@click.option("-f", "--follow", "follows", is_flag=True, help="Go on until the run has ended.")
@click.option("--json", "as_json", is_flag=True, help="Print a map from log to text.")
def logs(run_id: str, *, follows: bool, as_json: bool) -> None:
    """Print what a run wrote; Ctrl-C stops the watching, never the run."""
    if follows and as_json:
        raise UsageError("--follow and --json exclude each other.", remedy="Leave one of them out.")
    scene, record = _find(run_id)
    if follows:
        ended = follow(Watcher(scene.history).watch(scene.targets_of(record)), record.run_id)
        assert ended is not None, "watching ends with the run"  # noqa: S101
        target = scene.target_of(ended)
        collect(scene.history, target, ended.run_id, scene.home)
        ended = scene.history.record(ended.run_id)
        print_end(ended)
        raise_unless_completed(ended, last_lines(ended.outputs))
        return
    texts: dict[str, str] = {}
    for name, text in _chunks(scene, record):
        texts[name] = texts.get(name, "") + text
    if as_json:
        print_json(texts)
        return
    for text in texts.values():
        click.echo(text, nl=False)


@run.command()
@click.argument("run_id")
@_JSON
def cancel(run_id: str, *, as_json: bool) -> None:
    """Ask a run to stop; one that has ended stays as it is."""
    scene, record = _find(run_id)
    if record.state.final:
        click.echo(f"Run {record.run_id} has ended already: {record.state}.", err=True)
    else:
        scene.target_of(record).cancel(scene.handle_of(record))
        Watcher(scene.history).refresh(scene.targets_of(record))
        record = scene.history.record(record.run_id)
        click.echo(f"Asked run {record.run_id} to stop; it is {record.state}.", err=True)
    if as_json:
        print_json(run_document(record))


@run.command()
@click.argument("run_id")
@click.option(
    "--output-directory",
    "into",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Put them there.",
)
@_JSON
def download(run_id: str, into: Path | None, *, as_json: bool) -> None:
    """Bring a run's outputs and logs to FOLDER (else below .aml/outputs)."""
    scene, record = _find(run_id)
    if into is not None and into.is_file():
        raise UsageError(f"{into} is a file.", remedy="Name a folder.")
    files = collect(scene.history, scene.target_of(record), record.run_id, scene.home, into=into)
    if as_json:
        print_json([str(file) for file in files])
        return
    for file in files:
        click.echo(str(file))


def _find(run_id: str) -> tuple[ProjectSession, RunRecord]:
    """Return the run with what is newest of it; ``UnknownNameError`` names the nearest."""
    scene = open_scene(None)
    record = scene.history.record(run_id)
    if not record.state.final:
        try:
            Watcher(scene.history).refresh(scene.targets_of(record))
        except PlatformError as error:
            _note(error)
        record = scene.history.record(run_id)
    return scene, record


def _note(error: PlatformError) -> None:
    click.echo(f"note: {error.detail} What is shown was seen before.", err=True)


def _chunks(scene: ProjectSession, record: RunRecord) -> Iterable[tuple[str, str]]:
    """Yield name and text of a run's logs; of one whose target is gone, what was collected."""
    try:
        chunks = scene.target_of(record).logs(scene.handle_of(record), {})
        return [(chunk.name, chunk.text) for chunk in chunks]
    except PlatformError as error:
        if record.outputs is None:
            raise
        _note(error)
        return collected_logs(Path(record.outputs))


def _row(record: RunRecord) -> tuple[str, ...]:
    metrics = sorted(record.metrics.items())
    shown = ", ".join(f"{key} {value:g}" for key, value in metrics[:_METRICS])
    more = f" (+{len(metrics) - _METRICS})" if len(metrics) > _METRICS else ""
    return (
        record.run_id,
        record.target,
        str(record.state),
        timestamp(record.created) or "-",
        duration(elapsed(record)),
        shown + more or "-",
    )
