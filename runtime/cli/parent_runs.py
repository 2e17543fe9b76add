"""`aml run resume` and `aml run submit-pipeline`, and the steps that `aml run show` lists."""

from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.load import load
from runtime.cli.az import az_options, given
from runtime.cli.az_documents import az_run, check_named
from runtime.cli.counted_back import CountedBack
from runtime.cli.option_values import pair
from runtime.cli.render import print_table, say
from runtime.cli.session import command_session, refreshed
from runtime.model.pipelines import NATIVE_PROPERTY
from runtime.submit.driven import driven_folder, read_task
from runtime.submit.driven import resume as resume_driver
from runtime.submit.notes import in_a_line
from runtime.submit.session import ProjectSession
from runtime.targets.base import DRIVEN


@click.command(cls=CountedBack)
@click.argument("run_id")
@click.option(
    "--variable",
    "variables",
    metavar="NAME=VALUE",
    multiple=True,
    help="Environment variable whose value is not kept (repeatable).",
)
@click.option(
    "--wait/--detach", default=True, help="Watch the run until it ends, or return at once."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def resume(run_id: str, variables: tuple[str, ...], *, wait: bool, as_json: bool) -> None:
    """Continue a sweep or a pipeline.

    One whose driver is gone gets another, as with every command that looks at it; this one also
    takes the values of environment variables, which are not kept. Of a pipeline that failed or was
    canceled, what did not complete runs again, in a new run.
    """
    session = command_session(None)
    record = refreshed(session, session.history.named(run_id))
    if NATIVE_PROPERTY in record.properties:
        raise UsageError(
            f"Azure ML drives run {record.run_id}, and does not resume it.",
            remedy="Submit its file again; steps that completed are reused.",
        )
    if record.handle != DRIVEN:
        raise UsageError(
            f"Run {record.run_id} is neither a sweep nor a pipeline.",
            remedy=f"Run it again with `aml run rerun {record.run_id}`.",
        )
    values = dict(pair(each, option="--variable", noun="variable") for each in variables)
    if not record.state.final:
        if resume_driver(session.home, record.run_id, values):
            say("Its driver was gone; another one continues.")
    elif read_task(driven_folder(session.home, record.run_id)).driver == "pipeline":
        again = load("runtime.pipelines.submission:resume")(session, record.run_id, values)
        record = session.history.record(again)
    else:
        raise UsageError(
            f"Run {record.run_id} has ended: it is {record.state}.",
            remedy="A sweep that resumes it gives it as `resume_from`.",
        )
    say(f"RunId: {record.run_id}")
    load("runtime.cli.watching:finish")(session, record.run_id, wait=wait, as_json=as_json)


@click.command("submit-pipeline")
@click.option("-i", "--pipeline-id", metavar="ID", help="A published pipeline.")
@click.option(
    "-y",
    "--pipeline-yaml",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A pipeline in YAML.",
)
@click.option(
    "-n",
    "-e",
    "--experiment-name",
    "experiment",
    metavar="NAME",
    help="Experiment of the run.",
)
@click.option(
    "-p",
    "--parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a parameter (repeatable).",
)
@click.option(
    "-d",
    "--datapaths",
    metavar="NAME=DATASTORE/PATH",
    multiple=True,
    help="Place of a data path parameter (repeatable).",
)
@az_options()
def submit_pipeline(
    *,
    pipeline_id: str | None,
    file: Path | None,
    experiment: str | None,
    parameters: tuple[str, ...],
    datapaths: tuple[str, ...],
) -> None:
    """Submit a pipeline and print its run, as `az ml run submit-pipeline` does."""
    az = given()
    if (file is None) == (pipeline_id is None):
        raise UsageError(
            "Give either --pipeline-yaml or --pipeline-id.", remedy="Give one of them."
        )
    session = command_session(None)
    check_named(az, session)
    values = dict(pair(each, option="-p", noun="parameter") for each in parameters)
    for each in datapaths:
        name, place = pair(each, option="-d", noun="data path")
        store, _, path = place.partition("/")
        values[name] = f"azureml://datastores/{store}/paths/{path}"
    if file is not None:
        run_id = load("runtime.cli.pipelines:submitted_by_az")(session, file, experiment, values)
    else:
        run_id = load("runtime.pipelines.published:submit_published")(
            session, pipeline_id, experiment, values
        )
    az.show(az_run(session.history.record(run_id)))


def show_steps(session: ProjectSession, run_id: str) -> None:
    """Print the steps of a pipeline's run, with the reason of each."""
    steps = load("runtime.pipelines.past:steps_of_run")(session, run_id)
    print_table(
        ("STEP", "STATE", "RUN", "WHY"),
        [(each.name, each.state, each.run_id, in_a_line(each.why)) for each in steps],
    )
