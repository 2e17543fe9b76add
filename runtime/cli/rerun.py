"""`aml run rerun`: submit a run again, with the package versions that ran."""

from pathlib import Path

from runtime.cli.option_values import pair
from runtime.cli.render import say
from runtime.cli.watching import finish
from runtime.model.runs import RunRecord
from runtime.pipelines.again import submit_again
from runtime.submit.rerun import RerunOptions
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
    values = dict(pair(each, option="--variable", noun="variable") for each in variables)
    options = RerunOptions(fresh=fresh, environment=environment, variables=values)
    run_id = submit_again(session, record, options, say)
    say(f"RunId: {run_id}")
    finish(session, run_id, wait=wait, as_json=as_json)
