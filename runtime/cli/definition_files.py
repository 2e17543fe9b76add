"""What `aml submit FILE` does with a file that is not a Python script: by what the file is."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError, UsageError
from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.manifest import Manifest, read_manifest
from runtime.automl.job_file import read_automl_job
from runtime.cli.defined_runs import Defined
from runtime.cli.option_values import pair, seconds
from runtime.cli.render import say
from runtime.cli.submit_command import SubmitOptions
from runtime.definitions.job import JobFile
from runtime.definitions.job_kinds import KINDS, refuse_job
from runtime.definitions.mlproject import read_project
from runtime.definitions.recognition import Kind, Recognized, recognize
from runtime.definitions.runconfig import find_run_configuration
from runtime.definitions.settings_given import Setting, read_settings
from runtime.model.environments import EnvironmentSpec
from runtime.model.runs import PYSPARK, RunSpec
from runtime.submit.abilities import DATABRICKS
from runtime.submit.job_files import check_workspaces, job_run, spark_run, with_code
from runtime.submit.prepare import choose_environment
from runtime.submit.session import ProjectSession
from runtime.sweeps.hdconfig import read_hdconfig
from runtime.sweeps.job_file import read_sweep_job
from runtime.sweeps.space import bare
from runtime.sweeps.sweep import Sweep
from runtime.targets.finding import LOCAL, ON_THIS_MACHINE

_PROJECT: Final = "MLproject"
_SCRIPTED: Final = "runtime.cli.submit:scripted"
_INSTEAD: Final[Mapping[Kind, str]] = {
    Kind.NOTEBOOK: "Run a notebook that submits runs with `aml v1 run {file}`. To run its cells on"
    " a target, write them to a script: `jupyter nbconvert --to script {file}`.",
    Kind.R_SCRIPT: "Run it with a job: `command: Rscript {file}`.",
    Kind.RUN_CONFIGURATION: "Give it with `-c`: `aml submit -c {path}`.",
    Kind.WORKBENCH_RUN_CONFIGURATION: "Give it with `-c`: `aml submit -c {path}`.",
    Kind.WORKBENCH_COMPUTE: "Give the run configuration beside it: `aml submit -c NAME SCRIPT`.",
    Kind.COMPONENT: "Write a job with its `command`, `code` and `environment`, and submit that.",
    Kind.SCHEDULE: "Make it with `aml schedule create -f {file}`.",
    Kind.CONDA: "Name a script, and the environment with `-d {file}`.",
    Kind.REQUIREMENTS: "Name a script, and the environment with `-d {file}`.",
    Kind.ENVIRONMENT: "Name it in a job: `environment: ./{file}`.",
    Kind.STACK_FILE: "Deploy it with `aml up`.",
    Kind.COMPUTE: "Declare computes in the stack file, or use `aml compute create`.",
    Kind.UNREADABLE: "Correct the file, or name a script.",
}
_ELSE: Final = "Name a script, a job of the Azure ML CLI or an MLflow project."


def defined(given: SubmitOptions, session: ProjectSession) -> Defined | None:
    """Return the run that a file defines; ``None`` for a Python script, or what does not exist.

    Raises ``DefinitionError`` for a file that cannot be submitted, and says what to do with it.
    """
    file = _file(given)
    if file is None:
        return None
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    found = recognize(file.name, text)
    if found.kind is Kind.SCRIPT:
        return None
    if found.kind in KINDS:
        refuse_job(file, found)
    reader = _READERS.get(found.kind)
    if reader is None:
        raise _refused(file, found, session)
    if found.kind is not Kind.HYPERDRIVE:
        given = _with_target(given, file, found)
    return reader(file, given, session)


def _file(given: SubmitOptions) -> Path | None:
    """Return the file to look into; ``None`` for a script by its name, and for a missing one."""
    if given.script is None or given.script.endswith(".py"):
        return None
    places = (Path(given.script), given.source_directory / given.script)
    for place in places:
        if place.is_file():
            return place
        if place.is_dir() and (place / _PROJECT).is_file():
            return place / _PROJECT
        if place.is_dir():
            raise UsageError(
                f"{given.script} is a folder without a file {_PROJECT}.",
                remedy=f"Name a script in it: `aml submit --source-directory {given.script}"
                " SCRIPT`.",
            )
    return None


def _with_target(given: SubmitOptions, file: Path, found: Recognized) -> SubmitOptions:
    """Return the options with the target that ``-c`` names, if it is no run configuration."""
    named = given.configuration
    if named is None:
        return given
    if given.target is None and find_run_configuration(named, given.source_directory) is None:
        return replace(given, target=named, configuration=None)
    raise UsageError(
        f"-c {named} cannot be combined with {file.name}, which is {found.kind}.",
        remedy="Leave one of them out; `--target` chooses another target.",
    )


def _refused(file: Path, found: Recognized, session: ProjectSession) -> DefinitionError:
    path = file if len(file.parts) > 1 else f"./{file}"  # `-c NAME` is no path
    remedy = _INSTEAD.get(found.kind, _ELSE).format(file=file, path=path)
    if found.kind is Kind.NOTEBOOK:
        remedy += _of_databricks(session)
    what = f"It is {found.kind}, not a script: {found.why}."
    if found.kind is Kind.UNREADABLE:
        what = f"{found.why}."
    return DefinitionError(what, remedy=remedy, at=f"{file}:{found.line}")


def _of_databricks(session: ProjectSession) -> str:
    """Return a sentence with a Databricks workspace of the stack, ``""`` if it attaches none."""
    kinds = session.targets.kinds().items()
    name = next((name for name, kind in kinds if kind == DATABRICKS), None)
    return f" Target {name!r} takes it as it is: `--target {name}`." if name else ""


def _job(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    _refuse_arguments(file, given)
    return defined_job(file, read_settings(given.settings), given, session)


def _refuse_arguments(file: Path, given: SubmitOptions) -> None:
    if given.arguments:
        raise UsageError(
            f"A job takes no arguments: {shlex.join(given.arguments)}.",
            remedy=f"Options come before the file: `aml submit --set inputs.NAME=VALUE {file}`.",
        )


def defined_job(
    file: Path, settings: Sequence[Setting], given: SubmitOptions, session: ProjectSession
) -> Defined:
    """Return the run of a command job; the options of the command line override the file."""
    return _run_of(job_run(file, settings, session.home), given, session)


def _spark(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    _refuse_arguments(file, given)
    return defined_spark(file, read_settings(given.settings), given, session)


def defined_spark(
    file: Path, settings: Sequence[Setting], given: SubmitOptions, session: ProjectSession
) -> Defined:
    """Return the run of a Spark job; the options of the command line override the file."""
    return _run_of(spark_run(file, settings, session.home), given, session)


def _run_of(job: JobFile, given: SubmitOptions, session: ProjectSession) -> Defined:
    if job.workspaces:
        check_workspaces(job, _manifest(session))
    spec = _overridden(job.spec, given, _target(job, given), session)
    notes = [each.note(job.file) for each in job.unused]
    return Defined(spec, job.name or "", [note for note in notes if "`$schema`" not in note])


def _sweep(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    _refuse_arguments(file, given)
    return defined_sweep(file, read_settings(given.settings), given, session)


def defined_sweep(
    file: Path, settings: Sequence[Setting], given: SubmitOptions, session: ProjectSession
) -> Defined:
    """Return the sweep of a sweep job; the options of the command line override the trial."""
    found = read_sweep_job(file, settings)
    trial = _run_of(with_code(found.trial, session.home), given, session)
    return replace(trial, parent=_Sweep(found.sweep, str(file), given.native))


def _automl(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    _refuse_arguments(file, given)
    return defined_automl(file, read_settings(given.settings), given, session)


def defined_automl(
    file: Path, settings: Sequence[Setting], given: SubmitOptions, session: ProjectSession
) -> Defined:
    """Return the run of an automl job: a search for a model."""
    if given.environment is not None:
        raise UsageError(
            "A search for a model brings an environment of its own.",
            remedy="Leave out `--environment`.",
        )
    return _run_of(read_automl_job(file, settings, session.home), given, session)


def _hyperdrive(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    """Return the sweep of a HyperDrive file: its script follows it, or is in the configuration."""
    sweep = read_hdconfig(file)
    script = next(iter(given.arguments), None)
    # A question about a sweep is not one for each of its runs.
    arguments = tuple(each for each in given.arguments[1:] if each != "--dry-run")
    run: Defined = load(_SCRIPTED)(replace(given, script=script, arguments=arguments), session)
    return replace(run, parent=_Sweep(sweep, str(file), given.native))


@dataclass(frozen=True, slots=True)
class _Sweep:
    """The sweep of a file. Its project's modules are imported when it is submitted."""

    sweep: Sweep
    file: str
    native: bool | None

    def plan(self, session: ProjectSession, spec: RunSpec) -> str:
        checked = load("runtime.sweeps.project:checked")
        sweep: Sweep = checked(self.sweep, spec, session, at=self.file, report=say)
        names = ", ".join(bare(each) for each in sweep.space)
        policy = f", stopped early by {sweep.policy.kind}" if sweep.policy else ""
        return (
            f"A sweep of {names}: {sweep.sampling} sampling, {sweep.total} runs at most,"
            f" {sweep.max_concurrent} at once, {sweep.goal} {sweep.metric}{policy}. Each run is:"
        )

    def submit(self, session: ProjectSession, spec: RunSpec, name: str) -> str:
        run_id: str = load("runtime.sweeps.project:submit_sweep")(
            session, self.sweep, spec, at=self.file, name=name, native=self.native, report=say
        )
        return run_id


