"""`aml submit`: run one script on one target, and watch it until it ends."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from infra.contract.errors import NotDeployedError, PlatformError, UnknownNameError, UsageError
from infra.contract.gathered import Gathered
from infra.contract.load import load
from runtime.cli.defined_runs import Defined
from runtime.cli.option_values import pair, seconds
from runtime.cli.parents import ParentFile
from runtime.cli.render import say
from runtime.cli.session import command_session
from runtime.cli.submit_command import DEFAULT_EXPERIMENT, LimitOptions, SubmitOptions
from runtime.cli.watching import finish
from runtime.definitions.settings import RunConfigurationFile, argument_list, with_settings
from runtime.model.launching import RetryPolicy
from runtime.model.runs import RunSpec
from runtime.submit.abilities import DATABRICKS, require_lasting
from runtime.submit.prepare import choose_environment, placed, script_path
from runtime.submit.session import ProjectSession
from runtime.submit.submitting import submitter_of
from runtime.targets.base import Startable
from runtime.targets.finding import LOCAL
from runtime.targets.standby import Expecting, Standby

_DRY_RUN = "--dry-run"
_YAML = (".yml", ".yaml", ".json")
_BINARY = (".jar", ".whl")
"""What only Databricks runs."""
_PARENT = "runtime.cli.parent_files:parent_file"
_DEFINED = "runtime.cli.definition_files:defined"
_OPTIONS = "runtime.definitions.databricks_options:given_options"
_BATCH = "runtime.definitions.batch_options:given_batch_options"
_WITH_DATA = "runtime.definitions.data_options:with_data"
_WITH_ENVIRONMENT = "runtime.submit.registered:with_environment"
_AS_DECLARED = frozenset({"conda", "pip"})
_SHOW_PLAN = "runtime.cli.planned_runs:show_plan"
_PLACES = "runtime.definitions.runconfig:places_of"
_LIKE = "runtime.definitions.finding:configurations_like"
_FIND_CONFIGURATION = "runtime.definitions.runconfig:find_run_configuration"
_MENTIONED = "runtime.definitions.runconfig:mentioned"


def submit(
    given: SubmitOptions,
    standby: tuple[str, Standby] | None,
    *,
    stack: str | None,
    manifest: Path | None,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Submit a run; the parameters are the options of the command. ``standby`` waits for it."""
    session = command_session(stack, manifest)
    if given.script is not None and given.script.endswith(_YAML):
        parent: ParentFile | None = load(_PARENT)(Path(given.script))
        if parent is not None:
            _refuse_limits(given.limits)
            parent.submit(given, session, dry_run=dry_run, wait=wait, as_json=as_json)
            return
    token = _expected(session, standby) if standby else ""
    _submit(session, given, token, dry_run=dry_run, wait=wait, as_json=as_json)


def _expected(session: ProjectSession, standby: tuple[str, Standby]) -> str:
    """Have the local target use the process that was started ahead; return its run's token."""
    token, process = standby
    target = session.targets.target(LOCAL)
    if isinstance(target, Expecting):
        target.expect(process)
    return token


