"""`aml run rerun`: submit a run again, with the package versions that ran."""

from pathlib import Path

from runtime.cli.option_values import pair
from runtime.cli.render import say
from runtime.cli.watching import finish
from runtime.model.runs import RunRecord
from runtime.submit.rerun import RerunOptions, rerun_of
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import submitter_of


def rerun(
    session: ProjectSession,
    record: RunRecord,
    *,
    fresh: bool,
    environment: Path | None,
    variables: tuple[str, ...],
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a run again; the parameters are the options of the command."""
    values = dict(pair(each, option="--variable", noun="variable") for each in variables)
    options = RerunOptions(fresh=fresh, environment=environment, variables=values)
    again = rerun_of(record, session.home, options)
    for note in again.notes:
        say(note)
    target = session.target_of(record)
    submitter = submitter_of(session, say)
    stack = record.stack or session.stack
    submitted = submitter.resubmit(again.spec, again.snapshot, target, git=again.git, stack=stack)
    run_id = submitted.run.run_id
    say(f"RunId: {run_id}")
    finish(session, run_id, wait=wait, as_json=as_json)
