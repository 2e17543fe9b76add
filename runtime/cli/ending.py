"""How a command that serves until it is stopped ends, whatever ends it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

_ENDED: Final = 143  # by SIGTERM


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn the end of the terminal, or of this process, into an end that cleans up."""
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, _end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(_ENDED)
