"""The ten expressions of a search space, and the value each takes. Pure.

A value is a function of a number in [0, 1), so every way of sampling draws the same distributions:
random numbers, a low-discrepancy sequence, or what an optimiser proposes.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final, TypeAlias

Value: TypeAlias = "str | int | float | bool | list[Value] | dict[str, Value] | None"
"""What a parameter can be: a JSON value."""
Assignment: TypeAlias = Mapping[str, Value]
"""The values of one child, by parameter."""
_OPEN: Final = 2.0**-53
"""How far a draw stays from 0 and 1, where the normal distribution has no value."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression: ``choice`` with its values as arguments, the others with numbers."""

    kind: str
    arguments: tuple[Value, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The arguments of any expression but ``choice``."""
        return tuple(each for each in self.arguments if isinstance(each, int | float))


Space: TypeAlias = Mapping[str, Expression]
"""The expressions by parameter, in the order they were declared."""


def rounded(value: float, step: float) -> float:
    """Return the multiple of ``step`` next to a value.

    Halves go to the even multiple, as Python rounds; the service does not say.
    """
    return round(value / step) * step


def _normal(u: float, mu: float, sigma: float) -> float:
    if sigma == 0:
        return mu
    return NormalDist(mu, sigma).inv_cdf(min(max(u, _OPEN), 1 - _OPEN))


def _uniform(u: float, low: float, high: float) -> float:
    return low + u * (high - low)


@dataclass(frozen=True, slots=True)
class Form:
    """What an expression takes, as the service names it, and its value at ``u``."""

    names: tuple[str, ...]
    at: Callable[..., float]


_RANGE: Final = ("min_value", "max_value")
_BELL: Final = ("mu", "sigma")
FORMS: Final[Mapping[str, Form]] = {
    "randint": Form(("upper",), lambda u, upper: min(int(u * upper), upper - 1)),
    "uniform": Form(_RANGE, _uniform),
    "quniform": Form((*_RANGE, "q"), lambda u, a, b, q: rounded(_uniform(u, a, b), q)),
    "loguniform": Form(_RANGE, lambda u, a, b: math.exp(_uniform(u, a, b))),
    "qloguniform": Form((*_RANGE, "q"), lambda u, a, b, q: rounded(math.exp(_uniform(u, a, b)), q)),
    "normal": Form(_BELL, _normal),
    "qnormal": Form((*_BELL, "q"), lambda u, mu, sigma, q: rounded(_normal(u, mu, sigma), q)),
    "lognormal": Form(_BELL, lambda u, mu, sigma: math.exp(_normal(u, mu, sigma))),
    "qlognormal": Form(
        (*_BELL, "q"), lambda u, mu, sigma, q: rounded(math.exp(_normal(u, mu, sigma)), q)
    ),
}
"""The expressions other than ``choice``. The bounds of ``loguniform`` are logarithms."""
EXPRESSIONS: Final = ("choice", *FORMS)


def value_at(expression: Expression, u: float) -> Value:
    """Return the value of an expression where ``u``, in [0, 1), is its share of the draws."""
    if expression.kind == "choice":
        count = len(expression.arguments)
        return expression.arguments[min(int(u * count), count - 1)]
    return FORMS[expression.kind].at(u, *expression.numbers)


def problem(expression: Expression) -> str:
    """Return why an expression cannot be drawn, ``""`` if it can."""
    kind, given = expression.kind, expression.arguments
    if kind == "choice":
        return "" if given else "choice has no values."
    names = FORMS[kind].names
    if len(given) != len(names):
        return f"{kind} takes {len(names)} values ({', '.join(names)}), not {len(given)}."
    wrong = [each for each in given if not _is_number(each)]
    if wrong:
        return f"{kind} takes numbers, not {wrong[0]!r}."
    values = dict(zip(names, expression.numbers, strict=True))
    upper = values.get("upper", 1)
    rows = (
        ("upper" not in values or (upper >= 1 and float(upper).is_integer()),
         f"{kind} has the upper bound {upper}; it is a whole number above 0."),
        ("min_value" not in values or values["min_value"] < values.get("max_value", 0),
         f"{kind} goes from {values.get('min_value')} to {values.get('max_value')}; it goes up."),
        (values.get("sigma", 0) >= 0, f"{kind} has sigma {values.get('sigma')}; it is 0 or more."),
        (values.get("q", 1) > 0, f"{kind} has the step {values.get('q')}; it is above 0."),
    )  # fmt: skip
    found = next((text for holds, text in rows if not holds), "")
    return found or ("" if _is_bounded(expression) else _too_large(expression))


def _is_bounded(expression: Expression) -> bool:
    """Return whether every draw is a number; values go up with ``u``, so the ends tell."""
    try:
        ends = [FORMS[expression.kind].at(u, *expression.numbers) for u in (0.0, 0.5, 1 - _OPEN)]
    except OverflowError:
        return False
    return all(map(math.isfinite, ends))


def _too_large(expression: Expression) -> str:
    given = ", ".join(map(str, expression.arguments))
    hint = "; its values are logarithms" if "log" in expression.kind else ""
    return f"{expression.kind}({given}) draws numbers that are too large{hint}."


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def flattened(values: Sequence[Value]) -> tuple[Value, ...]:
    """Return the values of a choice; a single list is its items."""
    if len(values) == 1 and isinstance(values[0], list):
        return tuple(values[0])
    return tuple(values)


def value_text(value: Value) -> str:
    """Return a value as a script is given it on its command line."""
    return json.dumps(value) if isinstance(value, list | dict) else str(value)


def argument_name(name: str) -> str:
    """Return a parameter as an argument: a bare name gets two dashes."""
    return name if name.startswith("-") else f"--{name}"


def arguments_of(assignment: Assignment) -> tuple[str, ...]:
    """Return the arguments that a script is given after its own, in the order of the values."""
    pairs = ((argument_name(name), value_text(value)) for name, value in assignment.items())
    return tuple(word for pair in pairs for word in pair)


def bare(name: str) -> str:
    """Return a parameter's name without its dashes, by which names are compared."""
    return name.lstrip("-")


def name_problems(space: Space) -> list[str]:
    """Return the names that no script can be given: empty ones, and the same one twice."""
    problems, known = list[str](), dict[str, str]()
    for name in space:
        if not bare(name):
            problems.append(f"{name!r} is no name of a parameter.")
        before = known.setdefault(bare(name), name)
        if before != name:
            problems.append(f"{name} is the same parameter as {before}: one argument, twice.")
    return problems


def fixed_twice(arguments: Sequence[str], space: Space) -> list[str]:
    """Return the arguments of a run that its search space has, too."""
    names = {bare(name) for name in space}
    return [
        word for word in arguments if word.startswith("-") and bare(word.partition("=")[0]) in names
    ]