def _target(job: JobFile, given: SubmitOptions) -> str:
    target = given.target or job.target
    if target is None:
        raise UsageError(
            f"{job.file} names no compute: Azure ML would choose serverless nodes, which are no"
            " target here.",
            remedy="Give `--set compute=NAME` (see `aml targets`), or write"
            " `compute: azureml:NAME`.",
        )
    return target


def _manifest(session: ProjectSession) -> Manifest | None:
    if not session.targets.deployed:
        return None
    return read_manifest(session.targets.manifest_file, stack=session.stack)


def _overridden(
    spec: RunSpec, given: SubmitOptions, target: str, session: ProjectSession
) -> RunSpec:
    """Return the run with what the command line says in place of what its file says."""
    environment = spec.environment
    if given.environment is not None or environment is not None:
        environment = choose_environment(
            spec.source_directory,
            target=target,
            file=given.environment,
            python=given.python_version,
            configured=environment,
        )
    elif target != LOCAL and spec.framework == PYSPARK:
        environment = EnvironmentSpec("user_managed")  # what the cluster has
    elif target not in ON_THIS_MACHINE and not session.targets.runs_processes(target):
        session.targets.require(target)
        raise DefinitionError(
            f"It has no environment, and target {target!r} needs one.",
            remedy="Write `environment: {conda_file: FILE}`, or give one with"
            " `--set environment=azureml:NAME@latest`.",
        )
    changes: Document = {
        "experiment": given.experiment,
        "max_duration_s": seconds(given.max_duration) if given.max_duration else None,
        "source_directory": None if given.source_directory == Path() else given.source_directory,
    }
    return replace(
        spec,
        target=target,
        environment=environment,
        tags={**spec.tags, **dict(pair(tag) for tag in given.tags)},
        keep_azureml=given.keep_azureml,
        **{key: value for key, value in changes.items() if value is not None},
    )


