"""`aml experiment`: create and list experiments, and Workbench's `submit` and `prepare`."""

from dataclasses import replace
from typing import Final

import click

from infra.catalogue.names import RULES
from infra.contract.errors import DefinitionError, UsageError
from infra.contract.load import load
from infra.contract.times import utc_text
from runtime.cli.az import az_options, given
from runtime.cli.az_documents import check_named
from runtime.cli.az_runs import script_options
from runtime.cli.render import say
from runtime.cli.session import command_session
from runtime.history.store import Filter
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import RunSpec
from runtime.submit.abilities import HDINSIGHT, MACHINE, kind_of_run
from runtime.submit.experiments import create_experiment, created_experiments
from runtime.submit.session import ProjectSession
from runtime.targets.base import Planning, Prepared, Preparing, Target
from runtime.targets.finding import DOCKER

_LOADED: Final = "runtime.cli.submit_script:configuration_named"
_PREPARED: Final = "runtime.cli.submit_script:run_to_prepare"
_BUILD: Final = "runtime.api.environment_builds:build_here"
_IS_BUILT: Final = "runtime.api.environment_builds:is_built_here"


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
    environment = spec.environment
    if environment is None or environment.kind == "user_managed":
        say("There is nothing to prepare: the interpreter is used as it is.")
        return 0
    kind = kind_of_run(spec, session.targets.kind(spec.target))
    in_container = kind == DOCKER
    if kind in {MACHINE, HDINSIGHT} or (check and in_container and spec.target != DOCKER):
        raise UsageError(
            f"Machine {spec.target!r} says what it has when it runs something.",
            remedy="Submit a run, or leave out --check to build the image of a run with docker.",
        )
    if check:
        prepared = (
            _has_image(session.targets.target(DOCKER), spec)
            if in_container
            else bool(load(_IS_BUILT)(environment, session.home))
        )
        say("The environment is prepared." if prepared else "The environment is not prepared.")
        return 0 if prepared else 1
    if in_container:
        for found in _with_image(session.targets.target(spec.target), environment):
            say(found.says)
            az.show({"runConfiguration": configuration, "environment": found.id})
        return 0
    built = load(_BUILD)(configuration, environment, session.home)
    for line in built.log:
        say(line)
    az.show({"runConfiguration": configuration, "environment": built.environment_hash})
    return 0


def _has_image(target: Target | Planning, spec: RunSpec) -> bool:
    """Return whether a run that may not build its image would be accepted."""
    try:
        return isinstance(target, Planning) and bool(target.plan(replace(spec, prepares=False)))
    except DefinitionError:
        return False


def _with_image(target: Target | Preparing, environment: EnvironmentSpec) -> tuple[Prepared, ...]:
    """Build the image of an environment; return nothing for a target that has none."""
    return (target.prepare(environment),) if isinstance(target, Preparing) else ()


def _document(session: ProjectSession, name: str) -> dict[str, object]:
    runs = session.history.runs(Filter(experiment=name))
    last = utc_text(runs[0].created) if runs else None
    return {"name": name, "runs": len(runs), "lastRun": last}
