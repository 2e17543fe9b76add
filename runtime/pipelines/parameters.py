"""The parameters of a pipeline: their values, and the steps with the values in place. Pure."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from infra.contract.load import nearest
from runtime.definitions.job_data import location_of
from runtime.model.data import DataInput, DataLocation
from runtime.model.pipelines import Parameter, ParameterType, ParameterValue, Pipeline, Step
from runtime.pipelines.graph import Problem, raise_problems

_TOKEN: Final = re.compile(r"\$\{\{parameters\.([^}]+)\}\}")
_WORDS: Final = {"true": True, "false": False}


def token(name: str) -> str:
    """Return the text that stands for a parameter's value in a step."""
    return f"${{{{parameters.{name}}}}}"


def type_of(value: object) -> ParameterType | None:
    """Return the type of a default value; ``None`` for one that no parameter can have."""
    match value:
        case bool():
            return "bool"
        case int():
            return "int"
        case float():
            return "float"
        case str():
            return "string"
        case DataLocation():
            return "datapath"
    return None


def with_values(
    pipeline: Pipeline, given: Mapping[str, ParameterValue]
) -> tuple[Pipeline, Mapping[str, ParameterValue]]:
    """Return the pipeline with the values of its parameters in place, and the values.

    A text is read as the parameter's type. Raises ``DefinitionError`` with every value that is
    missing, of another type, or for no parameter.
    """
    values, problems = read_values(pipeline, given)
    raise_problems(problems)
    return filled(pipeline, values), values


def read_values(
    pipeline: Pipeline, given: Mapping[str, ParameterValue]
) -> tuple[Mapping[str, ParameterValue], list[Problem]]:
    """Return the values of a pipeline's parameters, and what is wrong with the others."""
    values: dict[str, ParameterValue] = {}
    known = {each.name: each for each in pipeline.parameters}
    problems = [
        Problem(
            f"The pipeline has no parameter {name!r}.",
            nearest(name, dict.fromkeys(known), noun="parameter"),
        )
        for name in given
        if name not in known
    ]
    for each in pipeline.parameters:
        value = given.get(each.name, each.default)
        if value is None:
            problems.append(
                Problem(
                    f"Parameter {each.name!r} has no value.", f"Give {each.name}=VALUE.", each.at
                )
            )
            continue
        read = _typed(each, value)
        if read is None:
            what = f"Parameter {each.name!r} is {value!r}, which is not of type {each.type}."
            problems.append(Problem(what, _EXAMPLES[each.type], each.at))
            continue
        values[each.name] = read
    return values, [*problems, *_unknown(pipeline, known)]


def filled(pipeline: Pipeline, values: Mapping[str, ParameterValue]) -> Pipeline:
    """Return a pipeline with values in place. Parameters that have none stay as they are."""
    return replace(pipeline, steps=tuple(_filled(each, values) for each in pipeline.steps))


def has_its_place(step: Step) -> bool:
    """Return whether where a step runs and what it reads wait for the value of no parameter."""
    reads = {each.name for each in step.run.inputs}
    return not _TOKEN.search(step.run.target) and not reads & step.parameters.keys()


def _typed(parameter: Parameter, value: ParameterValue) -> ParameterValue | None:
    """Return a value of the parameter's type, ``None`` if it has none."""
    if parameter.type == "datapath":
        return value if isinstance(value, DataLocation) else location_of(str(value))
    if isinstance(value, DataLocation):
        return None
    return _READ[parameter.type](value)


def _whole(value: str | float) -> int | None:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        return None
    return int(value) if not isinstance(value, str) or _INTEGER.fullmatch(value) else None


def _number(value: str | float) -> float | None:
    if isinstance(value, bool):
        return None
    return float(value) if not isinstance(value, str) or _FLOAT.fullmatch(value) else None


def _truth(value: str | float) -> bool | None:
    return value if isinstance(value, bool) else _WORDS.get(str(value).lower())


_INTEGER: Final = re.compile(r"[-+]?\d+")
_FLOAT: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_READ: Final[Mapping[str, Callable[[str | float], str | float | None]]] = {
    "string": str,
    "int": _whole,
    "float": _number,
    "bool": _truth,
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "string": "Give a text.",
    "int": "Give a whole number, such as 3.",
    "float": "Give a number, such as 0.5.",
    "bool": "Give true or false.",
    "datapath": "Give `azureml://datastores/NAME/paths/PATH`, `azureml:DATASET:VERSION` or an"
    " http(s) address.",
}


def _texts(step: Step) -> Iterator[str]:
    run = step.run
    yield from (*run.arguments, run.command, *run.variables.values(), run.target)


def _unknown(pipeline: Pipeline, known: Mapping[str, Parameter]) -> Iterator[Problem]:
    """Yield the parameters that steps use and the pipeline does not declare."""
    for step in pipeline.steps:
        used = [name for text in _texts(step) for name in _TOKEN.findall(text)]
        for name in dict.fromkeys([*used, *step.parameters.values()]):
            if name not in known:
                yield Problem(
                    f"Step {step.name!r} uses parameter {name!r}, which the pipeline does not"
                    " declare.",
                    nearest(name, dict.fromkeys(known), noun="parameter"),
                    step.at or step.name,
                )


def _filled(step: Step, values: Mapping[str, ParameterValue]) -> Step:
    run = step.run
    if not step.parameters and not any(_TOKEN.search(text) for text in _texts(step)):
        return step

    def plain(text: str) -> str:
        return _with_values(text, values, str)

    def quoted(text: str) -> str:
        return _with_values(text, values, shlex.quote)

    return replace(
        step,
        parameters={name: each for name, each in step.parameters.items() if each not in values},
        run=replace(
            run,
            arguments=tuple(map(plain, run.arguments)),
            command=quoted(run.command),
            target=plain(run.target),
            variables={name: plain(text) for name, text in run.variables.items()},
            inputs=tuple(_located(each, step, values) for each in run.inputs),
        ),
    )


def _with_values(
    text: str, values: Mapping[str, ParameterValue], word: Callable[[str], str]
) -> str:
    def value(found: re.Match[str]) -> str:
        return word(shown(values[found[1]])) if found[1] in values else found[0]

    return _TOKEN.sub(value, text)


def _located(each: DataInput, step: Step, values: Mapping[str, ParameterValue]) -> DataInput:
    value = values.get(step.parameters.get(each.name, ""))
    return replace(each, location=value) if isinstance(value, DataLocation) else each


def shown(value: ParameterValue) -> str:
    """Return a value as a script is given it."""
    return value.path if isinstance(value, DataLocation) else str(value)
