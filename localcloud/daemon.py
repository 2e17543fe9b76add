"""The local cloud as a process: one for each home, on a port it keeps, until it is stopped.

``python -m localcloud.daemon --home HOME [--port PORT]``. It composes store, nodes, chain and
server, and knows nothing about requests. ``aml cloud`` and ``infra.contract.discovery`` find it
through ``<home>/cloud/discovery.json``, which exists only while it listens.
"""

import argparse
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, ClassVar, Final

import uvicorn

from infra.contract.discovery import SUBSCRIPTION, TENANT, cloud_folder
from infra.contract.errors import FileAccessError, PlatformError
from infra.contract.private import private_folder
from localcloud.calls.cloud import Cloud
from localcloud.calls.messages import Call, Reply, answer
from localcloud.calls.routes import Route
from localcloud.calls.tokens import issue
from localcloud.chain.chain import request_handlers, responder
from localcloud.chain.table import ENGINES, KINDS, ROUTES
from localcloud.http_protocol import SpellingProtocol
from localcloud.machines.machines import LocalMachines
from localcloud.nodes.scheduler import LocalNodes
from localcloud.server import application
from localcloud.store.store import Store, open_store
from localcloud.timekeeper import Timekeeper
from localcloud.tls import Certificates, certificates

_LOG: Final = logging.getLogger("localcloud")
_BACKLOG: Final = 2048
_LOG_LIMIT: Final = 10 * 1024 * 1024
_GRACE_S: Final = 1
# Longer than clients keep an idle connection, so that none sends on one that was just closed.
_KEEP_ALIVE_S: Final = 600
_HANDOVER_S: Final = 10.0
_CONTROL_S: Final = 10 * 365 * 86400  # longer than any daemon runs


class PortTakenError(PlatformError):
    """Another program listens on the cloud's port."""

    summary: ClassVar[str] = "Port in use"
    exit_code: ClassVar[int] = 3


@dataclass(slots=True)
class Daemon:
    """One running local cloud, with the endpoints that report, stop and reset it."""

    folder: Path
    cloud: Cloud
    tls: Certificates
    server: uvicorn.Server | None = None

    def status(self, _: Call) -> Reply:
        cloud = self.cloud
        return answer(
            {
                "id": cloud.id,
                "version": _version(),
                "url": cloud.url,
                "ca": str(self.tls.authority),
                "pid": os.getpid(),
                "subscription": SUBSCRIPTION,
                "tenant": TENANT,
                "port": cloud.store.port,
                "inside": cloud.inside,
            }
        )

    def shutdown(self, _: Call) -> Reply:
        if self.server is not None:
            self.server.should_exit = True
        return answer({"id": self.cloud.id, "stopping": True}, 202)

    def reset(self, _: Call) -> Reply:
        """Delete everything except the port and the certificate authority."""
        self.cloud.nodes.reset()
        self.cloud.machines.stop(forget=True)
        for engine in self.cloud.engines.values():
            engine.reset()
        self.cloud.fault_injection.clear()
        self.cloud.inside = False
        new = self.cloud.store.reset()
        for folder in self.cloud.reset_folders:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
        self.announce()
        _LOG.info("reset; the new id is %s", new)
        return answer({"id": new})

    def inside(self, call: Call) -> Reply:
        """Put this machine inside the virtual networks, or out of them."""
        self.cloud.inside = call.params["state"] == "on"
        return answer({"id": self.cloud.id, "inside": self.cloud.inside})

    def add_subscription(self, call: Call) -> Reply:
        """Answer for a subscription in which resources are seeded."""
        self.cloud.add_subscription(call.params["subscription"])
        return answer({"id": self.cloud.id})

    @property
    def routes(self) -> tuple[Route, ...]:
        """The daemon's own endpoints, for ``aml cloud``; the token is in the discovery file."""
        return (
            Route("GET", "/aml/status", self.status),
            Route("POST", "/aml/shutdown", self.shutdown),
            Route("POST", "/aml/reset", self.reset),
            Route("POST", "/aml/inside/{state}", self.inside),
            Route("POST", "/aml/subscriptions/{subscription}", self.add_subscription),
        )

    def announce(self) -> None:
        """Write the discovery file, atomically."""
        document = {
            "id": self.cloud.id,
            "url": self.cloud.url,
            "ca": str(self.tls.authority),
            "pid": os.getpid(),
            "token": issue(self.cloud, self.cloud.url, "aml", lasts_s=_CONTROL_S),
        }
        staged = self.folder / "discovery.json.new"
        staged.unlink(missing_ok=True)
        staged.touch(mode=0o600)  # with the token, anybody could delete all that is deployed
        staged.write_text(json.dumps(document) + "\n", encoding="utf-8")
        staged.replace(self.folder / "discovery.json")

    def withdraw(self) -> None:
        """Remove the discovery file."""
        (self.folder / "discovery.json").unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """A web server that announces the cloud only while it listens."""

    def __init__(self, config: uvicorn.Config, daemon: Daemon) -> None:
        super().__init__(config)
        self._daemon = daemon

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._daemon.announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._daemon.withdraw()
        await super().shutdown(sockets)


