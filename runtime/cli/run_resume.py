"""`aml run resume`: start the driver of a sweep or a pipeline again, and go on watching it."""

from infra.contract.errors import UsageError
from runtime.cli.option_values import pair
from runtime.cli.render import say
from runtime.cli.watching import finish
from runtime.model.runs import RunRecord
from runtime.submit.driven import resume
from runtime.submit.session import ProjectSession
from runtime.targets.base import DRIVEN


def resume_run(
    session: ProjectSession,
    record: RunRecord,
    *,
    variables: tuple[str, ...],
    wait: bool,
    as_json: bool,
) -> None:
    """Resume a run; the parameters are the options of the command."""
    if record.handle != DRIVEN:
        raise UsageError(
            f"Run {record.run_id} is neither a sweep nor a pipeline.",
            remedy=f"Follow it with `aml run logs -f {record.run_id}`.",
        )
    if record.state.final:
        raise UsageError(
            f"Run {record.run_id} has ended: it is {record.state}.",
            remedy="A sweep that resumes it gives it as `resume_from`.",
        )
    values = dict(pair(each, option="--variable", noun="variable") for each in variables)
    if resume(session.home, record.run_id, values):
        say("Its driver was gone; another one continues.")
    say(f"RunId: {record.run_id}")
    finish(session, record.run_id, wait=wait, as_json=as_json)
