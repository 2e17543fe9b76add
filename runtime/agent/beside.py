"""The commands of the agent that a carrier, or a person, gives beside a run.

``follow FOLDER`` reads the bytes that the reader has by file from standard input, unless they are
its next argument; ``cancel FOLDER``, ``clear FOLDER RUN_ID`` and ``started FOLDER`` read nothing.
See ``detached``. ``enter FOLDER [COMMAND…]`` and ``connect FOLDER PORT`` use standard input and
output; see ``entering``. They import no more than they need, as some are started often.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from runtime.agent import detached, entering
from runtime.agent.relay_channel import RelayChannel


def main(arguments: Sequence[str]) -> int:
    """Run one of ``COMMANDS`` and return its exit code."""
    return COMMANDS[arguments[0]](Path(arguments[1]), arguments[2:])


def _follow(folder: Path, rest: Sequence[str]) -> int:
    have = json.loads(rest[0]) if rest else json.load(sys.stdin)
    detached.write_frames(detached.follow(folder, have), sys.stdout.buffer)
    return 0


def _enter(folder: Path, command: Sequence[str]) -> int:
    return entering.enter(folder, command, os.environ)


def _connect(_: Path, rest: Sequence[str]) -> int:
    return entering.connect(rest[0])


def _cancel(folder: Path, _: Sequence[str]) -> int:
    detached.cancel(folder)
    return 0


def _clear(folder: Path, rest: Sequence[str]) -> int:
    detached.clear(folder, rest[0])
    return 0


def _started(folder: Path, _: Sequence[str]) -> int:
    return 0 if detached.started(folder) else 1


def _relay(folder: Path, _: Sequence[str]) -> int:
    RelayChannel(folder, sys.stdin.buffer, sys.stdout.buffer).serve()
    return 0


COMMANDS: dict[str, Callable[[Path, Sequence[str]], int]] = {
    "follow": _follow,
    "enter": _enter,
    "connect": _connect,
    "cancel": _cancel,
    "clear": _clear,
    "started": _started,
    "relay": _relay,
}
