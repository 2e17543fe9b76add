"""The studio as a server: on a port of this machine, until it is stopped.

``<home>/studio.json``, which only its user can read, says where it listens and how another link is
asked of it.
"""

import ipaddress
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Final

import httpx
import uvicorn

from infra.contract.cloud_console import CloudConsole
from infra.contract.errors import PlatformError, UsageError
from infra.contract.private import private_file, private_folder
from infra.contract.stack_console import StackConsole
from runtime.studio.access import Access
from runtime.studio.app import application
from runtime.studio.guard import ENTRANCE, LINKS
from runtime.studio.http_protocol import StudioProtocol
from runtime.studio.site import Site
from runtime.submit.session import ProjectSession

PORT: Final = 8787
_LOOPBACK: Final = "127.0.0.1"
_NAMES: Final = (_LOOPBACK, "localhost")
_FILE: Final = "studio.json"
_ASKING_S: Final = 2.0
_GRACE_S: Final = 1


class PortTakenError(PlatformError):
    """Another program listens on the port."""

    summary: ClassVar[str] = "Port in use"
    exit_code: ClassVar[int] = 3


class OtherStudioError(PlatformError):
    """The studio that runs for a project is not the one that was asked for."""

    summary: ClassVar[str] = "Another studio runs"
    exit_code: ClassVar[int] = 3


_IS: Final[Mapping[str, str]] = {
    "stack": "shows stack {}",
    "read_only": "is not read-only",
    "port": "is on port {}",
    "host": "listens on {}",
    "names": "does not have all of these names",
}
"""What can be asked of a studio, and what one that runs is instead."""


def _no_console() -> StackConsole:
    raise UsageError("This studio shows runs alone.", remedy="Start it with `aml studio`.")


def _no_cloud() -> CloudConsole:
    raise UsageError("This studio shows runs alone.", remedy="Start it with `aml studio`.")


class Studio:
    """One studio. ``host`` is what it listens on, ``names`` what else it is called by.

    ``background`` is another session of the same stack, in which targets are asked. ``console``
    and ``cloud`` are asked for when a page needs them, and raise why there is none.
    """

    def __init__(
        self,
        session: ProjectSession,
        background: ProjectSession,
        *,
        host: str = _LOOPBACK,
        port: int | None = None,
        names: Sequence[str] = (),
        read_only: bool = False,
        console: Callable[[], StackConsole] = _no_console,
        cloud: Callable[[], CloudConsole] = _no_cloud,
    ) -> None:
        """Listen. ``port`` ``None``: 8787, or one that is free; raises ``PortTakenError``."""
        self._file = session.home / _FILE
        self._facts = {
            "host": host,
            "names": list(names),
            "read_only": read_only,
            "stack": session.stack,
        }
        self._socket = _listening(host, port)
        self.port = int(self._socket.getsockname()[1])
        own = [] if _is_everywhere(host) else [host]
        called = {_authority(name, self.port) for name in (*_NAMES, *names, *own)}
        self.access = Access(called, read_only=read_only)
        self.address = f"http://{_authority([*names, *own, _LOOPBACK][0], self.port)}"
        config = uvicorn.Config(
            application(Site(session, background, self.access, console, cloud)),
            http=StudioProtocol,
            ws="none",
            log_config=None,
            log_level="error",  # warnings are of requests that are no HTTP: those are answered
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = uvicorn.Server(config)

    def link(self) -> str:
        """Return an address that begins a session, once."""
        return f"{self.address}{ENTRANCE}?token={self.access.new_link()}"

    def serve(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        private_folder(self._file.parent)
        own = {"address": self.address, "port": self.port, "key": self.access.key}
        content = json.dumps({**self._facts, **own, "pid": os.getpid()})
        private_file(self._file).write_text(content, encoding="utf-8")
        try:
            with suppress(KeyboardInterrupt):  # uvicorn raises it again once it has stopped
                self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()
            self._file.unlink(missing_ok=True)

    def stop(self) -> None:
        """End ``serve`` in another thread."""
        self._server.should_exit = True


def link_of_running(home: Path, asked: Mapping[str, object]) -> str | None:
    """Return a new link of the studio that runs for this home, ``None`` if none answers.

    ``asked`` is what it has to be: ``stack``, ``read_only``, ``port``, ``host``, ``names``. Raises
    ``OtherStudioError`` for one that is not.
    """
    try:
        known = json.loads((home / _FILE).read_text(encoding="utf-8"))
        host = _LOOPBACK if _is_everywhere(known["host"]) else known["host"]
        answer = httpx.post(
            f"http://{_authority(host, int(known['port']))}{LINKS}",
            headers={"Authorization": f"Bearer {known['key']}"},
            timeout=_ASKING_S,
            trust_env=False,
        ).raise_for_status()
    except (OSError, httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    others = [_IS[key].format(known.get(key)) for key in asked if not _has(known, asked, key)]
    if others:
        raise OtherStudioError(
            f"The studio that runs for this project {' and '.join(others)}.",
            remedy=f"End it with Ctrl-C where it runs, or with `kill {known['pid']}`, and start"
            " this one again.",
        )
    return f"{known['address']}{ENTRANCE}?token={answer.text}"


def _has(known: Mapping[str, object], asked: Mapping[str, object], key: str) -> bool:
    value, has = asked[key], known.get(key)
    if isinstance(value, Sequence) and isinstance(has, Sequence) and not isinstance(value, str):
        return set(value) <= set(has)
    return value == has


def _is_everywhere(host: str) -> bool:
    """Return whether a host is all of this machine's addresses, which is no name of it."""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_unspecified
    return False


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listening(host: str, port: int | None) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in (PORT, 0) if port is None else (port,):
        # asyncio sets TCP_NODELAY only on sockets with an explicit protocol; else 40 ms a response.
        server = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((host, candidate))
            server.listen()
        except OSError as error:
            server.close()
            if port is None and candidate:
                continue
            raise PortTakenError(
                f"The studio cannot listen on {host}:{candidate}: {error.strerror}.",
                remedy="Give another --port, or leave it out.",
            ) from error
        return server
    raise UsageError("No port is free.", remedy="Give one with --port.")
