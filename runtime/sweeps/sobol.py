"""The points of a Sobol sequence. Pure.

Direction numbers are those of Joe and Kuo (new-joe-kuo-6), of 21 dimensions.
"""

from collections.abc import Sequence
from functools import cache
from typing import Final

_BITS: Final = 32
# For each dimension from the second: the polynomial's coefficients, and the first numbers.
_JOE_KUO: Final = (
    (0, (1,)), (1, (1, 3)), (1, (1, 3, 1)), (2, (1, 1, 1)), (1, (1, 1, 3, 3)), (4, (1, 3, 5, 13)),
    (2, (1, 1, 5, 5, 17)), (4, (1, 1, 5, 5, 5)), (7, (1, 1, 7, 11, 19)), (11, (1, 1, 5, 1, 1)),
    (13, (1, 1, 1, 3, 11)), (14, (1, 3, 5, 5, 31)), (1, (1, 3, 3, 9, 7, 49)),
    (13, (1, 1, 1, 15, 21, 21)), (16, (1, 3, 1, 13, 27, 49)), (19, (1, 1, 1, 15, 7, 5)),
    (22, (1, 3, 1, 15, 13, 25)), (25, (1, 1, 5, 5, 19, 61)), (1, (1, 3, 7, 11, 23, 15, 103)),
    (4, (1, 3, 7, 13, 13, 15, 69)),
)  # fmt: skip


def point(number: int, shift: Sequence[int]) -> list[float]:
    """Return the point of a number, from 0, in [0, 1) for each dimension.

    ``shift`` has a number of 32 bits for each dimension, which its coordinate is shifted by.
    """
    gray = number ^ (number >> 1)
    coordinates = []
    for dimension, shifted in enumerate(shift):
        bits = shifted
        for place, direction in enumerate(_directions(dimension)):
            if gray >> place & 1:
                bits ^= direction
        coordinates.append(bits / 2**_BITS)
    return coordinates


@cache
def _directions(dimension: int) -> tuple[int, ...]:
    """Return the direction numbers of a dimension, by the recurrence of its polynomial."""
    if dimension == 0:
        return tuple(1 << (_BITS - 1 - place) for place in range(_BITS))
    coefficients, first = _JOE_KUO[dimension - 1]
    degree = len(first)
    found = [number << (_BITS - 1 - place) for place, number in enumerate(first)]
    for place in range(degree, _BITS):
        before = found[place - degree]
        number = before ^ (before >> degree)
        for step in range(1, degree):
            if coefficients >> (degree - 1 - step) & 1:
                number ^= found[place - step]
        found.append(number)
    return tuple(found)
