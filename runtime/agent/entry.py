"""The agent as a program: ``run`` around a script, and what a carrier asks of a run's folder.

``start FOLDER`` reads ``{"arguments": […], "variables": {…}}`` from standard input. ``hold FOLDER``
is the one process of a container (``detached``). ``serve FOLDER`` answers a carrier's requests over
one connection (``serving``). ``node FOLDER`` is the command of a service's node (``node_run``), and
``coordinate FOLDER`` what each of several nodes does before. The other commands are those of
``beside``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.agent import beside, detached, node_run
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


def _node(folder: Path, _: Sequence[str]) -> int:
    return node_run.execute(folder, os.environ, agent)


def _coordinate(folder: Path, _: Sequence[str]) -> int:
    return node_run.coordinate(folder, os.environ, agent)


COMMANDS: dict[str, Callable[[Path, Sequence[str]], int]] = {
    "start": _start,
    "hold": _hold,
    "serve": _serve,
    "node": _node,
    "coordinate": _coordinate,
    **beside.COMMANDS,
}
