"""``PublishedPipeline``, ``PipelineEndpoint`` and ``Schedule``, as in azureml-pipeline-core.

What is published stays in the project: a pipeline with its code, under an id, and schedules that
the local cloud starts. It takes requests for them, too, where the workspace is its own.
"""

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from infra.contract.load import load
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.pipeline import Pipeline, ScheduleRecurrence, TimeZone
from runtime.api.pipelines.endpoints import endpoint_address, pipeline_address
from runtime.api.pipelines.graph import graph_of, parameter_values
from runtime.api.pipelines.runs import PipelineRun
from runtime.api.run import Run
from runtime.api.runs.base import ParentExperiment
from runtime.api.workspace import Workspace
from runtime.model.pipelines import ParameterValue
from runtime.pipelines import published as kept
from runtime.pipelines import schedules
from runtime.pipelines.documents import Work
from runtime.pipelines.graph import raise_problems
from runtime.pipelines.triggers import DataChange, Recurrence, Trigger, moment_of

__all__ = ["PipelineEndpoint", "PublishedPipeline", "Schedule"]
_EXPERIMENT: Final = "Default"


class PublishedPipeline:
    """A pipeline that was kept under an id, with its code and environments as they were."""

    def __init__(self, workspace: Workspace, published: kept.Published) -> None:
        self.workspace = workspace
        self._published = published

    @property
    def id(self) -> str:
        return self._published.id

    @property
    def name(self) -> str:
        return self._published.name

    @property
    def description(self) -> str:
        return self._published.description

    @property
    def version(self) -> str:
        return self._published.version

    @property
    def status(self) -> str:
        """``Active`` or ``Disabled``."""
        return "Active" if self._published.enabled else "Disabled"

    @property
    def endpoint(self) -> str:
        """The address of ``POST`` requests that start it, in the local cloud, which is started.

        On Azure it is a name, at which nothing listens: use ``submit``.
        """
        return pipeline_address(self.workspace, self.id)

    @staticmethod
    def get(workspace: Workspace, id: str) -> "PublishedPipeline":
        """Return the pipeline of an id. Raises ``UserErrorException`` for one that is not known."""
        with azureml_errors():
            return PublishedPipeline(workspace, _pipelines(workspace).read(id))

    @staticmethod
    def list(
        workspace: Workspace, active_only: bool = True, **_: object
    ) -> "builtins.list[PublishedPipeline]":
        """Return the published pipelines, newest first; those that are enabled, unless told."""
        return [
            PublishedPipeline(workspace, each)
            for each in _pipelines(workspace).all()
            if each.enabled or not active_only
        ]

    def submit(
        self,
        workspace: Workspace,
        experiment_name: str,
        pipeline_parameters: Mapping[str, object] | None = None,
        **_: object,
    ) -> PipelineRun:
        """Start a run of the pipeline."""
        experiment = load("runtime.api.experiment:Experiment")(workspace, experiment_name)
        return self.submit_to(experiment, {}, pipeline_parameters=pipeline_parameters)

    def submit_to(
        self,
        experiment: ParentExperiment,
        tags: Mapping[str, str],
        *,
        pipeline_parameters: Mapping[str, object] | None = None,
        continue_on_step_failure: bool | None = None,
        regenerate_outputs: bool = False,
        **_: object,
    ) -> PipelineRun:
        """Start a run of the pipeline; ``Experiment.submit`` calls it."""
        session = experiment.workspace.session
        with azureml_errors():
            values = parameter_values(pipeline_parameters)
            work = kept.with_parameters(self._published, experiment.name, values)
            graph = replace(work.pipeline, tags={**work.pipeline.tags, **tags})
            if continue_on_step_failure is not None:
                graph = replace(graph, continue_on_failure=continue_on_step_failure)
            work = replace(work, pipeline=graph, regenerate=regenerate_outputs)
            run_id = load("runtime.pipelines.submission:start_work")(session, work)
        return PipelineRun(experiment, run_id)

    def disable(self) -> None:
        """Refuse new runs of it."""
        self._change(enabled=False)

    archive = disable

    def enable(self) -> None:
        """Allow new runs of it."""
        self._change(enabled=True)

    def _change(self, *, enabled: bool) -> None:
        self._published = replace(self._published, enabled=enabled)
        _pipelines(self.workspace).write(self._published)

    def __repr__(self) -> str:
        return f"Pipeline(Name: {self.name},\nId: {self.id},\nStatus: {self.status})"