def run(home: Path, port: int | None) -> int:
    """Serve until stopped; return an exit code: 0 as well if another daemon already serves."""
    folder = private_folder(cloud_folder(home))
    # Whatever the daemon and its jobs write is below this folder.
    os.umask(0o077)
    lock = _lock(folder)
    if lock is None:
        return 0
    _log_to(folder / "daemon.log")
    with lock:
        # Left by a daemon that was killed: clients would find us with its process id.
        (folder / "discovery.json").unlink(missing_ok=True)
        store = open_store(folder, time.time())
        sockets = _listen(port or store.port or 0)
        store.port = sockets[0].getsockname()[1]
        _serve(_compose(folder, store), sockets)
        store.close()
    return 0


def _run(home: Path, port: int | None) -> int:
    """Run, and raise ``FileAccessError`` for a file of the cloud that cannot be used."""
    try:
        return run(home, port)
    except OSError as error:
        file = str(error.filename or "")
        if not file.startswith(str(cloud_folder(home))):
            raise
        raise FileAccessError(
            f"The local cloud cannot use {file}: {error.strerror}.",
            remedy="Move it away, or correct its permissions, then run `aml cloud start`.",
            at=file,
        ) from error


def _compose(folder: Path, store: Store) -> Daemon:
    cloud, tls = Cloud(store, folder, f"https://127.0.0.1:{store.port}"), certificates(folder)
    cloud.nodes = LocalNodes(cloud, ca=tls.bundle)
    cloud.machines = LocalMachines(cloud)
    return Daemon(folder, cloud, tls)


def _serve(daemon: Daemon, sockets: list[socket.socket]) -> None:
    respond = responder(request_handlers(KINDS, (*daemon.routes, *ROUTES)))
    config = uvicorn.Config(
        application(daemon.cloud, respond),
        http=SpellingProtocol,
        ssl_certfile=daemon.tls.certificate,
        ssl_keyfile=daemon.tls.key,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_S,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    daemon.server = _Server(config, daemon)
    # uvicorn raises the signal again after it has stopped; the code below must still run.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    daemon.cloud.nodes.start()
    daemon.cloud.machines.start()
    timekeeper = Timekeeper(daemon.folder.parent)
    timekeeper.start()
    for kind in ENGINES:
        daemon.cloud.engine(kind)
    _LOG.info("cloud %s listens at %s", daemon.cloud.id, daemon.cloud.url)
    try:
        daemon.server.run(sockets=sockets)
    finally:
        daemon.withdraw()
        timekeeper.stop()
        daemon.cloud.nodes.stop()
        daemon.cloud.machines.stop()
        for engine in daemon.cloud.engines.values():
            engine.stop()
        _LOG.info("stopped")


def _listen(port: int) -> list[socket.socket]:
    """Return sockets that listen on one port of loopback: IPv4, and IPv6 where available."""
    # asyncio sets TCP_NODELAY only on sockets with an explicit protocol; else 40 ms a response.
    main = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    main.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        main.bind(("127.0.0.1", port))
        main.listen(_BACKLOG)
    except OSError as error:
        main.close()
        raise _taken(port, error) from error
    return [main, *_listen_v6(main.getsockname()[1])]


def _listen_v6(port: int) -> list[socket.socket]:
    try:
        other = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        other.bind(("::1", port))
        other.listen(_BACKLOG)
    except OSError:
        return []
    return [other]


def _taken(port: int, error: OSError) -> PortTakenError:
    return PortTakenError(
        f"The local cloud cannot listen on port {port} of 127.0.0.1: {error.strerror}. "
        "Another program uses it.",
        remedy="Stop that program, or run `aml cloud start --port PORT` with a free port; "
        "the cloud keeps that port.",
    )


def _lock(folder: Path) -> IO[str] | None:
    """Return the locked file that makes this process the home's daemon; ``None`` if another is.

    A daemon that has removed its discovery file is stopping, and is waited for.
    """
    file = (folder / "daemon.lock").open("w", encoding="utf-8")
    deadline = time.monotonic() + _HANDOVER_S
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        if (folder / "discovery.json").exists() or time.monotonic() > deadline:
            file.close()
            return None
        time.sleep(0.05)


def _log_to(file: Path) -> None:
    if file.exists() and file.stat().st_size > _LOG_LIMIT:
        file.replace(file.with_suffix(".old.log"))
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _version() -> str:
    try:
        return version("aml-platform")
    except PackageNotFoundError:
        return "0"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and serve. An error prints a message and sets the exit code."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.daemon", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the project's .aml folder")
    parser.add_argument("--port", type=int, help="listen here, now and from now on")
    options = parser.parse_args(arguments)
    home: Path = options.home.absolute()
    try:
        return _run(home, options.port)
    except PlatformError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
