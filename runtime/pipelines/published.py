"""Published pipelines of a project: ``<home>/published/ID.json``.

A published pipeline has its code and environments as they were; its parameters stay open. The
files are this project's: nothing is published to a service.
"""

import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from infra.catalogue.names import RULES
from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from infra.contract.private import private_file, private_folder
from runtime.model.pipelines import ParameterValue, Pipeline, Step
from runtime.pipelines.documents import Work, work_document, work_of
from runtime.pipelines.parameters import shown, with_values
from runtime.pipelines.submission import Options, keep_code, start_work
from runtime.submit.session import ProjectSession

FOLDER: Final = "published"
ID_PROPERTY: Final = "azureml.pipelineid"


@dataclass(frozen=True, slots=True)
class Published:
    """One published pipeline; ``work`` is the pipeline, whose parameters have no values yet.

    ``default``: of the pipelines of its name, the one that the endpoint of that name starts.
    """

    id: str
    name: str
    description: str
    version: str
    stack: str
    work: JsonObject
    variables: tuple[str, ...] = ()
    enabled: bool = True
    created: float = 0.0
    default: bool = False

    def pipeline(self, values: Mapping[str, str] | None = None) -> Work:
        """Return the work. ``values`` are those of its environment variables."""
        return work_of(self.work, values or {})


class PublishedPipelines:
    """The published pipelines of one project."""

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    def all(self) -> list[Published]:
        """Return every published pipeline, newest first."""
        found = [self.read(each.stem) for each in self._folder.glob("*.json")]
        return sorted(found, key=lambda each: -each.created)

    def read(self, pipeline_id: str) -> Published:
        """Return a published pipeline. Raises ``UnknownNameError``."""
        try:
            text = (self._folder / f"{pipeline_id}.json").read_text(encoding="utf-8")
        except OSError as error:
            known = dict.fromkeys(each.stem for each in self._folder.glob("*.json"))
            raise UnknownNameError(
                f"There is no published pipeline {pipeline_id!r}.",
                remedy=nearest(pipeline_id, known, noun="pipeline"),
            ) from error
        document: JsonObject = json.loads(text)
        return Published(**{**document, "variables": tuple(document["variables"])})

    def versions(self, name: str) -> dict[str, Published]:
        """Return the pipelines of an endpoint by their versions, oldest first."""
        oldest_first = reversed([each for each in self.all() if each.name == name])
        return {str(number): each for number, each in enumerate(oldest_first)}

    def active(self, name: str) -> list[Published]:
        """Return the enabled pipelines of an endpoint: the default one, then the newest."""
        newest_first = reversed(self.versions(name).values())
        return sorted(
            (each for each in newest_first if each.enabled), key=lambda each: not each.default
        )

    def chosen(self, name: str, version: str | None = None) -> Published:
        """Return the pipeline of an endpoint's version (default: the default one).

        Raises ``UnknownNameError`` for an endpoint or a version that is not known.
        """
        versions, active = self.versions(name), self.active(name)
        if not versions:
            raise UnknownNameError(
                f"There is no pipeline endpoint {name!r}.",
                remedy="Publish one: `PipelineEndpoint.publish(workspace, name, pipeline)`.",
            )
        if version is None and not active:
            raise UsageError(
                f"Pipeline endpoint {name!r} is disabled.", remedy="Enable it: `endpoint.enable()`."
            )
        if version is None:
            return active[0]
        if version not in versions:
            raise UnknownNameError(
                f"Pipeline endpoint {name!r} has no version {version!r}.",
                remedy=f"Its versions are {', '.join(versions)}.",
            )
        return versions[version]

    def write(self, published: Published) -> None:
        """Write a published pipeline, whole or not at all."""
        private_folder(self._folder)
        partial = private_file(self._folder / f".{os.getpid()}-{published.id}")
        partial.write_text(json.dumps(asdict(published)), encoding="utf-8")
        partial.replace(self._folder / f"{published.id}.json")