class PipelineEndpoint:
    """The published pipelines of one name, its versions, which count from ``"0"``.

    One of them is the default: the one published last, until another is chosen.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name

    @staticmethod
    def publish(
        workspace: Workspace,
        name: str,
        pipeline: "Pipeline | PublishedPipeline",
        description: str = "",
        **_: object,
    ) -> "PipelineEndpoint":
        """Publish a pipeline under a name."""
        made = PipelineEndpoint(workspace, name)
        made.add_default(pipeline, description)
        return made

    @staticmethod
    def get(
        workspace: Workspace, id: str | None = None, name: str | None = None, **_: object
    ) -> "PipelineEndpoint":
        """Return the endpoint of a name. Raises ``UserErrorException`` without one."""
        wanted = name or id or ""
        with azureml_errors():
            _pipelines(workspace).chosen(wanted)
        return PipelineEndpoint(workspace, wanted)

    @staticmethod
    def list(workspace: Workspace, **_: object) -> "builtins.list[PipelineEndpoint]":
        """Return the endpoints."""
        names = dict.fromkeys(each.name for each in _pipelines(workspace).all())
        return [PipelineEndpoint(workspace, each) for each in names]

    get_all = list

    @property
    def pipelines(self) -> "builtins.list[PublishedPipeline]":
        """The pipelines, the default first, then the newest."""
        found = _pipelines(self.workspace).active(self.name)
        return [PublishedPipeline(self.workspace, each) for each in found]

    def list_pipelines(self, **_: object) -> "builtins.list[PublishedPipeline]":
        """Return ``pipelines``."""
        return self.pipelines

    @property
    def id(self) -> str:
        """The name."""
        return self.name

    @property
    def endpoint(self) -> str:
        """The address of ``POST`` requests that start the default pipeline, in the local cloud.

        ``/VERSION`` behind it is another one. On Azure nothing listens there: use ``submit``.
        """
        return endpoint_address(self.workspace, self.name)

    @property
    def default_version(self) -> str:
        """The version that ``submit`` starts."""
        wanted = self.pipelines[0].id
        return next(version for version, id in self.list_versions().items() if id == wanted)

    def list_versions(self, **_: object) -> "dict[str, str]":
        """Return the versions, each with the id of its pipeline."""
        versions = _pipelines(self.workspace).versions(self.name)
        return {version: each.id for version, each in versions.items()}

    get_all_versions = list_versions

    def get_pipeline(self, version: str | int | None = None) -> PublishedPipeline:
        """Return the pipeline of a version. Raises ``UserErrorException`` for another one."""
        wanted = None if version is None else str(version)
        with azureml_errors():
            found = _pipelines(self.workspace).chosen(self.name, wanted)
        return PublishedPipeline(self.workspace, found)

    def add(self, pipeline: "Pipeline | PublishedPipeline", description: str = "") -> None:
        """Publish a pipeline as the newest version; the default stays what it is."""
        default = self.pipelines[:1]
        self._added(pipeline, description)
        for each in default:
            self.set_default(each)

    def add_default(self, pipeline: "Pipeline | PublishedPipeline", description: str = "") -> None:
        """Publish a pipeline as the newest version, and make it the default."""
        self.set_default(self._added(pipeline, description))

    def set_default(self, pipeline: PublishedPipeline) -> None:
        """Make a pipeline of this endpoint the one that ``submit`` starts."""
        versions = _pipelines(self.workspace).versions(self.name).values()
        if pipeline.id not in {each.id for each in versions}:
            raise UserErrorException(
                f"Pipeline {pipeline.id} is not of the endpoint {self.name!r}.",
                remedy="Add it first: `endpoint.add(pipeline)`.",
            )
        for each in versions:
            if each.default != (each.id == pipeline.id):
                _pipelines(self.workspace).write(replace(each, default=not each.default))

    def set_default_version(self, version: str | int) -> None:
        """Make the pipeline of a version the one that ``submit`` starts."""
        self.set_default(self.get_pipeline(version))

    def submit(
        self,
        experiment_name: str,
        pipeline_parameters: Mapping[str, object] | None = None,
        pipeline_version: str | int | None = None,
        **_: object,
    ) -> PipelineRun:
        """Start a run of the default pipeline, or of that of a version."""
        found = self.get_pipeline(pipeline_version)
        return found.submit(self.workspace, experiment_name, pipeline_parameters)

    def _added(
        self, pipeline: "Pipeline | PublishedPipeline", description: str
    ) -> PublishedPipeline:
        if not isinstance(pipeline, PublishedPipeline):
            return publish(pipeline, self.name, description)
        pipelines = _pipelines(self.workspace)
        pipelines.write(replace(pipelines.read(pipeline.id), name=self.name, default=False))
        return PublishedPipeline.get(self.workspace, pipeline.id)


class Schedule:
    """What starts a published pipeline, at times or when data changes."""

    def __init__(self, workspace: Workspace, schedule: schedules.Schedule) -> None:
        self.workspace = workspace
        self._schedule = schedule

    @property
    def id(self) -> str:
        return self._schedule.name

    @property
    def name(self) -> str:
        return self._schedule.name

    @property
    def description(self) -> str:
        return self._schedule.description

    @property
    def pipeline_id(self) -> str:
        return self._schedule.pipeline_id

    @property
    def status(self) -> str:
        """``Active`` or ``Disabled``."""
        return "Active" if self._schedule.enabled else "Disabled"

    @staticmethod
    def create(
        workspace: Workspace,
        name: str,
        pipeline_id: str | None = None,
        experiment_name: str = _EXPERIMENT,
        recurrence: ScheduleRecurrence | None = None,
        description: str | None = None,
        pipeline_parameters: Mapping[str, object] | None = None,
        wait_for_provisioning: bool = False,
        wait_timeout: int = 3600,
        datastore: object = None,
        polling_interval: int = 5,
        data_path_parameter_name: str | None = None,
        continue_on_step_failure: bool | None = None,
        path_on_datastore: str | None = None,
        **_: object,
    ) -> "Schedule":
        """Make a schedule of a published pipeline: of a ``recurrence`` xor a ``datastore``."""
        if (recurrence is None) == (datastore is None):
            raise UserErrorException(
                "A schedule has either a recurrence or a datastore.", remedy="Give one of the two."
            )
        if data_path_parameter_name:
            raise UserErrorException(
                f"data_path_parameter_name is {data_path_parameter_name!r}: the path of the file"
                " that changed is not passed on.",
                remedy="Leave it out, and have the first step look for what is new.",
            )
        if pipeline_id is None:
            raise UserErrorException(
                "A schedule needs the id of a published pipeline.",
                remedy="Give `pipeline_id=pipeline.publish(…).id`.",
            )
        trigger: Trigger
        if recurrence is not None:
            trigger = _recurrence(recurrence)
        else:
            store = str(getattr(datastore, "name", datastore))
            trigger = DataChange(store, path_on_datastore or "", polling_interval)
        values: dict[str, ParameterValue] = parameter_values(pipeline_parameters)
        with azureml_errors():
            published = _pipelines(workspace).read(pipeline_id)
            made = schedules.of_work(
                workspace.session,
                name,
                trigger,
                kept.with_parameters(published, experiment_name, values),
                description=description or "",
                pipeline_id=pipeline_id,
            )
        return Schedule(workspace, made)

    @staticmethod
    def list(
        workspace: Workspace, active_only: bool = True, pipeline_id: str | None = None, **_: object
    ) -> "builtins.list[Schedule]":
        """Return the schedules; those that are enabled, unless told."""
        every = _schedules(workspace)
        found = [every.read(name) for name in every.names()]
        return [
            Schedule(workspace, each)
            for each in found
            if (each.enabled or not active_only) and pipeline_id in {None, each.pipeline_id}
        ]

    @staticmethod
    def get(workspace: Workspace, id: str, **_: object) -> "Schedule":
        """Return a schedule. Raises ``UserErrorException`` for one that is not known."""
        with azureml_errors():
            return Schedule(workspace, _schedules(workspace).read(id))

    def disable(self, wait_for_provisioning: bool = False, wait_timeout: int = 3600) -> None:
        """Disable the schedule."""
        self._enable(is_enabled=False)

    def enable(self, wait_for_provisioning: bool = False, wait_timeout: int = 3600) -> None:
        """Enable the schedule."""
        self._enable(is_enabled=True)

    def get_last_pipeline_run(self) -> PipelineRun | None:
        """Return the run that it started last, ``None`` for none yet."""
        with azureml_errors():
            run_id = _schedules(self.workspace).read(self.name).last_run
        if not run_id:
            return None
        found = Run.get(self.workspace, run_id)
        return PipelineRun(found.experiment, run_id)

    def get_pipeline_runs(self) -> "builtins.list[PipelineRun]":
        """Return the runs that it started, newest first."""
        wanted = (schedules.SCHEDULE_PROPERTY, self.name)
        make = load("runtime.api.experiment:Experiment")
        every = load("runtime.history.store:Filter")
        return [
            PipelineRun(make(self.workspace, record.experiment), record.run_id)
            for record in self.workspace.session.history.each_run(every())
            if wanted in record.properties.items()
        ]

    def _enable(self, *, is_enabled: bool) -> None:
        with azureml_errors():
            self._schedule = schedules.enabled(
                self.workspace.session, self.name, is_enabled=is_enabled
            )

    def __repr__(self) -> str:
        return f"Schedule(Name: {self.name},\nId: {self.id},\nStatus: {self.status})"


def publish(
    pipeline: Pipeline,
    name: str | None = None,
    description: str | None = None,
    version: str | None = None,
    *,
    continue_on_step_failure: bool | None = None,
) -> PublishedPipeline:
    """Keep a pipeline under an id; ``Pipeline.publish`` calls it."""
    workspace = pipeline.workspace
    if not isinstance(workspace, Workspace):
        raise UserErrorException("The pipeline has no workspace.", remedy="Give it one.")
    with azureml_errors():
        graph, problems = graph_of(pipeline, _EXPERIMENT, {})
        raise_problems(problems)
        graph = replace(graph, continue_on_failure=bool(continue_on_step_failure))
        made = kept.publish(
            workspace.session,
            graph,
            name=name or pipeline.description or "pipeline",
            description=description or "",
            version=version or "",
        )
    return PublishedPipeline(workspace, made)


def publish_run(
    workspace: Workspace,
    work: Work,
    name: str,
    description: str,
    version: str,
    *,
    continue_on_step_failure: bool | None = None,
) -> PublishedPipeline:
    """Keep the pipeline of a run under an id; ``PipelineRun.publish_pipeline`` calls it."""
    with azureml_errors():
        made = kept.publish_work(
            workspace.session,
            work,
            name=name,
            description=description or "",
            version=version or "",
            continue_on_failure=continue_on_step_failure,
        )
    return PublishedPipeline(workspace, made)


def _recurrence(given: ScheduleRecurrence) -> Recurrence:
    zone = given.time_zone
    name = zone.value if isinstance(zone, TimeZone) else str(zone or "UTC")
    start = given.start_time
    begins = datetime.now().astimezone().timestamp()
    if isinstance(start, datetime):
        begins = moment_of(start.isoformat(), name)
    elif start:
        begins = moment_of(str(start), name)
    hours, minutes = tuple(given.hours or ()), tuple(given.minutes or ())
    if given.time_of_day:
        hour, _, minute = given.time_of_day.partition(":")
        hours, minutes = (int(hour),), (int(minute or 0),)
    days: Sequence[str] = given.week_days or ()
    return Recurrence(
        given.frequency.lower(),
        given.interval,
        begins,
        name,
        hours,
        minutes,
        tuple(each.lower() for each in days),
    )


def _pipelines(workspace: Workspace) -> kept.PublishedPipelines:
    return kept.PublishedPipelines(workspace.session.home.absolute())


def _schedules(workspace: Workspace) -> schedules.Schedules:
    return schedules.Schedules(workspace.session.home.absolute())
