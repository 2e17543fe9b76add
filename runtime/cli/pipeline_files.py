"""Pipelines in files, submitted: `aml submit pipeline.yml`, `aml job create -f pipeline.yml`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from infra.contract.errors import UsageError
from infra.contract.project import home_folder
from runtime.automl.job_file import automl_job_of
from runtime.cli.option_values import pair
from runtime.cli.render import print_data, print_json, say
from runtime.cli.submit_command import SubmitOptions
from runtime.cli.watching import finish
from runtime.definitions.job_pipeline import read_pipeline_job
from runtime.definitions.pipeline_yaml import read_pipeline_yaml
from runtime.definitions.problems import Problem as OfFile
from runtime.definitions.settings_given import Setting, read_settings
from runtime.model.pipelines import ParameterValue, Pipeline, Step
from runtime.pipelines.drawing import as_text
from runtime.pipelines.graph import Problem
from runtime.pipelines.submission import Options, check, submit
from runtime.submit.session import ProjectSession
from runtime.sweeps.job_file import swept_step


@dataclass(frozen=True, slots=True)
class ReadPipeline:
    """A pipeline of a file, and how it is to be submitted.

    ``problems`` are those of the file, to be reported with those of the steps that could be read.
    """

    pipeline: Pipeline
    options: Options
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass
class PipelineFile(ABC):
    """A file with a pipeline."""

    file: Path

    @abstractmethod
    def read(
        self, settings: Sequence[Setting] = (), parameters: Mapping[str, str] | None = None
    ) -> ReadPipeline:
        """Read the file. Raises ``DefinitionError`` for one that is no pipeline at all."""

    def submit(
        self,
        given: SubmitOptions,
        session: ProjectSession,
        *,
        dry_run: bool,
        wait: bool,
        as_json: bool,
    ) -> None:
        """Submit it with the options of the command line, and follow it."""
        found = self.read(read_settings(given.settings), _parameters(given))
        _submitted(found, given, session, dry_run=dry_run, wait=wait, as_json=as_json)


class PipelineJob(PipelineFile):
    """A pipeline job of CLI v2."""

    def read(
        self, settings: Sequence[Setting] = (), parameters: Mapping[str, str] | None = None
    ) -> ReadPipeline:
        readers = {"automl": partial(automl_job_of, home=home_folder())}
        found = read_pipeline_job(
            self.file, settings, readers=readers, sweeps=swept_step, values=parameters
        )
        notes = [each.note(found.file) for each in found.unused]
        options = Options(regenerate=found.regenerate, name=found.name or "")
        problems = _as_problems(found.problems)
        shown = tuple(each for each in notes if "$schema" not in each)
        return ReadPipeline(found.pipeline, options, shown, problems)


class PipelineYaml(PipelineFile):
    """A pipeline of azureml-core's CLI."""

    def read(
        self, settings: Sequence[Setting] = (), parameters: Mapping[str, str] | None = None
    ) -> ReadPipeline:
        if settings:
            raise UsageError(
                "--set is for job files, and this is a pipeline of azureml-core.",
                remedy="Give a parameter with `-P NAME=VALUE`.",
            )
        values: dict[str, ParameterValue] = dict(parameters or {})
        pipeline, found = read_pipeline_yaml(self.file)
        return ReadPipeline(pipeline, Options(values), problems=_as_problems(found))


def _as_problems(found: Sequence[OfFile]) -> tuple[Problem, ...]:
    return tuple(Problem(each.message, each.remedy, str(each.at)) for each in found)


def _parameters(given: SubmitOptions) -> dict[str, str]:
    return dict(pair(each, option="-P", noun="parameter") for each in given.parameters)


def _submitted(
    found: ReadPipeline,
    given: SubmitOptions,
    session: ProjectSession,
    *,
    dry_run: bool,
    wait: bool,
    as_json: bool,
) -> None:
    _refuse_options(given)
    for note in found.notes:
        say(note)
    pipeline = replace(
        found.pipeline,
        experiment=given.experiment or found.pipeline.experiment,
        tags={**found.pipeline.tags, **dict(pair(each) for each in given.tags)},
        steps=tuple(_on(each, given.target) for each in found.pipeline.steps)
        if given.target
        else found.pipeline.steps,
    )
    if dry_run:
        checked = check(
            session, pipeline, found.options.values, problems=found.problems, report=say
        )
        if as_json:
            print_json({each.name: list(each.upstream) for each in checked.steps})
            return
        for line in as_text(checked):
            print_data(line)
        return
    options = replace(found.options, native=given.native)
    run_id = submit(session, pipeline, options, say, problems=found.problems)
    say(f"RunId: {run_id}")
    finish(session, run_id, wait=wait, as_json=as_json)


def _on(step: Step, target: str) -> Step:
    return replace(step, run=replace(step.run, target=target))


def _refuse_options(given: SubmitOptions) -> None:
    """Raise ``UsageError`` for options that are about one run."""
    options = {
        "-c": given.configuration,
        "-d": given.environment,
        "--python-version": given.python_version,
        "--max-duration": given.max_duration,
        "--input": given.inputs,
        "--output": given.outputs,
        "--keep-azureml": given.keep_azureml,
        "arguments": given.arguments,
    }
    named = [name for name, value in options.items() if value]
    if named:
        raise UsageError(
            f"A pipeline takes no {', '.join(named)}: each step has its own.",
            remedy="Write them in the file.",
        )
