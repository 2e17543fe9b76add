"""Reads the HyperDrive file of `az ml run submit-hyperdrive`, with every problem and its line."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.contract.errors import UnknownNameError, UsageError
from infra.contract.load import nearest
from runtime.definitions.keys import Key, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import Problems
from runtime.definitions.reading import read_file
from runtime.sweeps.space import EXPRESSIONS, Expression, Space, Value, flattened, problem
from runtime.sweeps.sweep import (
    GOALS,
    LONGEST_S,
    NO_METRIC,
    NO_PARAMETERS,
    SAMPLINGS,
    Policy,
    Sweep,
)

_SUFFIXES: Final = (".yml", ".yaml", ".json", ".runconfig")
_SKIPPED: Final = frozenset({".git", ".aml", ".venv", "node_modules", "__pycache__"})
_NOUN: Final = "a HyperDrive configuration"
_POLICIES: Final[Mapping[str, str]] = {
    "banditpolicy": "bandit",
    "medianstoppingpolicy": "median_stopping",
    "truncationselectionpolicy": "truncation_selection",
    "noterminationpolicy": "",
}
_SPELLED: Final = (
    *("BanditPolicy", "MedianStoppingPolicy", "TruncationSelectionPolicy", "NoTerminationPolicy"),
)

KEYS: Final = (
    Key("sampling", "map", "How values are chosen."),
    Key("sampling.type", "text", "`random`, `grid` or `bayesian`."),
    Key("sampling.parameter_space", "list", "The parameters: name, expression, values."),
    Key("sampling.seed", "whole number", "What every draw depends on. An addition of ours."),
    Key("policy", "map", "When a run is stopped early; none without it."),
    Key("policy.type", "text", f"{', '.join(_SPELLED)}."),
    Key("policy.evaluation_interval", "whole number", "How often it is applied."),
    Key("policy.delay_evaluation", "whole number", "When it is first applied."),
    Key("policy.slack_factor", "number", "Of a bandit policy."),
    Key("policy.slack_amount", "number", "Of a bandit policy."),
    Key("policy.truncation_percentage", "whole number", "Of truncation selection."),
    Key("primary_metric_name", "text", "The metric that the script logs."),
    Key("primary_metric_goal", "text", "`Maximize` or `Minimize`."),
    Key("max_total_runs", "whole number", "1 to 1000."),
    Key("max_concurrent_runs", "whole number", "1 to 100; as many as in total without it."),
    Key("max_duration_minutes", "number", "1 to 10080, which is also the default."),
)
"""The keys of the file."""


def find_hdconfig(name: str, project: Path) -> Path:
    """Return the file that a name means: a path, else the one file whose name ends with it.

    Files of the project folder and all folders below are looked at. One whose name is exactly the
    given one comes first. Raises ``UnknownNameError`` without one, ``UsageError`` for several.
    """
    for place in (Path(name), project / name):
        if place.is_file():
            return place
    found = [file for file in _files(project) if file.name.endswith(name)]
    exact = [file for file in found if file.name == name]
    meant = exact or found
    if not meant:
        known = [str(file.relative_to(project)) for file in _files(project)]
        raise UnknownNameError(
            f"There is no HyperDrive configuration {name!r} in {project.absolute()}.",
            remedy=nearest(name, dict.fromkeys(known), noun="file"),
        )
    if len(meant) > 1:
        listed = ", ".join(str(file.relative_to(project)) for file in meant)
        raise UsageError(
            f"Several files end with {name!r}: {listed}.", remedy="Give the path of one of them."
        )
    return meant[0]


def _files(project: Path) -> list[Path]:
    found = []
    for folder, below, names in os.walk(project):
        below[:] = sorted(set(below) - _SKIPPED)
        found += [Path(folder, each) for each in sorted(names) if each.endswith(_SUFFIXES)]
    return found


def read_hdconfig(file: Path) -> Sweep:
    """Read a file. Raises ``DefinitionError`` with every problem."""
    problems = Problems(file)
    document = read_file(file, problems)
    if document is None or not document.is_map:
        problems.at_line(1, "It is not a map of keys and values.", "Write `sampling: …`.")
        problems.raise_any()
        raise AssertionError("there is a problem, the last one added")
    check_keys(document, KEYS, problems, noun=_NOUN)
    sweep = _Reading(document, problems).sweep()
    # What is missing, and what is wrong with the policy, is reported already.
    known = {NO_PARAMETERS, NO_METRIC, *(sweep.policy.problems() if sweep.policy else ())}
    for each in sweep.problems():
        if not problems.found or each not in known:
            problems.at_line(_line_of(document, each), each, "Correct it.")
    problems.raise_any()
    return sweep


class _Reading:
    def __init__(self, document: Located, problems: Problems) -> None:
        self._document = document
        self._problems = problems

    def sweep(self) -> Sweep:
        """Return the sweep; problems are added, and what they concern is left at its default."""
        total = self._whole("max_total_runs", None)
        minutes = self._document.get("max_duration_minutes")
        seed = self._document.get("sampling", "seed")
        return Sweep(
            space=self._space(),
            sampling=self._word("sampling.type", dict.fromkeys(SAMPLINGS), "random"),
            metric=self._text("primary_metric_name"),
            goal=GOALS[self._word("primary_metric_goal", GOALS, "maximize")],
            max_total=total,
            max_concurrent=self._whole("max_concurrent_runs", total),
            max_duration_s=LONGEST_S if minutes is None else round(float(_number(minutes)) * 60),
            policy=self._policy(),
            seed=int(_number(seed)) if seed is not None else None,
        )

    def _space(self) -> Space:
        given = self._document.get("sampling", "parameter_space")
        space: dict[str, Expression] = {}
        if given is None or not given.items:
            line = given.line if given else 1
            self._problems.at_line(
                line, "It has no parameters.", "Write `sampling: {parameter_space: [{name: …}]}`."
            )
            return space
        for each in given.items:
            name, kind, values = (each.get(key) for key in ("name", "expression", "values"))
            if name is None or kind is None or values is None or not values.is_list:
                what = "A parameter needs a name, an expression and a list of values."
                self._problems.at_line(
                    each.line, what, "Write `{name: --x, expression: choice, values: [1, 2]}`."
                )
                continue
            if name.text in space:
                what = f"The parameter {name.text!r} appears twice."
                self._problems.at_line(name.line, what, "Remove one of them.")
            space[name.text] = self._expression(kind, values)
        return space

    def _expression(self, kind: Located, values: Located) -> Expression:
        word = kind.text.strip().lower()
        if word not in EXPRESSIONS:
            hint = nearest(kind.text, dict.fromkeys(EXPRESSIONS), noun="expression")
            self._problems.at_line(kind.line, f"There is no expression {kind.text!r}.", hint)
            return Expression("choice", (None,))
        given = plain_values(values)
        made = Expression(word, flattened(given) if word == "choice" else given)
        why = problem(made) or _of_steps(made)
        if why:
            self._problems.at_line(values.line, why, "Correct the values.")
            return Expression("choice", (None,))
        return made

    def _policy(self) -> Policy | None:
        given = self._document.get("policy")
        kind = given.get("type") if given else None
        if given is None or kind is None:
            return None
        word = kind.text.strip().lower()
        if word not in _POLICIES:
            hint = nearest(kind.text, dict.fromkeys(_SPELLED), noun="policy")
            self._problems.at_line(kind.line, f"There is no policy {kind.text!r}.", hint)
            return None
        if not _POLICIES[word]:
            return None
        policy = policy_of(_POLICIES[word], given)
        check_policy_keys(policy.kind, given, self._problems)
        for each in policy.problems():
            self._problems.at_line(given.line, each, "Correct the policy.")
        return policy

    def _text(self, key: str) -> str:
        value = self._document.get(key)
        if value is None:
            self._problems.at_line(1, f"It has no `{key}`.", f"Write `{key}: …`.")
        return value.text if value is not None else ""

    def _word(self, path: str, known: Mapping[str, object], default: str) -> str:
        """Return a word of a table, whatever its case."""
        value = self._document.get(*path.split("."))
        if value is None:
            self._problems.at_line(1, f"It has no `{path}`.", f"Write one of: {', '.join(known)}.")
            return default
        word = value.text.strip().lower()
        if word not in known:
            hint = nearest(value.text, known, noun=path.rpartition("_")[2])
            self._problems.at_line(value.line, f"`{path}` is {value.text!r}.", hint)
            return default
        return word

    def _whole(self, key: str, default: int | None) -> int:
        value = self._document.get(key)
        if value is not None and isinstance(value.value, int):
            return value.value
        if value is None and default is None:
            self._problems.at_line(1, f"It has no `{key}`.", f"Write `{key}: N`.")
        return default or 1


def policy_of(kind: str, given: Located) -> Policy:
    """Return the policy of a map with the service's keys."""

    def number(key: str) -> float | None:
        value = given.get(key)
        return None if value is None else float(_number(value))

    return Policy(
        kind,
        int(number("evaluation_interval") or 0) if given.get("evaluation_interval") else 1,
        int(number("delay_evaluation") or 0),
        number("slack_factor"),
        number("slack_amount"),
        int(number("truncation_percentage") or 0),
        bool(exclude.value) if (exclude := given.get("exclude_finished_jobs")) else False,
    )


