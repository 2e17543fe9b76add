"""What `aml run show` prints of a sweep: its children, best first, once or until it ends."""

import time
from pathlib import Path

from infra.contract.errors import InterruptedByUserError
from infra.contract.load import load
from runtime.cli.render import move_up, print_data, print_table, write_picture
from runtime.model.runs import RunRecord
from runtime.model.states import RunState
from runtime.submit.notes import in_a_line
from runtime.submit.session import ProjectSession
from runtime.submit.watch import Watcher
from runtime.sweeps.importance import Importance, importance_of
from runtime.sweeps.project import results_of
from runtime.sweeps.results import Results, picture, table

_LOOK_EVERY_S = 1.0
_MOST_ROWS = 30


def show_sweep(
    session: ProjectSession, record: RunRecord, *, follows: bool, plot: Path | None
) -> None:
    """Print the children of a sweep. ``plot`` is a file for the picture, written at the end.

    ``follows``: the table is printed again when something has changed, until the sweep has ended.
    """
    lines = _print(session, record)
    try:
        while follows and not record.state.final:
            time.sleep(_LOOK_EVERY_S)
            Watcher(session.history).refresh(session.targets_of(record))
            record = session.history.record(record.run_id)
            move_up(lines)
            lines = _print(session, record)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError(
            f"Stopped watching; sweep {record.run_id} continues.",
            remedy=f"Watch it again with `aml run show -f {record.run_id}`, or stop it with"
            f" `aml run cancel {record.run_id}`.",
        ) from error
    if plot is not None:
        results = results_of(session.history, record)
        write_picture(plot, picture(results, record.run_id))


def _print(session: ProjectSession, record: RunRecord) -> int:
    """Print the sweep as it is now; return how many lines that took."""
    results = results_of(session.history, record)
    head, rows = table(results)
    shown = rows[:_MOST_ROWS]
    print_data(_summary(record, results))
    printed = print_table(head, shown)
    notes = [f"{each.id} was stopped: {each.stopped}" for each in results.trials if each.stopped][
        :_MOST_ROWS
    ]
    notes += _failures(results)[:_MOST_ROWS]
    if len(rows) > len(shown):
        notes.insert(0, f"… and {len(rows) - len(shown)} more")
    notes += [_importance(each) for each in importance_of(results) if each.share is not None]
    cost: str = load("runtime.cli.run_costs:cost_text")(session.history, record)
    notes += [f"cost: {cost}"] if cost else []
    for note in notes:
        print_data(note)
    return 1 + printed + len(notes)


def _failures(results: Results) -> list[str]:
    """Return why runs failed: a reason that several have is given once."""
    failed: dict[str, list[str]] = {}
    for each in sorted(results.trials, key=lambda trial: trial.number):
        if each.state is RunState.FAILED:
            failed.setdefault(in_a_line(each.error), []).append(each.id)
    return [
        f"{runs[0]} failed" + (f", and {len(runs) - 1} more" if runs[1:] else "") + f": {why}"
        for why, runs in failed.items()
    ]


def _importance(found: Importance) -> str:
    better = f"; better: {found.better}" if found.better else ""
    return f"{found.name} explains {found.share:.0%} of the variance of the ranks{better}"


def _summary(record: RunRecord, results: Results) -> str:
    ended = sum(each.state.final for each in results.trials)
    total = record.tags.get("max_total_jobs", "?")
    text = (
        f"{record.run_id}: {record.state}, {ended} of {len(results.trials)} runs ended"
        f" (at most {total}); {results.goal} {results.metric}"
    )
    return f"{text}. {record.error}" if record.error else text
