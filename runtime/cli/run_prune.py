"""`aml runs prune`: delete runs that are no longer wanted, after showing which."""

import time
from typing import Final

import click

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject
from infra.contract.times import local_text, utc_text
from runtime.cli.option_values import age, byte_count
from runtime.cli.render import print_json, print_table, say
from runtime.cli.session import command_session
from runtime.model.states import RunState
from runtime.snapshots.sizes import size_text
from runtime.submit.pruning import Plan, Wanted, plan
from runtime.submit.pruning import prune as delete

_ENDED: Final = [str(state) for state in RunState if state.final]


@click.command()
@click.option("-e", "--experiment-name", "experiment", metavar="NAME", help="Only its runs.")
@click.option("--older-than", metavar="AGE", help="Runs that ended before: 12h, 30d, 8w.")
@click.option(
    "--state",
    "states",
    type=click.Choice(_ENDED, case_sensitive=False),
    multiple=True,
    metavar="STATE",
    help="Only runs in this state: Completed, Failed or Canceled (repeatable).",
)
@click.option(
    "--keep", type=click.IntRange(min=0), metavar="N", help="Keep the newest N of these runs."
)
@click.option(
    "--size",
    "limit",
    metavar="SIZE",
    help="Delete the oldest until all runs together have at most this: 500M, 10G.",
)
@click.option("--yes", "agreed", is_flag=True, help="Delete them; otherwise they are listed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def prune(
    *,
    experiment: str | None,
    older_than: str | None,
    states: tuple[str, ...],
    keep: int | None,
    limit: str | None,
    agreed: bool,
    as_json: bool,
) -> None:
    """Delete runs from this machine.

    That is their records, folders and outputs, and snapshots that no other run needs.

    Without --yes, only lists what would be deleted. A run must match all options. Runs that have
    not ended are kept.
    """
    if not (experiment or older_than or states or keep is not None or limit):
        raise UsageError(
            "Say which runs to delete.",
            remedy="Give --older-than 30d, --state Failed, --keep 20, --size 10G or -e NAME.",
        )
    session = command_session(None)
    for error in session.refresh():
        say(f"note: {error.detail} Runs whose end is not known are kept.")
    wanted = Wanted(
        experiment=experiment,
        states=tuple(map(RunState, states)),
        older_than_s=age(older_than) if older_than else None,
        keep=keep or 0,
        size=byte_count(limit) if limit else None,
    )
    found = plan(session.home, session.history, wanted, now=time.time())
    if agreed:
        found = delete(session.home, session.history, found, say)
    if as_json:
        print_json(_document(found, deleted=agreed))
        return
    _show(found, deleted=agreed)


def _show(found: Plan, *, deleted: bool) -> None:
    rows = [
        (
            run.record.run_id,
            str(run.record.state),
            local_text(run.record.ended),
            size_text(run.size),
        )
        for run in found.runs
    ]
    if rows:
        print_table(("RUN", "STATE", "ENDED", "SIZE"), rows)
    count = f"{len(rows)} run{'' if len(rows) == 1 else 's'}"
    snapshots, total = size_text(found.snapshots.size), size_text(found.size)
    what = f"{count} and {snapshots} of snapshots, {total} in total"
    say(f"Deleted {what}." if deleted else f"Would delete {what}. Add --yes to delete.")


def _document(found: Plan, *, deleted: bool) -> JsonObject:
    return {
        "deleted": deleted,
        "runs": [
            {
                "run_id": run.record.run_id,
                "state": str(run.record.state),
                "ended": utc_text(run.record.ended),
                "bytes": run.size,
            }
            for run in found.runs
        ],
        "snapshot_bytes": found.snapshots.size,
        "bytes": found.size,
    }
