"""The agent as a program: ``run`` around a script, and what a carrier asks of a run's folder.

``start FOLDER`` reads ``{"arguments": […], "variables": {…}}`` from standard input, and
``follow FOLDER`` the bytes that the reader has by file; ``cancel FOLDER``,
``clear FOLDER RUN_ID`` and ``started FOLDER`` read nothing (``detached``). ``serve FOLDER`` answers
a carrier's requests over one connection (``serving``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.agent import detached
from runtime.agent.main import main as agent
from runtime.agent.serving import Server


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = COMMANDS.get(given[0]) if given else None
    if command is None:
        return agent(given)
    return command(Path(given[1]), given[2:])


def _start(folder: Path, _: Sequence[str]) -> int:
    asked = json.load(sys.stdin)
    detached.start(folder, asked["arguments"], asked["variables"], agent)
    return 0


def _follow(folder: Path, _: Sequence[str]) -> int:
    detached.write_frames(detached.follow(folder, json.load(sys.stdin)), sys.stdout.buffer)
    return 0


def _cancel(folder: Path, _: Sequence[str]) -> int:
    detached.cancel(folder)
    return 0


def _clear(folder: Path, rest: Sequence[str]) -> int:
    detached.clear(folder, rest[0])
    return 0


def _started(folder: Path, _: Sequence[str]) -> int:
    return 0 if detached.started(folder) else 1


def _serve(root: Path, _: Sequence[str]) -> int:
    Server(root, agent, sys.stdin.buffer, sys.stdout.buffer).serve()
    return 0


COMMANDS: dict[str, Callable[[Path, Sequence[str]], int]] = {
    "start": _start,
    "follow": _follow,
    "serve": _serve,
    "cancel": _cancel,
    "clear": _clear,
    "started": _started,
}
