"""`aml runs` lists the runs submitted so far; `aml run` has the commands about one of them."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import click

from infra.contract.load import load
from infra.contract.times import duration, local_text
from runtime.cli.lazy_group import LazyGroup
from runtime.cli.render import print_json, print_table, say, say_outdated
from runtime.cli.session import command_session
from runtime.cli.shown_runs import elapsed, run_document
from runtime.history.child_runs import PARENT
from runtime.history.fold import number_text
from runtime.history.store import Filter, History
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.session import ProjectSession

_METRICS: Final = 3
_SWEEP: Final = "HyperDrive"
_ONE_RUN: Final = {
    "cancel": "runtime.cli.one_run:cancel",
    "diff": "runtime.cli.run_diff:diff",
    "download": "runtime.cli.one_run:download",
    "download-logs": "runtime.cli.az_runs:download_logs",
    "exec": "runtime.cli.run_entering:execute",
    "list": "runtime.cli.az_runs:list_runs",
    "logs": "runtime.cli.one_run:logs",
    "monitor-logs": "runtime.cli.az_runs:monitor_logs",
    "monitor-tensorboard": "runtime.cli.run_tensorboard:monitor_tensorboard",
    "ports": "runtime.cli.run_entering:ports",
    "rerun": "runtime.cli.one_run:rerun",
    "resume": "runtime.cli.parent_runs:resume",
    "show": "runtime.cli.one_run:show",
    "submit-hyperdrive": "runtime.cli.az_runs:submit_hyperdrive",
    "submit-pipeline": "runtime.cli.parent_runs:submit_pipeline",
    "submit-script": "runtime.cli.az_runs:submit_script",
    "tensorboard": "runtime.cli.run_tensorboard:tensorboard",
    "update": "runtime.cli.az_runs:update",
}


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    paths={"cost": "runtime.cli.run_costs:cost", "prune": "runtime.cli.run_prune:prune"},
)
@click.option(
    "-e", "--experiment-name", "experiment", metavar="NAME", help="List runs of this experiment."
)
@click.option("--target", metavar="TARGET", help="List runs on this target.")
@click.option(
    "--status",
    "states",
    type=click.Choice([str(each) for each in RunState], case_sensitive=False),
    multiple=True,
    metavar="STATE",
    help="List runs in this state, such as Running or Failed (repeatable).",
)
@click.option(
    "--last",
    type=click.IntRange(min=0),
    metavar="N",
    default=10,
    show_default=True,
    help="Maximum number of runs; 0 for all.",
)
@click.option("--parent", metavar="RUN", help="List the runs of this sweep or pipeline.")
@click.option("-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def runs(
    *,
    experiment: str | None,
    target: str | None,
    states: tuple[str, ...],
    last: int,
    parent: str | None,
    stack: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first. Those of a sweep or a pipeline are listed with --parent."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    session = command_session(stack)
    for error in session.refresh():
        say_outdated(error)
    wanted = Filter(experiment, target, tuple(map(RunState, states)))
    found = list(islice(_listed(session.history, wanted, parent), last or None))
    if as_json:
        print_json([run_document(record) for record in found])
        return
    if not found and session.history.runs(Filter(limit=1)):
        say("No runs match these options. `aml runs --last 0` lists all.")
        return
    if not found:
        say("There are no runs. Submit one with `aml submit SCRIPT`.")
        return
    print_table(
        ("RUN", "TARGET", "STATE", "CREATED", "DURATION", "METRICS"),
        [_row(session, r) for r in found],
    )


@click.group(cls=LazyGroup, paths=_ONE_RUN)
def run() -> None:
    """Show, follow, compare, rerun or cancel one run.

    RUN_ID is a run's id or the beginning of it, `last` or `-1`, or `-2` for the run before that.
    """


def _listed(history: History, wanted: Filter, parent: str | None) -> Iterator[RunRecord]:
    """Yield the runs that are below no other, or those below ``parent``, that match."""
    if parent is None:
        every = history.each_run(wanted)
        return (record for record in every if PARENT not in record.properties)
    # Runs that a script or a service made below its own have no record of their own.
    return filter(wanted.takes, history.children(history.named(parent)))


def _row(session: ProjectSession, record: RunRecord) -> tuple[str, ...]:
    metrics = sorted(record.metrics.items())
    if record.properties.get("runTemplate") == _SWEEP:
        best = load("runtime.sweeps.project:best_value")(session.history, record)
        metrics = [best] if best is not None else []
    shown = ", ".join(f"{key} {number_text(value)}" for key, value in metrics[:_METRICS])
    more = f" (+{len(metrics) - _METRICS})" if len(metrics) > _METRICS else ""
    return (
        record.run_id,
        record.target,
        str(record.state),
        local_text(record.created),
        duration(elapsed(record)),
        shown + more,
    )