def publish(
    session: ProjectSession,
    pipeline: Pipeline,
    *,
    name: str,
    description: str = "",
    version: str = "",
) -> Published:
    """Check a pipeline, keep its code, and publish it. Parameters without defaults stay open.

    The data that parameters name need not be there yet: requests say where it is.
    """
    tried: dict[str, ParameterValue] = {
        each.name: _EXAMPLES[each.type] for each in pipeline.parameters if each.default is None
    }
    checked = replace(pipeline, steps=tuple(map(_without_open_data, pipeline.steps)))
    work = keep_code(session, checked, Options(tried))
    if work.template is not None:
        work = replace(work, template=pipeline)
    return publish_work(session, work, name=name, description=description, version=version)


def _without_open_data(step: Step) -> Step:
    inputs = tuple(each for each in step.run.inputs if each.name not in step.parameters)
    return replace(step, parameters={}, run=replace(step.run, inputs=inputs))


def publish_work(
    session: ProjectSession,
    work: Work,
    *,
    name: str,
    description: str = "",
    version: str = "",
    continue_on_failure: bool | None = None,
) -> Published:
    """Publish a pipeline whose code was kept earlier, such as that of a run."""
    # Its steps keep their parameters; what was found out about them in the check does not differ.
    pipeline = work.template or work.pipeline
    if continue_on_failure is not None:
        pipeline = replace(pipeline, continue_on_failure=continue_on_failure)
    open_work = replace(
        work, pipeline=pipeline, values={}, template=None, regenerate=False, resumes=None
    )
    document, variables = work_document(open_work)
    made = Published(
        str(uuid.uuid4()),
        name,
        description,
        version,
        session.stack,
        document,
        tuple(variables),
        created=time.time(),
    )
    PublishedPipelines(session.home.absolute()).write(made)
    return made


def with_parameters(
    published: Published,
    experiment: str | None,
    given: Mapping[str, ParameterValue],
    environ: Mapping[str, str] = os.environ,
    *,
    continue_on_failure: bool | None = None,
) -> Work:
    """Return the work of a published pipeline with the values of its parameters.

    ``continue_on_failure``: default is what it was published with.
    Raises ``UsageError`` for a disabled pipeline, for variables without values, and for a name that
    an experiment cannot have.
    """
    if not published.enabled:
        raise UsageError(
            f"Pipeline {published.id} is disabled.", remedy="Enable it: `published.enable()`."
        )
    missing = [each for each in published.variables if each not in environ]
    if missing:
        raise UsageError(
            f"Environment variables have no values: {', '.join(missing)}.",
            remedy="Set them in this shell; their values are not kept.",
        )
    work = published.pipeline({each: environ[each] for each in published.variables})
    pipeline, values = with_values(work.pipeline, given)
    rule = RULES["experiment"].problem(experiment or pipeline.experiment)
    if rule:
        raise UsageError(rule, remedy="Correct the name of the experiment.")
    pipeline = replace(
        pipeline,
        experiment=experiment or pipeline.experiment,
        continue_on_failure=pipeline.continue_on_failure
        if continue_on_failure is None
        else continue_on_failure,
        properties={**pipeline.properties, ID_PROPERTY: published.id},
    )
    texts = {name: shown(each) for name, each in values.items()}
    template = work.pipeline if work.pipeline.parameters else None
    return replace(work, pipeline=pipeline, values=texts, template=template)


def submit_published(
    session: ProjectSession,
    pipeline_id: str,
    experiment: str | None,
    values: Mapping[str, ParameterValue],
) -> str:
    """Submit a published pipeline and return its run's id."""
    published = PublishedPipelines(session.home.absolute()).read(pipeline_id)
    return start_work(session, with_parameters(published, experiment, values))


_EXAMPLES: Final[Mapping[str, ParameterValue]] = {
    "string": "x",
    "int": 1,
    "float": 1.0,
    "bool": True,
    "datapath": "azureml://datastores/workspaceblobstore/paths/x",
}
