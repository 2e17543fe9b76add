"""Processes that tests start: none outlives the test that started it, however that ends."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_STARTED: "list[subprocess.Popen[Any]]" = []


def start(command: list[str], **options: Any) -> "subprocess.Popen[Any]":
    """Start a process as ``subprocess.Popen`` does; ``ended_processes`` ends it."""
    process = subprocess.Popen(command, **options)
    _STARTED.append(process)
    return process


@contextmanager
def ended_processes() -> Iterator[None]:
    """Kill what was started in the block and still runs, and close its pipes.

    A failed test leaves them to the garbage collector, whose warnings fail other tests.
    """
    before = len(_STARTED)
    try:
        yield
    finally:
        while len(_STARTED) > before:
            _end(_STARTED.pop())


def _end(process: "subprocess.Popen[Any]") -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
