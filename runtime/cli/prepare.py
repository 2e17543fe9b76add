"""`aml prepare`: build or register the environment of a target's runs, and run no script."""

import os
from dataclasses import replace
from pathlib import Path

from infra.contract.errors import DefinitionError, NotDeployedError, UnknownNameError, UsageError
from runtime.cli.env_build import build_declared
from runtime.cli.render import print_data, print_json, say
from runtime.cli.session import command_session
from runtime.definitions.finding import configurations_like
from runtime.definitions.runconfig import find_run_configuration, places_of
from runtime.model.runs import RunSpec
from runtime.submit.abilities import MACHINE, kind_of_run
from runtime.submit.prepare import checked_environment, choose_environment, for_target
from runtime.submit.session import ProjectSession
from runtime.targets.base import Preparing
from runtime.targets.finding import DOCKER, LOCAL


def prepare(
    configuration: str | None,
    target: str | None,
    environment: Path | None,
    source_directory: Path,
    python: str | None,
    *,
    stack: str | None,
    keep_azureml: bool,
    as_json: bool,
) -> None:
    """Prepare a target; the parameters are the options of the command."""
    session = command_session(stack)
    found = find_run_configuration(configuration, source_directory) if configuration else None
    if target and configuration and found is None:
        raise UsageError("-c and --target cannot be combined.", remedy="Leave one of them out.")
    name = target or (found.target if found else configuration) or LOCAL
    if name == LOCAL and found is not None and found.docker.use:
        name = DOCKER
    _require_target(session, name, configuration if found is None else None, source_directory)
    declared = choose_environment(
        source_directory,
        target=name,
        file=environment,
        python=python,
        configured=found.environment if found else None,
        default=found.default_environment if found else None,
    )
    if declared is None or declared.kind == "user_managed":
        raise DefinitionError(
            "There is nothing to prepare: the interpreter is used as it is.",
            remedy="Declare packages, or give an environment file with `-d FILE`.",
            at=declared.source if declared else str(source_directory),
        )
    if name == LOCAL:
        build_declared(declared, keep_azureml=keep_azureml, as_json=as_json)
        return
    spec = RunSpec("", source_directory, name, environment=declared)
    spec = replace(spec, docker=found.docker) if found else spec
    _register(session, spec, as_json=as_json)


def _register(session: ProjectSession, spec: RunSpec, *, as_json: bool) -> None:
    """Register the environment in the target's workspace, or build its image."""
    kind = kind_of_run(spec, session.targets.kind(spec.target))
    spec = for_target(spec, kind)
    here = session.targets.built_here(spec.target)
    locked = checked_environment(spec, session.home, os.environ, built_here=here)
    for note in locked.notes if locked else ():
        say(note)
    target = session.targets.target(spec.target)
    without = kind == MACHINE  # its processes' environments are built with the first run
    if not isinstance(target, Preparing) or spec.environment is None or without:
        raise UsageError(
            f"Target {spec.target!r} prepares environments when it runs something.",
            remedy="Submit a run with `aml submit`.",
        )
    registered = target.prepare(spec.environment)
    say(registered.says)
    if as_json:
        print_json({"target": spec.target, "id": registered.id, "reused": registered.reused})
    else:
        print_data(registered.id)


def _require_target(session: ProjectSession, name: str, named: str | None, folder: Path) -> None:
    """Raise if there is no such target. If ``-c`` named it, say where a file was looked for."""
    try:
        session.targets.require(name)
    except (UnknownNameError, NotDeployedError) as error:
        if named is None:
            raise
        looked = ", ".join(places_of(named, folder))
        why = f"There is no run configuration {named!r} either; looked for {looked}."
        remedy = configurations_like(named, folder) + error.remedy
        raise type(error)(f"{error.detail} {why}", remedy=remedy, at=error.at) from error
