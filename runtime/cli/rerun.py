"""`aml run rerun`: submit a run again, with the package versions that ran."""

from pathlib import Path

from infra.contract.errors import UsageError
from runtime.cli.render import say
from runtime.cli.watching import finish
from runtime.model.runs import RunRecord
from runtime.submit.rerun import RerunOptions, rerun_of
from runtime.submit.session import ProjectSession


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
    values = dict(map(_pair, variables))
    options = RerunOptions(fresh=fresh, environment=environment, variables=values)
    again = rerun_of(record, session.home, options)
    for note in again.notes:
        say(note)
    target = session.target_of(record)
    submitter = session.submitter(say)
    stack = record.stack or session.stack
    submitted = submitter.resubmit(again.spec, again.snapshot, target, git=again.git, stack=stack)
    run_id = submitted.run.run_id
    say(f"RunId: {run_id}")
    finish(session, run_id, wait=wait, as_json=as_json)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"{text!r} is not a variable.", remedy="Write `--variable NAME=VALUE`.")
    return name, value