def _submit(
    session: ProjectSession,
    given: SubmitOptions,
    token: str,
    *,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    definition = _definition(given, session)
    parent = definition.parent
    if dry_run or (parent is not None and _DRY_RUN in given.arguments):
        for note in definition.notes:
            say(note)
        spec = prepared_spec(definition.spec, session)
        if parent is not None:
            say(parent.plan(session, spec))
        target = session.targets.asked_first(spec.target)
        planned = submitter_of(session, say).plan(spec, target)
        load(_SHOW_PLAN)(planned, session, as_json=as_json)
        return
    if given.start:
        _start(session, definition.spec.target)
    run_id = submit_defined(definition, session, token)
    say(f"RunId: {run_id}")
    finish(session, run_id, wait=wait, as_json=as_json)


def _start(session: ProjectSession, name: str) -> None:
    """Start the machine of a target that is stopped."""
    session.targets.require(name)
    target = session.targets.target(name)
    if not isinstance(target, Startable):
        raise UsageError(
            f"Target {name!r} cannot be started with `--start`: it is no compute instance.",
            remedy="Leave `--start` out.",
        )
    if target.start():
        say(f"Started {name}.")


def _definition(given: SubmitOptions, session: ProjectSession) -> Defined:
    """Return the run of a script, or of a file that is recognised as something else."""
    is_script = (
        given.script is None
        or given.script.endswith((".py", *_BINARY))
        or _of_databricks(given, session)
    )
    found: Defined | None = None if is_script else load(_DEFINED)(given, session)
    definition = found or scripted(given, session)
    spec = with_limits(definition.spec, given.limits)
    spec = replace(spec, gpus=given.gpus or spec.gpus)
    if words := given.services.get("databricks"):
        spec = replace(spec, databricks=load(_OPTIONS)(words, spec.databricks))
    if words := given.services.get("batch"):
        spec = replace(spec, batch=load(_BATCH)(words, spec.batch))
    definition = replace(definition, spec=spec)
    if not given.inputs and not given.outputs:
        return definition
    spec = load(_WITH_DATA)(definition.spec, given.inputs, given.outputs, Path.cwd())
    return replace(definition, spec=spec)


def _of_databricks(given: SubmitOptions, session: ProjectSession) -> bool:
    """Return whether a file is one that Databricks runs, and the target is a workspace of it."""
    if not str(given.script).lower().endswith((".ipynb", ".jar", ".whl")):
        return False
    configured = given.configuration and load(_FIND_CONFIGURATION)(
        given.configuration, given.source_directory
    )
    name = _target_name(given, configured or None)
    with suppress(PlatformError):
        return session.targets.kind(name) == DATABRICKS
    return False


def _refuse_limits(given: LimitOptions) -> None:
    """Raise ``UsageError`` if the limits of one run are given for a file of several."""
    if given != LimitOptions():
        raise UsageError(
            "--retries, --retry-on-exit-code, --retry-on, --idle-timeout and --queue-timeout are"
            " for a single run, and the file describes several.",
            remedy="Leave them out; the file has the limits of its runs.",
        )


def with_limits(spec: RunSpec, given: LimitOptions) -> RunSpec:
    """Return a run with what the command line says of retries and timeouts."""
    if not given.retries and (given.exit_codes or given.events):
        raise UsageError(
            "--retry-on-exit-code and --retry-on say when, and --retries is missing.",
            remedy="Say how often: `--retries 3`.",
        )
    retry = RetryPolicy(given.retries, given.exit_codes, given.events) if given.retries else None
    idle, queue = given.idle_timeout, given.queue_timeout
    return replace(
        spec,
        retry=retry or spec.retry,
        idle_timeout_s=seconds(idle) if idle else spec.idle_timeout_s,
        queue_timeout_s=seconds(queue) if queue else spec.queue_timeout_s,
    )


def submit_defined(definition: Defined, session: ProjectSession, token: str = "") -> str:
    """Submit a run and return its id. ``token`` is the id after the experiment's name, if known."""
    for note in definition.notes:
        say(note)
    spec = prepared_spec(definition.spec, session)
    if definition.parent is not None:
        return definition.parent.submit(session, spec, definition.name)
    submitted = submitter_of(session, say).submit(
        spec,
        session.targets.target(spec.target),
        stack=session.stack,
        token=token,
        name=definition.name,
    )
    return submitted.run.run_id


def prepared_spec(spec: RunSpec, session: ProjectSession) -> RunSpec:
    """Return a run whose target exists, with an environment that the target can use."""
    spec = placed(spec)
    session.targets.require(spec.target)
    if spec.environment is None or spec.environment.kind in _AS_DECLARED:
        return spec
    found: RunSpec = load(_WITH_ENVIRONMENT)(spec, session.targets, session.stack)
    return found


def scripted(given: SubmitOptions, session: ProjectSession) -> Defined:
    """Return the run of a script, with what a run configuration says about it."""
    wrong = Gathered()
    configured: RunConfigurationFile | None = None
    with wrong.check():
        configured = _configuration(given)
    if unread := wrong.found:
        named: Mapping[str, str] = load(_MENTIONED)(given.configuration, given.source_directory)
        name, script = given.target or named.get("target", LOCAL), named.get("script")
    else:
        name = _target_name(given, configured)
        script = configured.script if configured else None
    with wrong.check():
        if unread:
            session.targets.require(name)
        else:
            _require_target(session, name, given, configured)
    if wrong.found and (script := given.script or script):
        with wrong.check():
            script_path(script, given.source_directory)
    wrong.raise_all("The run cannot be submitted")
    own = session.targets.runs_processes(name)
    return Defined(_spec(given, name, configured or RunConfigurationFile(Path()), has_python=own))


def _configuration(given: SubmitOptions) -> RunConfigurationFile | None:
    """Return the run configuration ``-c`` names; without one of that name it names a target."""
    named = given.configuration
    if named is None:
        return None
    found: RunConfigurationFile | None = load(_FIND_CONFIGURATION)(named, given.source_directory)
    for note in found.notes if found else ():
        say(note)
    return found


def _target_name(given: SubmitOptions, configured: RunConfigurationFile | None) -> str:
    if given.target and given.configuration and configured is None:
        raise UsageError("-c and --target cannot be combined.", remedy="Leave one of them out.")
    default = configured.target if configured else given.configuration
    return given.target or default or LOCAL


def _require_target(
    session: ProjectSession,
    name: str,
    given: SubmitOptions,
    configured: RunConfigurationFile | None,
) -> None:
    """Raise if there is no such target. If ``-c`` named it, say where a file was looked for."""
    try:
        session.targets.require(name)
    except (UnknownNameError, NotDeployedError) as error:
        require_lasting(name, configured.origins if configured else {})
        if given.target or given.configuration is None or configured is not None:
            raise
        looked = ", ".join(load(_PLACES)(name, given.source_directory))
        why = f"There is no run configuration {name!r} either; looked for {looked}."
        remedy = load(_LIKE)(name, given.source_directory) + error.remedy
        raise type(error)(f"{error.detail} {why}", remedy=remedy, at=error.at) from error


def _spec(
    given: SubmitOptions, target: str, configured: RunConfigurationFile, *, has_python: bool
) -> RunSpec:
    """Return the run: the command line overrides the run configuration."""
    folder, duration = given.source_directory, given.max_duration
    named = given.script or configured.script
    command = "" if given.script else configured.command
    options = configured.databricks
    if words := given.services.get("databricks"):
        options = load(_OPTIONS)(words, options)
    if named is None and options is not None:
        command = command or options.own_task
    if named is None and not command:
        raise UsageError("There is no script to run.", remedy="Name it: `aml submit SCRIPT`.")
    spec = RunSpec(
        script="" if command else (named or ""),
        command=command,
        source_directory=folder,
        target=target,
        experiment=given.experiment or DEFAULT_EXPERIMENT,
        arguments=argument_list(given.arguments, configured.arguments),
        environment=choose_environment(
            folder,
            target=target,
            file=given.environment,
            python=given.python_version,
            configured=configured.environment,
            default=configured.default_environment,
            has_python=has_python,
        ),
        variables=configured.variables,
        node_count=configured.node_count,
        max_duration_s=seconds(duration) if duration else configured.max_duration_s,
        tags=dict(pair(tag) for tag in given.tags),
        keep_azureml=given.keep_azureml,
    )
    return with_settings(spec, configured)
