"""How ``mpirun`` starts its daemons on other nodes without ssh: through the agents there.

``mpirun`` calls ``aml_agent reach`` in the place of ``ssh``. That asks the first node's agent
(``peers``), which passes the command to ``aml_agent daemon`` on the node, a child of its agent.
"""

from __future__ import annotations

import json
import os
import pwd
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from runtime.agent.documents import JsonObject
from runtime.agent.peers import PEERS_VARIABLE

_PAUSE_S = 0.2
_CONNECT_S = 10.0
_FAILED = 1


def run_reach(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """``reach ADDRESS PORT HOST COMMAND…``: have a command started at a host, as ssh would."""
    address, port, host, *command = arguments
    hello = {"reach": host, "command": " ".join(command)}
    with _connected(address, int(port)) as link:
        answer = _asked(link, hello, environ)
    if answer is None:
        os.write(2, f"The agent of {host} did not start what mpirun needs there.\n".encode())
        return _FAILED
    return 0


def run_daemon(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """``daemon ADDRESS PORT NODE``: become the command that ``mpirun`` wants on this node.

    Returns if there is none before the first node's agent ends.
    """
    address, port, node = arguments
    while True:
        try:
            link = _connected(address, int(port))
        except OSError:
            time.sleep(_PAUSE_S)  # whoever supervises this process knows for how long
            continue
        with link:
            answer = _asked(link, {"daemon": int(node)}, environ)
        break
    if answer is None:
        return 0
    variables = {name: value for name, value in environ.items() if name != PEERS_VARIABLE}
    shell = _shell()
    try:
        os.execve(shell, [shell, "-c", str(answer["command"])], variables)
    except OSError as error:
        os.write(2, f"{shell} cannot be started: {error.strerror}\n".encode())
    return _FAILED


def _connected(address: str, port: int) -> socket.socket:
    link = socket.create_connection((address, port), _CONNECT_S)
    link.settimeout(None)
    return link


def _asked(link: socket.socket, hello: JsonObject, environ: Mapping[str, str]) -> JsonObject | None:
    """Say who this is, and return the answer; ``None`` without one."""
    token = {"token": environ.get(PEERS_VARIABLE, "")}
    with suppress(OSError, ValueError), link.makefile("rw", encoding="utf-8") as stream:
        stream.write(json.dumps({**token, **hello}) + "\n")
        stream.flush()
        answer: JsonObject = json.loads(stream.readline())
        return answer
    return None


def _shell() -> str:
    """Return the user's shell, whose syntax ``mpirun`` takes for granted on all nodes."""
    with suppress(KeyError):
        shell = pwd.getpwuid(os.getuid()).pw_shell
        if os.access(shell, os.X_OK):
            return shell
    return "/bin/sh"
