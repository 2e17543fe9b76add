"""What a command does after it submitted a run: watch it until it ends, or leave it running."""

from typing import Final

from runtime.cli.following import follow, last_lines, print_end, raise_unless_completed
from runtime.cli.render import print_data, print_json, say
from runtime.cli.shown_runs import run_document
from runtime.model.runs import RunRecord
from runtime.submit.collect import collect
from runtime.submit.session import ProjectSession
from runtime.submit.watch import Pace, Watcher
from runtime.targets.base import INTERACTIVE, Target
from runtime.targets.finding import LOCAL
from runtime.targets.folder_runs import FolderRuns

_LINGER_S: Final = 30.0
_LONGEST_S: Final = 0.5
"""What a script prints is seen within a second, after however long a pause."""


def finish(session: ProjectSession, run_id: str, *, wait: bool, as_json: bool) -> None:
    """Watch a run until it ends if ``wait`` is set; else say how to follow it."""
    if wait:
        watched(session, run_id, as_json=as_json)
    else:
        detached(session, run_id, as_json=as_json)


def watched(session: ProjectSession, run_id: str, *, as_json: bool) -> None:
    """Print what happens to a run until it ends. Raises ``RunFailedError`` unless it completes."""
    record = follow_to_end(session, run_id, quiet=as_json)
    if as_json:
        print_json(run_document(record))
    raise_unless_completed(record, last_lines(record.outputs), quiet=as_json)


def follow_to_end(session: ProjectSession, run_id: str, *, quiet: bool = False) -> RunRecord:
    """Print what happens to a run until it ends, collect its files, and return its record.

    With ``quiet``, nothing is printed to stdout.
    """
    target = session.target_of(session.history.record(run_id))
    watcher = Watcher(session.history, pace=pace_of(target))
    follow(watcher.watch({run_id: target}, replay=True), run_id, quiet=quiet)
    collect(session.history, target, run_id, session.home, report=say)
    record = session.history.record(run_id)
    print_end(record)
    return record


def detached(session: ProjectSession, run_id: str, *, as_json: bool) -> None:
    """Print the run's id, and how to follow it."""
    say(f"The run continues in the background; follow it with `aml run logs -f {run_id}`.")
    if as_json:
        print_json(run_document(session.history.record(run_id)))
    else:
        print_data(run_id)


def pace_of(target: Target) -> Pace:
    """Return how often to poll: what a run reports to a folder here costs nothing to look at."""
    if isinstance(target, FolderRuns):
        return Pace(first_s=0.01, longest_s=_LONGEST_S)
    if target.name in {LOCAL, INTERACTIVE}:  # a parent that is driven here has no nodes
        return Pace()
    return Pace(linger_s=_LINGER_S)
