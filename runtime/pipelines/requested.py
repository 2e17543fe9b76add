"""Starts a published pipeline that was asked for over REST.

``python -m runtime.pipelines.requested``: the local cloud's daemon starts it for each request, with
``AML_HOME``. A JSON object on standard input says what was asked, one on standard output what to
answer: the run's ``id``, or ``status``, ``code``, ``message`` and ``problems`` of a refusal.

Source of the fields: Microsoft's pages "Publish and track machine learning pipelines" and "Trigger
machine learning pipelines". As in the service, the case of their names does not matter.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from infra.contract.errors import PlatformError, UnknownNameError, UsageError
from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from infra.contract.manifest import read_manifest
from infra.contract.project import home_folder
from runtime.model.data import DataLocation
from runtime.model.pipelines import ParameterValue
from runtime.pipelines.documents import Work
from runtime.pipelines.published import Published, PublishedPipelines, with_parameters
from runtime.pipelines.submission import start_work
from runtime.submit.session import ProjectSession, open_session

_RUN_TYPE: Final = "HTTP"
_UNKNOWN_SOURCE: Final = "Unavailable"
_ELSEWHERE: Final = {
    "datasetdefinitionvalueassignments": "Give the dataset as `azureml:NAME:VERSION` in"
    " ParameterAssignments.",
    "parentrunid": "Leave it out: the run has no parent.",
}
"""Fields of the service that have no counterpart here → what to do instead."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for. ``experiment``: ``None`` for the pipeline's own."""

    experiment: str | None = None
    description: str | None = None
    source: str = _UNKNOWN_SOURCE
    values: Mapping[str, ParameterValue] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    continue_on_failure: bool | None = None


def asked(body: JsonObject) -> tuple[Asked, list[tuple[str, str]]]:
    """Return what a body asks for, and every problem of it as ``(field, sentence)``. Pure."""
    found, problems = Asked(), []
    for name, value in body.items():
        read = _FIELDS.get(name.lower())
        if value is None:
            continue
        try:
            found = _unknown(name) if read is None else read(found, value)
        except _FieldError as error:
            problems.append((name, str(error)))
    return found, problems


class _FieldError(Exception):
    """A field of a body that cannot be used."""


def _unknown(name: str) -> Asked:
    remedy = _ELSEWHERE.get(name.lower()) or nearest(name, _NAMES, noun="field")
    raise _FieldError(f"The local cloud does not support '{name}'. {remedy}")


def _text(put: Callable[[Asked, str], Asked]) -> Callable[[Asked, object], Asked]:
    def read(found: Asked, value: object) -> Asked:
        if not isinstance(value, str):
            raise _FieldError(f"It is {value!r}; it must be a text.")
        # An empty text is what clients send for one that was not set.
        return put(found, value) if value else found

    return read


def _assigned(found: Asked, value: object) -> Asked:
    values: dict[str, ParameterValue] = {}
    for name, each in _entries(value):
        if not isinstance(each, str | int | float):
            raise _FieldError(f"Parameter '{name}' is {each!r}; give a text, a number or a bool.")
        values[name] = each
    return replace(found, values={**found.values, **values})


def _data_paths(found: Asked, value: object) -> Asked:
    values: dict[str, ParameterValue] = {}
    for name, each in _entries(value):
        parts = {key.lower(): part for key, part in _entries(each)}
        store, path = parts.get("datastorename"), parts.get("relativepath") or ""
        if not isinstance(store, str) or not isinstance(path, str):
            raise _FieldError(f"Data path '{name}' needs the texts DataStoreName and RelativePath.")
        values[name] = DataLocation("datastore", path.strip("/"), store)
    return replace(found, values={**found.values, **values})


def _tags(found: Asked, value: object) -> Asked:
    return replace(found, tags={name: str(each) for name, each in _entries(value)})


def _continues(found: Asked, value: object) -> Asked:
    if not isinstance(value, bool):
        raise _FieldError(f"It is {value!r}; it must be true or false.")
    return replace(found, continue_on_failure=value)


def _entries(value: object) -> Iterator[tuple[str, object]]:
    if not isinstance(value, dict):
        raise _FieldError(f"It is {value!r}; it must be an object.")
    yield from value.items()


_NAMES: Final[Mapping[str, Callable[[Asked, object], Asked]]] = {
    "ExperimentName": _text(lambda found, text: replace(found, experiment=text)),
    "Description": _text(lambda found, text: replace(found, description=text)),
    "RunSource": _text(lambda found, text: replace(found, source=text)),
    "ParameterAssignments": _assigned,
    "DataPathAssignments": _data_paths,
    "Tags": _tags,
    "ContinueOnStepFailure": _continues,
    "ContinueRunOnStepFailure": _continues,
}
_FIELDS: Final = {name.lower(): read for name, read in _NAMES.items()}


def work_asked(published: Published, wanted: Asked) -> Work:
    """Return the work of a published pipeline as a request wants it. Raises ``UsageError``."""
    work = with_parameters(published, wanted.experiment, wanted.values)
    pipeline = work.pipeline
    proceeds = wanted.continue_on_failure
    pipeline = replace(
        pipeline,
        description=wanted.description or pipeline.description,
        tags={**pipeline.tags, **wanted.tags},
        properties={**pipeline.properties, "runSource": wanted.source, "runType": _RUN_TYPE},
        continue_on_failure=pipeline.continue_on_failure if proceeds is None else proceeds,
    )
    return replace(work, pipeline=pipeline)


def answer(request: JsonObject) -> JsonObject:
    """Start what a request asks for and return the answer.

    ``request`` has ``workspace`` (its ARM id), ``body``, and ``pipeline`` (an id), or ``endpoint``
    (a name) and ``version`` (``None``: the default).
    """
    wanted, problems = asked(request["body"])
    if problems:
        sentences = "; ".join(f"{name}: {sentence}" for name, sentence in problems)
        return {**_refusal(400, "UserError", sentences), "problems": problems}
    try:
        return {"id": _start(request, wanted)}
    except UnknownNameError as error:
        return _refusal(404, "NotFound", f"{error.detail} {error.remedy}")
    except PlatformError as error:
        return _refusal(400, "UserError", f"{error.detail} {error.remedy}")


def _start(request: JsonObject, wanted: Asked) -> str:
    every = PublishedPipelines(home_folder().absolute())
    name = request.get("pipeline")
    published = every.read(name) if name else every.chosen(request["endpoint"], request["version"])
    session = open_session(published.stack)
    try:
        return _started(session, published, request["workspace"], wanted)
    finally:
        session.close()


def _started(session: ProjectSession, published: Published, workspace: str, wanted: Asked) -> str:
    own = read_manifest(session.targets.manifest_file, stack=session.stack).workspace
    if own.id.lower() != workspace.lower():
        raise UnknownNameError(
            f"Pipeline {published.id} is not one of this workspace.",
            remedy=f"It belongs to {own.id}.",
        )
    if published.variables:
        raise UsageError(
            "The pipeline needs environment variables whose values are not kept:"
            f" {', '.join(published.variables)}.",
            remedy="A request cannot carry them: start it with `PublishedPipeline.submit`, where"
            " they are set.",
        )
    return start_work(session, work_asked(published, wanted))


def _refusal(status: int, code: str, message: str) -> JsonObject:
    return {"status": status, "code": code, "message": message}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(answer(json.load(sys.stdin))))
