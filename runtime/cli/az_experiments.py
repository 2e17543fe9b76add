"""`aml experiment`: create and list experiments, and Workbench's `submit` and `prepare`."""

from dataclasses import replace
from typing import Final

import click

from infra.catalogue.names import RULES
from infra.contract.errors import UsageError
from infra.contract.load import load
from runtime.cli.az import az_options, given
from runtime.cli.az_documents import check_named
from runtime.cli.az_runs import script_options
from runtime.cli.render import say, timestamp
from runtime.cli.session import command_session
from runtime.history.store import Filter
from runtime.submit.experiments import create_experiment, created_experiments
from runtime.submit.session import ProjectSession

_LOADED: Final = "runtime.cli.submit_script:configuration_named"
_PREPARED: Final = "runtime.cli.submit_script:prepared_environment"
_BUILD: Final = "runtime.api.environment_builds:build_here"
_IS_BUILT: Final = "runtime.api.environment_builds:is_built_here"
_LOCAL: Final = "local"


@click.group()
def experiment() -> None:
    """Create and list experiments; submit a script, or prepare its environment."""


@experiment.command()
@click.option("-n", "--name", required=True, help="Name of the experiment.")
@az_options()
def create(name: str) -> None:
    """Create an experiment. Submitting to a new name creates it, too."""
    az = given()
    session = command_session(None)
    check_named(az, session)
    problem = RULES["experiment"].problem(name)
    if problem:
        raise UsageError(problem, remedy="Choose another name.")
    create_experiment(session.home, name)
    az.show(_document(session, name))


@experiment.command("list")
@az_options()
def list_experiments() -> None:
    """List the experiments, with their number of runs."""
    az = given()
    session = command_session(None)
    check_named(az, session)
    names = {*session.history.experiments(), *created_experiments(session.home)}
    az.show([_document(session, name) for name in sorted(names)])


@experiment.command(context_settings={"allow_interspersed_args": False})
@script_options
@az_options()
def submit(**options: object) -> None:
    """Run SCRIPT with ARGUMENTS, as `aml run submit-script` does."""
    load("runtime.cli.submit_script:submit_script")(
        load("runtime.cli.submit_script:ScriptOptions")(**options), given()
    )


@experiment.command()
@click.option(
    "-c",
    "--run-configuration",
    "--run-configuration-name",
    "configuration",
    metavar="NAME",
    required=True,
    help="Run configuration of the project.",
)
@click.option("--check", is_flag=True, help="Say whether it is prepared; exit with 1 if not.")
@az_options()
def prepare(configuration: str, *, check: bool) -> int:
    """Build the environment of a run configuration."""
    az = given()
    session = command_session(None)
    config = load(_LOADED)(configuration, az.path, session)
    spec = load(_PREPARED)(config, az.path, session)
    if spec is None or spec.kind == "user_managed":
        say("There is nothing to prepare: the interpreter is used as it is.")
        return 0
    here = config.target == _LOCAL  # where a run has no image, and our package answers to azureml
    built_for = replace(spec, image=None, keep_azureml=False) if here else spec
    if check:
        is_built: bool = load(_IS_BUILT)(built_for, session.home)
        say("The environment is prepared." if is_built else "The environment is not prepared.")
        return 0 if is_built else 1
    built = load(_BUILD)(configuration, built_for, session.home)
    for line in built.log:
        say(line)
    az.show({"runConfiguration": configuration, "environment": built.environment_hash})
    return 0


def _document(session: ProjectSession, name: str) -> dict[str, object]:
    runs = session.history.runs(Filter(experiment=name))
    last = timestamp(runs[0].created) if runs else None
    return {"name": name, "runs": len(runs), "lastRun": last}
