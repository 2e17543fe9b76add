"""``PublishedPipeline`` and ``PipelineEndpoint``, as in azureml-pipeline-core.

What is published stays in the project: a pipeline with its code, under an id. The local cloud
takes requests for it, too, where the workspace is its own.
"""

import builtins
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from infra.contract.load import load
from runtime.api.exceptions import UserErrorException, azureml_errors
from runtime.api.pipeline import Pipeline
from runtime.api.pipelines.endpoints import endpoint_address, pipeline_address
from runtime.api.pipelines.graph import graph_of, parameter_values
from runtime.api.pipelines.runs import PipelineRun, parent_property
from runtime.api.runs.base import ParentExperiment
from runtime.api.workspace import Workspace
from runtime.pipelines import published as kept
from runtime.pipelines.documents import Work
from runtime.pipelines.graph import raise_problems

__all__ = ["PipelineEndpoint", "PublishedPipeline"]
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
            return PublishedPipeline(workspace, pipelines_of(workspace).read(id))

    @staticmethod
    def list(
        workspace: Workspace, active_only: bool = True, **_: object
    ) -> "builtins.list[PublishedPipeline]":
        """Return the published pipelines, newest first; those that are enabled, unless told."""
        return [
            PublishedPipeline(workspace, each)
            for each in pipelines_of(workspace).all()
            if each.enabled or not active_only
        ]

    get_all = list

    def submit(
        self,
        workspace: Workspace,
        experiment_name: str,
        pipeline_parameters: Mapping[str, object] | None = None,
        *,
        parent_run_id: str | None = None,
        continue_on_step_failure: bool | None = None,
    ) -> PipelineRun:
        """Start a run of the pipeline."""
        experiment = load("runtime.api.experiment:Experiment")(workspace, experiment_name)
        return self.submit_to(
            experiment,
            {},
            pipeline_parameters=pipeline_parameters,
            parent_run_id=parent_run_id,
            continue_on_step_failure=continue_on_step_failure,
        )

    def submit_to(
        self,
        experiment: ParentExperiment,
        tags: Mapping[str, str],
        *,
        pipeline_parameters: Mapping[str, object] | None = None,
        continue_on_step_failure: bool | None = None,
        regenerate_outputs: bool = False,
        parent_run_id: str | None = None,
        **_: object,
    ) -> PipelineRun:
        """Start a run of the pipeline; ``Experiment.submit`` calls it."""
        session = experiment.workspace.session
        with azureml_errors():
            work = kept.with_parameters(
                self._published,
                experiment.name,
                parameter_values(pipeline_parameters),
                continue_on_failure=continue_on_step_failure,
            )
            graph = replace(
                work.pipeline,
                tags={**work.pipeline.tags, **tags},
                properties={**work.pipeline.properties, **parent_property(parent_run_id)},
            )
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
        pipelines_of(self.workspace).write(self._published)

    def __repr__(self) -> str:
        return f"Pipeline(Name: {self.name},\nId: {self.id},\nStatus: {self.status})"


