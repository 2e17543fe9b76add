"""Whether machines can be used, asked here before a run of them is stored.

A login is a second's work at some distance. After one that went well, a machine is only asked
whether it answers, for ten minutes: what has changed meanwhile is found by the run.
"""

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from infra.contract.load import load
from infra.contract.private import private_file, private_folder
from runtime.targets.gpus import too_few
from runtime.targets.ssh_machine import Machine, MachineError, all_of, no_answer

_FRESH_S: Final = 600.0
_ANSWER_S: Final = 5.0
_CONNECT: Final = "runtime.targets.ssh_connection:connect"
_SESSION: Final = "runtime.targets.ssh_session:Session"
_ENGINE: Final = "runtime.targets.ssh_docker_place:require_engine"


def require_usable(
    machines: Sequence[Machine], home: Path, *, docker: bool = False, gpus: int = 0
) -> None:
    """Raise ``PlatformError`` with each machine that does not answer or accept the login.

    With ``docker``, also for one whose docker engine cannot be used; with ``gpus``, for one that
    has fewer.
    """

    def problem(machine: Machine) -> PlatformError | None:
        try:
            _require(machine, home, docker=docker)
            if gpus:
                _require_gpus(machine, home, gpus)
        except PlatformError as error:
            return error
        return None

    with ThreadPoolExecutor(len(machines)) as pool:
        found = [error for error in pool.map(problem, machines) if error is not None]
    if found:
        raise all_of(found)


def _require(machine: Machine, home: Path, *, docker: bool) -> None:
    mark = _mark(machine, home, docker=docker)
    if _is_fresh(mark):
        _knock(machine)
        return
    if docker:
        engine: Callable[[Machine, Path], None] = load(_ENGINE, extra="docker,ssh")
        engine(machine, home)
    else:
        load(_CONNECT, extra="ssh")(machine, home.parent, os.environ).close()
    private_folder(mark.parent)
    private_file(mark).touch()


def _require_gpus(machine: Machine, home: Path, count: int) -> None:
    """Raise ``MachineError`` if a machine has fewer GPUs, as its `nvidia-smi` lists them."""
    connection = load(_CONNECT, extra="ssh")(machine, home.parent, os.environ)
    try:
        found = int(load(_SESSION)(connection).answer("gpus")["gpus"])
    finally:
        connection.close()
    if found < count:
        raise MachineError(
            too_few(count, f"machine {machine.target!r}", found),
            remedy="Look at `nvidia-smi` there, choose another target, or ask for fewer.",
        )


def _mark(machine: Machine, home: Path, *, docker: bool) -> Path:
    """Return the file whose time says when the machine, as it is described, was used last."""
    text = json.dumps([machine.settings(), docker], sort_keys=True)
    return home / "machines" / hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_fresh(mark: Path) -> bool:
    with suppress(FileNotFoundError):
        return 0 <= time.time() - mark.stat().st_mtime < _FRESH_S
    return False


def _knock(machine: Machine) -> None:
    try:
        socket.create_connection((machine.address, machine.port), _ANSWER_S).close()
    except TimeoutError:
        raise no_answer(machine, f"nothing came back within {_ANSWER_S:.0f} s") from None
    except OSError as error:
        raise no_answer(machine, error.strerror or str(error)) from None
