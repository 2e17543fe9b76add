"""What the driver of a pipeline is given: a JSON document without the values of variables. Pure."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.load import load
from runtime.environments.specs import without_secrets
from runtime.model.data import without_token
from runtime.model.pipelines import Pipeline, Step
from runtime.model.redaction import MASK
from runtime.submit.kept_specs import EXAMPLE

_PUBLIC: Final = "AML_PARAMETER_"
"""Variables with the values of a pipeline's parameters, which are no secrets."""
_NO_WORD: Final = re.compile(r"[^A-Za-z0-9-]+")
_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class StepCode:
    """The code of a step as it was when the pipeline was submitted.

    ``snapshot`` is the id of its source folder's snapshot, ``git`` what git knows of it,
    ``environment`` the hash of what is installed.
    """

    snapshot: str
    git: Mapping[str, str] = field(default_factory=dict)
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Work:
    """A pipeline whose parameters have values, the code of its steps, and how it is executed.

    ``regenerate``: nothing is reused. ``resumes`` is the run whose completed steps stand as they
    are. ``template`` is the pipeline before its parameters had values, if it has any.
    """

    pipeline: Pipeline
    code: Mapping[str, StepCode]
    regenerate: bool = False
    resumes: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    template: Pipeline | None = None


def work_document(work: Work) -> tuple[JsonObject, dict[str, str]]:
    """Return the work as JSON, and the values that are not in it, by the names to keep them by."""
    values: dict[str, str] = {}
    code = {name: asdict(each) for name, each in work.code.items()}
    return {
        "pipeline": _document(work.pipeline, values),
        "template": _document(work.template, values) if work.template else None,
        "code": code,
        "regenerate": work.regenerate,
        "resumes": work.resumes,
        "values": dict(work.values),
    }, values


def work_of(document: JsonObject, values: Mapping[str, str]) -> Work:
    """Return the work that ``work_document`` wrote."""
    work: Work = _reader()(document)
    template = _filled(work.template, values) if work.template else None
    return replace(work, pipeline=_filled(work.pipeline, values), template=template)


@cache
def _reader() -> Callable[[JsonObject], Work]:
    """Return what builds the values inside; only the driver needs the import of pydantic."""
    made: Callable[[JsonObject], Work] = load("pydantic:TypeAdapter")(Work).validate_python
    return made


def _document(pipeline: Pipeline, values: dict[str, str]) -> JsonObject:
    steps = tuple(_without_values(each, values) for each in pipeline.steps)
    document: JsonObject = asdict(replace(pipeline, steps=steps))
    for each in document["steps"]:
        each["run"]["source_directory"] = str(each["run"]["source_directory"])
    return document


def _filled(pipeline: Pipeline, values: Mapping[str, str]) -> Pipeline:
    return replace(pipeline, steps=tuple(_with_values(each, values) for each in pipeline.steps))


def child_ids(parent: str, names: Sequence[str]) -> dict[str, str]:
    """Return the run ids of the steps: their names below the parent's id, always the same."""
    found: dict[str, str] = {}
    for number, name in enumerate(names):
        word = _NO_WORD.sub("-", name).strip("-")[:_LONGEST] or str(number)
        given = f"{parent}_{word}"
        found[name] = f"{given}_{number}" if given in found.values() else given
    return found


def _without_values(step: Step, values: dict[str, str]) -> Step:
    """Return a step without the values of its variables, which are added to ``values``."""
    run, environment = step.run, step.run.environment
    masked = {}
    for name, value in run.variables.items():
        masked[name] = value
        if not _is_public(name, value):
            masked[name] = MASK
            values[_kept_as(step, name, value, values)] = value
    if environment is not None:
        shown = {}
        for name, value in environment.variables.items():
            shown[name] = value
            if not _is_public(name, value):
                shown[name] = MASK
                values[_kept_as(step, name, value, values)] = value
        kept = without_secrets(environment)
        environment = replace(kept, lock=environment.lock, variables=shown)
    inputs = tuple(map(without_token, run.inputs))
    changed = replace(run, variables=masked, environment=environment, inputs=inputs, origins={})
    return replace(step, run=changed)


def _is_public(name: str, value: str) -> bool:
    return name.startswith(_PUBLIC) or EXAMPLE.get(name) == value


def _kept_as(step: Step, name: str, value: str, values: Mapping[str, str]) -> str:
    """Return the name of a value: the variable's own, unless another step has another value."""
    return name if values.get(name, value) == value else f"{step.name}.{name}"


def _with_values(step: Step, values: Mapping[str, str]) -> Step:
    def filled(variables: Mapping[str, str]) -> dict[str, str]:
        return {
            name: values.get(f"{step.name}.{name}", values.get(name, value))
            if value == MASK
            else value
            for name, value in variables.items()
        }

    run, environment = step.run, step.run.environment
    if not run.variables and environment is None:
        return step
    if environment is not None:
        environment = replace(environment, variables=filled(environment.variables))
    return replace(step, run=replace(run, variables=filled(run.variables), environment=environment))
