"""`aml pipeline validate | graph`: a pipeline is looked at before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from infra.contract.errors import UsageError
from infra.contract.load import load, nearest
from runtime.cli.option_values import pair
from runtime.cli.parent_files import parent_file
from runtime.cli.pipeline_files import PipelineJob, PipelineYaml, ReadPipeline
from runtime.cli.render import print_data, print_json, say, write_picture
from runtime.cli.session import command_session
from runtime.definitions.settings_given import Setting, read_settings
from runtime.pipelines.drawing import as_svg, as_text
from runtime.pipelines.graph import raise_problems, steps_text
from runtime.pipelines.submission import check, submit
from runtime.submit.session import ProjectSession

_FILE = click.argument("file", type=click.Path(path_type=Path))
_SET = click.option(
    "--set",
    "settings",
    metavar="KEY.KEY=VALUE",
    multiple=True,
    help="For a pipeline job: replace or add a value (repeatable).",
)
_PARAMETERS = click.option(
    "-P",
    "--parameter",
    "parameters",
    metavar="NAME=VALUE",
    multiple=True,
    help="Value of a parameter or an input (repeatable).",
)
_STACK = click.option(
    "-s", "--stack", metavar="STACK", help="Stack to use. Default: the selected stack."
)


@click.group()
def pipeline() -> None:
    """Check and draw pipelines before they run.

    A pipeline is submitted with `aml submit FILE`. FILE is a pipeline job of the Azure ML CLI v2
    (`jobs: …`), or a pipeline of azureml-core's CLI (`pipeline: {steps: …}`).
    """


@pipeline.command()
@_FILE
@_SET
@_PARAMETERS
@_STACK
def validate(
    file: Path, settings: tuple[str, ...], parameters: tuple[str, ...], stack: str | None
) -> None:
    """Name everything that is wrong with a pipeline at once; start nothing.

    Checked are the graph (circles, missing steps and outputs, types), the parameters, and of each
    step the compute, the script, the environment and the data.
    """
    session = command_session(stack)
    found = read(file, read_settings(settings), _values(parameters))
    for note in found.notes:
        say(note)
    checked = check(
        session, found.pipeline, found.options.values, problems=found.problems, report=say
    )
    say(f"{file}: {steps_text(checked)}, no problems.")


@pipeline.command()
@click.argument("what", metavar="FILE_OR_RUN")
@click.option(
    "--plot",
    "--svg",
    "plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a picture to this file: an SVG, or a PNG by its ending.",
)
@click.option("--json", "as_json", is_flag=True, help="Print each step and what it waits for.")
@_SET
@_PARAMETERS
@_STACK
def graph(
    what: str,
    plot: Path | None,
    settings: tuple[str, ...],
    parameters: tuple[str, ...],
    stack: str | None,
    *,
    as_json: bool,
) -> None:
    """Show the steps of a pipeline, or of the run of one, and what each waits for.

    Steps with the same number may run together.
    """
    states: dict[str, str] = {}
    if Path(what).is_file():
        found = read(Path(what), read_settings(settings), _values(parameters))
        raise_problems(found.problems)
        made = found.pipeline
    else:
        session = command_session(stack)
        run_id = session.history.named(what)
        made, states = load("runtime.pipelines.past:pipeline_of_run")(session, run_id)
    if plot is not None:
        write_picture(plot, as_svg(made, states))
    if as_json:
        print_json({each.name: list(each.upstream) for each in made.steps})
    elif plot is None:
        for line in as_text(made, states):
            print_data(line)


def read(file: Path, settings: Sequence[Setting], parameters: Mapping[str, str]) -> ReadPipeline:
    """Return the pipeline of a file. Raises ``UsageError`` for a file that is none."""
    found = parent_file(file)
    if not isinstance(found, PipelineJob | PipelineYaml):
        if not file.is_file():
            near = [each.name for each in file.absolute().parent.glob("*.y*ml")]
            raise UsageError(
                f"{file} does not exist.",
                remedy=nearest(file.name, dict.fromkeys(near), noun="YAML file there"),
            )
        raise UsageError(
            f"{file} is no pipeline.",
            remedy="Give a pipeline job (`jobs: …`), or one of azureml-core (`pipeline: …`).",
        )
    return found.read(settings, parameters)


def _values(parameters: tuple[str, ...]) -> dict[str, str]:
    return dict(pair(each, option="-P", noun="parameter") for each in parameters)


def submitted_by_az(
    session: ProjectSession, file: Path, experiment: str | None, values: dict[str, str]
) -> str:
    """Submit a pipeline for `aml run submit-pipeline`; return its run's id."""
    found = parent_file(file)
    if not isinstance(found, PipelineJob | PipelineYaml):
        raise UsageError(f"{file} is no pipeline.", remedy="Give its YAML file with `-y`.")
    made = found.read((), values)
    named = replace(made.pipeline, experiment=experiment) if experiment else made.pipeline
    return submit(session, named, made.options, say, problems=made.problems)