def _shell_script(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    folder = given.source_directory
    path = file.resolve()
    if not path.is_relative_to(folder.resolve()):
        raise DefinitionError(
            f"The script {file} is outside the source folder {folder}.",
            remedy=f"Submit with `--source-directory {file.parent}`.",
        )
    inside = path.relative_to(folder.resolve()).as_posix()
    command = shlex.join(["bash", inside, *given.arguments])
    spec = RunSpec("", folder, command=command)
    target = given.target or LOCAL
    environment = choose_environment(
        folder,
        target=target,
        file=given.environment,
        python=given.python_version,
        has_python=session.targets.runs_processes(target),
    )
    return Defined(_overridden(replace(spec, environment=environment), given, target, session))


def _project(file: Path, given: SubmitOptions, session: ProjectSession) -> Defined:
    if given.arguments:
        raise UsageError(
            f"A project takes its parameters with -P: {shlex.join(given.arguments)}.",
            remedy=f"Write `aml submit -P NAME=VALUE {file}`; options come before the file.",
        )
    parameters = dict(pair(each, option="-P", noun="parameter") for each in given.parameters)
    spec = read_project(file, given.entry_point, parameters)
    return Defined(_overridden(spec, given, given.target or LOCAL, session))


_READERS: Final[Mapping[Kind, Callable[[Path, SubmitOptions, ProjectSession], Defined]]] = {
    Kind.COMMAND_JOB: _job,
    Kind.SPARK_JOB: _spark,
    Kind.SWEEP_JOB: _sweep,
    Kind.AUTOML_JOB: _automl,
    Kind.HYPERDRIVE: _hyperdrive,
    Kind.SHELL_SCRIPT: _shell_script,
    Kind.MLPROJECT: _project,
}
"""The kinds of files that are submitted, and what reads each."""
