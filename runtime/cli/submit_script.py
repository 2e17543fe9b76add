"""`aml run submit-script` and `aml experiment submit`: a script with a run configuration.

The rules are azureml-core's: the script and its arguments come last and everything after the script
is passed to it; both replace those of the run configuration.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError, UnknownNameError, UsageError
from runtime.api.conda_dependencies import CondaDependencies
from runtime.api.environment import Environment
from runtime.api.run_configuration import RunConfiguration, loaded_configuration
from runtime.api.run_launching import docker_options, framework_of, run_framework
from runtime.api.script_run_config import (
    ScriptRunConfig,
    declared_environment,
    meant_target,
)
from runtime.cli.az import AzOptions
from runtime.cli.az_documents import az_run, check_named
from runtime.cli.following import last_lines, raise_unless_completed
from runtime.cli.render import say
from runtime.cli.session import command_session
from runtime.cli.watching import follow_to_end
from runtime.definitions.attached_folder import attached_experiment
from runtime.model.runs import RunSpec
from runtime.submit.abilities import check_abilities, kind_of_run
from runtime.submit.prepare import for_target, placed
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import submitter_of

_YAML: Final = (".yml", ".yaml")
_EXPERIMENT: Final = "Default"


@dataclass(frozen=True, kw_only=True, slots=True)
class ScriptOptions:
    """The options of the command."""

    configuration: str | None = None
    experiment: str | None = None
    source_directory: Path | None = None
    environment: Path | None = None
    target: str | None = None
    detached: bool = False
    script: str | None = None
    arguments: Sequence[str] = ()


def submit_script(given: ScriptOptions, az: AzOptions) -> None:
    """Submit the run, follow it to its end unless ``detached``, and print it as JSON.

    Run configurations are looked for below ``az.path``, the project folder.
    """
    session = command_session(None)
    check_named(az, session)
    config = configured(given, az.path, session)
    folder = given.source_directory or az.path
    experiment = given.experiment or attached_experiment(az.path) or _EXPERIMENT
    spec = placed(ScriptRunConfig(folder, run_config=config).spec(experiment, {}))
    session.targets.require(spec.target)
    submitter = submitter_of(session, say)
    target = session.targets.target(spec.target)
    submitted = submitter.submit(spec, target, stack=session.stack)
    run_id = submitted.run.run_id
    say(f"RunId: {run_id}")
    if not given.detached:
        follow_to_end(session, run_id, quiet=True)
    record = session.history.record(run_id)
    az.show(az_run(record))
    if not given.detached:
        raise_unless_completed(record, last_lines(record.outputs), quiet=True)


def configured(given: ScriptOptions, project: Path, session: ProjectSession) -> RunConfiguration:
    """Return the run configuration with what the command line replaces."""
    config = configuration_named(given.configuration, project, session)
    if given.environment is not None:
        file = given.environment
        packages = CondaDependencies(file) if file.suffix.lower() in _YAML else _listed(file)
        config.environment.python.conda_dependencies = packages
        config.environment.python.user_managed_dependencies = False
    if given.script:
        if (config.script or config.command) and config.script != given.script:
            say(f"Script {given.script} replaces {config.script or 'the command'} of the file.")
        config.script, config.command = given.script, ""
    if given.arguments:
        if config.arguments:
            say("The arguments given replace those of the run configuration.")
        config.arguments = list(given.arguments)
    if given.target:
        config.target = given.target
    if not config.script and not config.command:
        raise UsageError(
            "There is no script to run.",
            remedy="Name it after the options, or in the run configuration.",
        )
    return config


def configuration_named(
    name: str | None, project: Path, session: ProjectSession
) -> RunConfiguration:
    """Return the run configuration that ``-c`` names; a name without a file may be a target."""
    if name is None:
        say(
            "No run configuration is given; by default, a run is local and takes the environment of"
            " its folder."
        )
        return RunConfiguration()
    try:
        config = loaded_configuration(project, name)
    except UnknownNameError:
        try:
            session.targets.require(name)
        except PlatformError:
            name = ""
        if not name:
            raise
    else:
        for note in config.notes:
            say(note)
        return config
    say(f"There is no run configuration {name!r}; it is the target.")
    config = RunConfiguration()
    config.target = name
    return config


def run_to_prepare(config: RunConfiguration, project: Path, session: ProjectSession) -> RunSpec:
    """Return the run whose environment is prepared; raise what its submission would raise.

    What a target cannot honour of environments and containers is refused here, too.
    """
    environment = config.environment
    made = RunSpec(
        script="",
        source_directory=project,
        target=meant_target(config),
        environment=declared_environment(environment, project, meant_target(config)),
        framework=run_framework(framework_of(config.framework)),
        docker=docker_options(config.docker, environment.docker),
    )
    kind = kind_of_run(made, session.targets.kind(made.target))
    for note in check_abilities(replace(made, origins=config.origins(made)), kind):
        say(note)
    return for_target(made, kind)


def _listed(file: Path) -> CondaDependencies | None:
    return Environment.from_pip_requirements(file.name, file).python.conda_dependencies
