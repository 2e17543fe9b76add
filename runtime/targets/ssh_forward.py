"""A socket of this machine that leads to one of a machine: each connection is a channel of ssh.

For a client that speaks to a docker engine. The connection is dialed again when it is lost.
"""

import os
import select
import socket
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.contract.errors import PlatformError
from runtime.targets.ssh_connection import Beside, connect
from runtime.targets.ssh_machine import Machine
from runtime.targets.ssh_session import Session

ENGINE: Final = "/var/run/docker.sock"
_UNIX: Final = "unix://"
_LOOK_EVERY_S: Final = 0.1
_BLOCK_BYTES: Final = 1 << 16


class EngineForward:
    """Forwards ``path`` to the socket of the machine's docker engine.

    ``reason`` is why the last connection was not made.
    """

    def __init__(self, machine: Machine, home: Path) -> None:
        self._machine = machine
        self._home = home
        self._folder = tempfile.TemporaryDirectory(prefix="aml-docker-")
        self._dialing = threading.Lock()
        self._session: Session | None = None
        self._listening: socket.socket | None = None
        self.path = f"{self._folder.name}/docker.sock"
        self.reason = ""

    def open(self) -> None:
        """Log in, and listen. Raises what ``connect`` does."""
        self._dialed()
        if self._listening is None:
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(self.path)
            self._listening.listen()
            threading.Thread(target=self._accept, args=[self._listening], daemon=True).start()

    def close(self) -> None:
        """Stop, and close the connection. Closing twice does nothing."""
        if self._listening is not None:
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        if self._session is not None:
            self._session.disconnect()
        self._listening = self._session = None
        self._folder.cleanup()

    def _dialed(self) -> Session:
        with self._dialing:
            if self._session is None or not self._session.alive:
                connection = connect(self._machine, self._home.parent, os.environ)
                self._session = Session(connection)
            return self._session

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                here, _ = listening.accept()
                threading.Thread(target=self._forward, args=[here], daemon=True).start()

    def _forward(self, here: socket.socket) -> None:
        with here:
            try:
                session = self._dialed()
                host = str(session.facts["variables"].get("DOCKER_HOST", ""))
                place = host.removeprefix(_UNIX) if host.startswith(_UNIX) else ENGINE
                there = session.beside(["connect", ".", place], None)
            except PlatformError as error:
                self.reason = error.detail
                return
            try:
                self._copy(here, there)
            finally:
                there.close()

    def _copy(self, here: socket.socket, there: Beside) -> None:
        reads: list[socket.socket | Beside] = [here, there]
        with suppress(OSError, PlatformError):
            while True:
                # Whichever has something; the channel is looked at in any case.
                ready = select.select(reads, [], [], _LOOK_EVERY_S)[0]
                if here in ready:
                    content = here.recv(_BLOCK_BYTES)
                    if content:
                        there.write(content)
                    else:
                        there.end_input()
                        reads.remove(here)
                outputs = there.read(0)
                if outputs is None:
                    return
                for each in outputs:
                    if each.is_error:
                        self.reason = each.content.decode(errors="replace").strip()
                    else:
                        here.sendall(each.content)