def check_policy_keys(kind: str, given: Located, problems: Problems) -> None:
    """Add a problem for every key that belongs to another policy: it would change nothing."""
    own = _POLICY_KEYS.get(kind, ())
    for key in (key for keys in _POLICY_KEYS.values() for key in keys if key not in own):
        value = given.get(key)
        if value is not None:
            what = f"`{key}` is no key of this policy."
            takes = f"It takes {', '.join(own)}." if own else "It takes intervals alone."
            problems.at_line(value.line, what, takes)


_POLICY_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "bandit": ("slack_factor", "slack_amount"),
    "truncation_selection": ("truncation_percentage", "exclude_finished_jobs"),
}


def plain_values(values: Located) -> tuple[Value, ...]:
    """Return the items of a list without lines."""
    return tuple(_plain(each) for each in values.items)


def _plain(value: Located) -> Value:
    if value.is_map:
        return {key: _plain(each) for key, each in value.entries.items()}
    if value.is_list:
        return [_plain(each) for each in value.items]
    return value.value if isinstance(value.value, str | int | float | bool) else None


def _of_steps(expression: Expression) -> str:
    """Return why HyperDrive would not take the step of a ``quniform``."""
    if expression.kind == "quniform" and not float(expression.numbers[2]).is_integer():
        return f"quniform has the step {expression.numbers[2]:g}; HyperDrive takes whole ones."
    return ""


def _number(value: Located) -> int | float:
    return value.value if isinstance(value.value, int | float) else 0


def _line_of(document: Located, text: str) -> int:
    """Return the line that a problem of the whole sweep is about, as far as its words tell."""
    space = document.get("sampling", "parameter_space")
    for each in space.items if space else ():
        name = each.get("name")
        if name is not None and text.startswith((f"{name.text}:", f"{name.text} ")):
            return name.line
    lines = {key: value.line for key, value in document.entries.items() if key in text}
    # What a way of sampling does not go with is to be changed, rather than the way.
    return next((line for key, line in lines.items() if key != "sampling"), 1)
