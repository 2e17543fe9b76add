"""The graph of a pipeline: the order of its steps, and everything that is wrong with it. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError

from infra.contract.errors import DefinitionError, PlatformError
from infra.contract.load import nearest
from runtime.model.data import names_of_both
from runtime.model.pipelines import Pipeline, Step
from runtime.pipelines.planning import sorted_names

_MOST_LISTED = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, what to do, and where: ``FILE:LINE``, or the name of a step."""

    message: str
    remedy: str
    at: str = ""


def steps_text(pipeline: Pipeline) -> str:
    """Return how many steps a pipeline has, in words."""
    count = len(pipeline.steps)
    return f"{count} step{'' if count == 1 else 's'}"


def in_order(pipeline: Pipeline) -> tuple[str, ...]:
    """Return the names of the steps, each after those it waits for, else in the given order.

    Raises ``DefinitionError`` for steps that wait for each other.
    """
    problems = cycle_problems(pipeline)
    if problems:
        raise_problems(problems)
    return tuple(_sorted(pipeline))


def levels(pipeline: Pipeline) -> tuple[tuple[str, ...], ...]:
    """Return the steps that may run together, first to last."""
    depth: dict[str, int] = {}
    for name in in_order(pipeline):
        above = [depth[each] for each in _upstream(pipeline)[name]]
        depth[name] = max(above, default=-1) + 1
    found: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, level in depth.items():
        found[level].append(name)
    return tuple(tuple(each) for each in found)


def graph_problems(pipeline: Pipeline) -> list[Problem]:
    """Return everything that is wrong with a pipeline as it is written; nothing is looked up."""
    if not pipeline.steps:
        return [Problem("The pipeline has no steps.", "Add one.", pipeline.at)]
    return [*_missing_steps(pipeline), *_missing_outputs(pipeline), *known_problems(pipeline)]


def known_problems(pipeline: Pipeline) -> list[Problem]:
    """Return what is wrong with the steps there are, whichever others could not be read."""
    return [
        *_double_names(pipeline),
        *_double_data(pipeline),
        *_same_place(pipeline),
        *cycle_problems(pipeline),
    ]


def cycle_problems(pipeline: Pipeline) -> list[Problem]:
    """Return the circle in which steps wait for each other, if there is one."""
    try:
        _sorted(pipeline)
    except CycleError as error:
        circle: Sequence[str] = error.args[1]
        names = " → ".join(reversed(circle))
        step = pipeline.step(circle[0])
        return [
            Problem(
                f"These steps wait for each other: {names}.",
                "Remove one of the inputs or `run_after` calls between them.",
                step.at or step.name,
            )
        ]
    return []


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raise ``DefinitionError`` with every problem, if there is one."""
    if not problems:
        return
    if len(problems) == 1:
        only = problems[0]
        raise DefinitionError(only.message, remedy=only.remedy, at=only.at or None)
    lines = [
        f"{f'{each.at}: ' if each.at else ''}{each.message} {each.remedy}"
        for each in problems[:_MOST_LISTED]
    ]
    more = len(problems) - _MOST_LISTED
    rest = [f"and {more} more"] if more > 0 else []
    raise DefinitionError(
        "\n  ".join([f"{len(problems)} problems:", *lines, *rest]), remedy="Fix the lines above."
    )


def problem_of(error: PlatformError, at: str = "", step: str = "") -> Problem:
    """Return an error about a step, or about the whole, as a problem."""
    where = str(error.at) if error.at else at or step
    is_named = not step or f"tep {step!r}" in error.detail
    what = error.detail if is_named else f"Step {step!r}: {error.detail}"
    return Problem(what, error.remedy, where)


def below(pipeline: Pipeline, names: set[str]) -> set[str]:
    """Return the steps that depend on any of ``names``, directly or not, without these."""
    found: set[str] = set()
    upstream = _upstream(pipeline)
    for name in _sorted(pipeline):
        if any(each in names or each in found for each in upstream[name]):
            found.add(name)
    return found - names


def _upstream(pipeline: Pipeline) -> Mapping[str, tuple[str, ...]]:
    known = {each.name for each in pipeline.steps}
    return {
        each.name: tuple(name for name in each.upstream if name in known) for each in pipeline.steps
    }


def _sorted(pipeline: Pipeline) -> list[str]:
    return sorted_names(_upstream(pipeline))


def _double_names(pipeline: Pipeline) -> Iterator[Problem]:
    counted = Counter(each.name for each in pipeline.steps)
    for name, count in counted.items():
        if count > 1:
            second = [each for each in pipeline.steps if each.name == name][1]
            yield Problem(
                f"{count} steps are called {name!r}.",
                "Give each step a name of its own.",
                second.at or name,
            )


def _double_data(pipeline: Pipeline) -> Iterator[Problem]:
    for step in pipeline.steps:
        # An input that is there already is checked with the step's own data.
        read = (each for each in step.run.inputs if each.name in step.reads)
        for name in names_of_both(read, step.run.outputs):
            yield Problem(
                f"An input and an output of step {step.name!r} are both called {name!r}.",
                "Give one of them another name.",
                step.at or step.name,
            )


def _missing_steps(pipeline: Pipeline) -> Iterator[Problem]:
    known = dict.fromkeys(each.name for each in pipeline.steps)
    for step in pipeline.steps:
        for name in step.upstream:
            if name not in known:
                yield Problem(
                    f"Step {step.name!r} waits for step {name!r}, which the pipeline does not"
                    " have.",
                    nearest(name, known, noun="step"),
                    step.at or step.name,
                )


def _missing_outputs(pipeline: Pipeline) -> Iterator[Problem]:
    made = {each.name: [output.name for output in each.run.outputs] for each in pipeline.steps}
    read = [
        (f"Input {name!r} of step {step.name!r}", source, step.at or step.name)
        for step in pipeline.steps
        for name, source in step.reads.items()
    ]
    read += [
        (f"Output {name!r} of the pipeline", source, pipeline.at)
        for name, source in pipeline.outputs.items()
    ]
    for what, source, at in read:
        outputs = made.get(source.step)
        if outputs is not None and source.output not in outputs:
            hint = (
                nearest(source.output, dict.fromkeys(outputs), noun="output")
                if outputs
                else f"Give step {source.step!r} an output."
            )
            yield Problem(
                f"{what} is output {source.output!r} of step {source.step!r}, which does not"
                " have it.",
                hint,
                at,
            )


def _same_place(pipeline: Pipeline) -> Iterator[Problem]:
    """Two steps that write to one path on a datastore would mix their files."""
    placed: dict[tuple[str | None, str], Step] = {}
    for step in pipeline.steps:
        for output in step.run.outputs:
            place = output.location
            if place is None or not place.path.strip("/") or "{run-id}" in place.path:
                continue
            path = f"{place.path}/{output.file}" if output.file else place.path
            before = placed.setdefault((place.datastore, path.rstrip("/")), step)
            if before is not step:
                yield Problem(
                    f"Steps {before.name!r} and {step.name!r} both write to {path!r} on the"
                    " same datastore.",
                    "Give one of them another path.",
                    step.at or step.name,
                )