@dataclass(frozen=True)
class PipelineVersion:
    """One version of an endpoint, and its pipeline."""

    version: str
    pipeline: PublishedPipeline

    @property
    def pipeline_id(self) -> str:
        return self.pipeline.id


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
        description: str = "",
        pipeline: "Pipeline | PublishedPipeline | None" = None,
        **_: object,
    ) -> "PipelineEndpoint":
        """Publish a pipeline under a name."""
        if pipeline is None:
            raise UserErrorException(
                "An endpoint needs a pipeline.", remedy="Give one: `pipeline=…`."
            )
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
            pipelines_of(workspace).chosen(wanted, "0")
        return PipelineEndpoint(workspace, wanted)

    @staticmethod
    def list(
        workspace: Workspace, active_only: bool = True, **_: object
    ) -> "builtins.list[PipelineEndpoint]":
        """Return the endpoints; those that are enabled, unless told."""
        every = pipelines_of(workspace).all()
        names = dict.fromkeys(each.name for each in every if each.enabled or not active_only)
        return [PipelineEndpoint(workspace, each) for each in names]

    get_all = list

    @property
    def pipelines(self) -> "builtins.list[PublishedPipeline]":
        """The pipelines, the default first, then the newest."""
        found = pipelines_of(self.workspace).active(self.name)
        return [PublishedPipeline(self.workspace, each) for each in found]

    def list_pipelines(
        self, active_only: bool = True, **_: object
    ) -> "builtins.list[PublishedPipeline]":
        """Return the pipelines; those that are enabled, unless told."""
        every = [each.pipeline for each in reversed(self.list_versions())]
        return self.pipelines if active_only else every

    get_all_pipelines = list_pipelines

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
    def description(self) -> str:
        """What was said of the pipeline that ``submit`` starts."""
        return self.get_pipeline().description

    @property
    def status(self) -> str:
        """``Active``, or ``Disabled`` when none of its pipelines can be started."""
        return "Active" if self.pipelines else "Disabled"

    @property
    def default_version(self) -> str:
        """The version that ``submit`` starts."""
        wanted = self.get_pipeline().id
        return next(each.version for each in self.list_versions() if each.pipeline_id == wanted)

    def get_default_version(self) -> str:
        """Return ``default_version``."""
        return self.default_version

    def list_versions(self, **_: object) -> "builtins.list[PipelineVersion]":
        """Return the versions with their pipelines, oldest first."""
        versions = pipelines_of(self.workspace).versions(self.name)
        return [
            PipelineVersion(version, PublishedPipeline(self.workspace, each))
            for version, each in versions.items()
        ]

    get_all_versions = list_versions

    def set_name(self, name: str) -> None:
        """Rename the endpoint, and with it its pipelines: their ids and addresses stay."""
        pipelines = pipelines_of(self.workspace)
        if not name or pipelines.versions(name):
            raise UserErrorException(
                f"The endpoint cannot be renamed to {name!r}: "
                + ("there is one of that name." if name else "a name has letters."),
                remedy="Choose another name.",
            )
        for each in pipelines.versions(self.name).values():
            pipelines.write(replace(each, name=name))
        self.name = name

    def disable(self) -> None:
        """Refuse new runs of all of its pipelines."""
        for each in self.list_versions():
            each.pipeline.disable()

    archive = disable

    def enable(self) -> None:
        """Allow new runs of all of its pipelines."""
        for each in self.list_versions():
            each.pipeline.enable()

    def reactivate(self, name: str | None = None) -> None:
        """Allow new runs again, under another name if one is given."""
        if name and name != self.name:
            self.set_name(name)
        self.enable()

    def get_pipeline(self, version: str | int | None = None) -> PublishedPipeline:
        """Return the pipeline of a version. Raises ``UserErrorException`` for another one."""
        wanted = None if version is None else str(version)
        with azureml_errors():
            found = pipelines_of(self.workspace).chosen(self.name, wanted)
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
        versions = pipelines_of(self.workspace).versions(self.name).values()
        if pipeline.id not in {each.id for each in versions}:
            raise UserErrorException(
                f"Pipeline {pipeline.id} is not of the endpoint {self.name!r}.",
                remedy="Add it first: `endpoint.add(pipeline)`.",
            )
        for each in versions:
            if each.default != (each.id == pipeline.id):
                pipelines_of(self.workspace).write(replace(each, default=not each.default))

    def set_default_version(self, version: str | int) -> None:
        """Make the pipeline of a version the one that ``submit`` starts."""
        self.set_default(self.get_pipeline(version))

    def submit(
        self,
        experiment_name: str,
        pipeline_parameters: Mapping[str, object] | None = None,
        pipeline_version: str | int | None = None,
        *,
        parent_run_id: str | None = None,
        continue_on_step_failure: bool | None = None,
    ) -> PipelineRun:
        """Start a run of the default pipeline, or of that of a version."""
        return self.get_pipeline(pipeline_version).submit(
            self.workspace,
            experiment_name,
            pipeline_parameters,
            parent_run_id=parent_run_id,
            continue_on_step_failure=continue_on_step_failure,
        )

    def _added(
        self, pipeline: "Pipeline | PublishedPipeline", description: str
    ) -> PublishedPipeline:
        if not isinstance(pipeline, PublishedPipeline):
            return publish(pipeline, self.name, description)
        pipelines = pipelines_of(self.workspace)
        pipelines.write(replace(pipelines.read(pipeline.id), name=self.name, default=False))
        return PublishedPipeline.get(self.workspace, pipeline.id)


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


def pipelines_of(workspace: Workspace) -> kept.PublishedPipelines:
    return kept.PublishedPipelines(workspace.session.home.absolute())
