"""Numbers as people give them, of Python's kinds or NumPy's: anything else is refused by name."""

import math
from numbers import Integral, Real

from runtime.api.exceptions import UserErrorException

__all__: list[str] = []


def whole(name: str, value: object) -> int:
    """Return a whole number. Raises ``UserErrorException`` for what is none, such as a text."""
    if isinstance(value, Integral | float) and not isinstance(value, bool) and value % 1 == 0:
        return int(value)
    raise UserErrorException(
        f"{name} is {value!r}, which is no whole number.", remedy="Give a whole number."
    )


def number(name: str, value: object) -> float:
    """Return a number. Raises ``UserErrorException`` for what is none, and for infinite ones."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise UserErrorException(
            f"{name} is {value!r}, which is no number.", remedy="Give a number."
        )
    return int(value) if isinstance(value, Integral) else float(value)
