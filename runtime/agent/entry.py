"""The agent as a program: ``run`` around a script, and what a carrier asks of a run's folder.

``start FOLDER`` reads ``{"arguments": […], "variables": {…}}`` from standard input. ``hold FOLDER``
is the one process of a container (``detached``). ``serve FOLDER`` answers a carrier's requests over
one connection (``serving``). The other commands are those of ``beside``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.agent import beside, detached
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


def _hold(folder: Path, _: Sequence[str]) -> int:
    return detached.hold(folder, agent)


def _serve(root: Path, _: Sequence[str]) -> int:
    Server(root, agent, sys.stdin.buffer, sys.stdout.buffer).serve()
    return 0


COMMANDS: dict[str, Callable[[Path, Sequence[str]], int]] = {
    "start": _start,
    "hold": _hold,
    "serve": _serve,
    **beside.COMMANDS,
}
