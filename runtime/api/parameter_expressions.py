"""The expressions of a search space, as in azureml-train-core: values, or a range of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from runtime.api.exceptions import UserErrorException
from runtime.api.given_numbers import number, whole

__all__ = [
    "ParameterExpression",
    "choice",
    "lognormal",
    "loguniform",
    "normal",
    "qlognormal",
    "qloguniform",
    "qnormal",
    "quniform",
    "randint",
    "uniform",
]


@dataclass(frozen=True, slots=True)
class ParameterExpression:
    """One expression: its name and its arguments. ``choice`` has its values as arguments."""

    kind: str
    arguments: tuple[object, ...]

    def __repr__(self) -> str:
        return f"{self.kind}({', '.join(map(repr, self.arguments))})"


def choice(*options: object) -> ParameterExpression:
    """Return one of several values; a single list or range is its items."""
    values = options
    if len(options) == 1:
        first = options[0]
        plain = getattr(first, "tolist", None)  # of an array
        listed = plain() if callable(plain) else first
        if isinstance(listed, list | tuple | range):
            values = tuple(listed)
    if not values:
        raise UserErrorException("choice has no values.", remedy="Give at least one.")
    return ParameterExpression("choice", values)


def randint(upper: int) -> ParameterExpression:
    """Return a whole number from 0 to ``upper``, which is not among them."""
    upper = whole("The upper bound of randint", upper)
    if upper < 1:
        raise UserErrorException(
            f"randint has the upper bound {upper!r}.", remedy="Give a whole number above 0."
        )
    return ParameterExpression("randint", (upper,))


def uniform(min_value: float, max_value: float) -> ParameterExpression:
    """Return a number between the two."""
    return _range("uniform", min_value, max_value)


def quniform(min_value: float, max_value: float, q: float) -> ParameterExpression:
    """Return a multiple of ``q``, next to a number between the two."""
    return _range("quniform", min_value, max_value, q)


def loguniform(min_value: float, max_value: float) -> ParameterExpression:
    """Return exp of a number between the two: the bounds are logarithms."""
    return _range("loguniform", min_value, max_value)


def qloguniform(min_value: float, max_value: float, q: float) -> ParameterExpression:
    """Return a multiple of ``q``, next to exp of a number between the two."""
    return _range("qloguniform", min_value, max_value, q)


def normal(mu: float, sigma: float) -> ParameterExpression:
    """Return a number of the normal distribution."""
    return _normal("normal", mu, sigma)


def qnormal(mu: float, sigma: float, q: float) -> ParameterExpression:
    """Return a multiple of ``q``, next to a number of the normal distribution."""
    return _normal("qnormal", mu, sigma, q)


def lognormal(mu: float, sigma: float) -> ParameterExpression:
    """Return exp of a number of the normal distribution."""
    return _normal("lognormal", mu, sigma)


def qlognormal(mu: float, sigma: float, q: float) -> ParameterExpression:
    """Return a multiple of ``q``, next to exp of a number of the normal distribution."""
    return _normal("qlognormal", mu, sigma, q)


def _range(kind: str, low: float, high: float, *steps: float) -> ParameterExpression:
    low, high, *more = (number(f"A value of {kind}", each) for each in (low, high, *steps))
    if low >= high:
        raise UserErrorException(
            f"{kind} goes from {low} to {high}.", remedy="The first bound is the smaller one."
        )
    return _checked(kind, (low, high, *more), more)


def _normal(kind: str, mu: float, sigma: float, *steps: float) -> ParameterExpression:
    mu, sigma, *more = (number(f"A value of {kind}", each) for each in (mu, sigma, *steps))
    if sigma < 0:
        raise UserErrorException(f"{kind} has sigma {sigma}.", remedy="Give 0 or more.")
    return _checked(kind, (mu, sigma, *more), more)


def _checked(kind: str, arguments: Sequence[float], steps: Sequence[float]) -> ParameterExpression:
    if any(q <= 0 for q in steps):
        raise UserErrorException(f"{kind} has the step {steps[0]}.", remedy="Give more than 0.")
    if kind == "quniform" and not float(steps[0]).is_integer():
        raise UserErrorException(
            f"quniform has the step {steps[0]}; HyperDrive takes whole ones.",
            remedy="Give a whole number, or the values themselves: `choice(0.5, 1.0, 1.5)`.",
        )
    return ParameterExpression(kind, tuple(arguments))
