"""Finds the local cloud, and starts it as a process if it is down.

The daemon writes ``<home>/cloud/discovery.json`` when it listens and removes it when it stops.
This module reads that file, checks that the daemon behind it is the right one, and otherwise
starts it. Of the daemon's answers it knows only ``GET /aml/status``.
"""

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from infra.contract.errors import CloudStoppedError, MissingExtraError, UnreachableError
from infra.contract.json_types import JsonObject
from infra.contract.private import private_file, private_folder
from infra.contract.variables import DAEMON, selected

SUBSCRIPTION: Final = "00000000-0000-0000-0000-0000000000aa"
TENANT: Final = "00000000-0000-0000-0000-0000000000bb"
PROCESS_OWNER: Final = "AZUREML_PROCESS_OWNER"
"""The variable that names whose a process is; runs kill what is theirs when they end."""
_START_S: Final = 30.0
# The process outlives us; Python warns about a dropped Popen whose process still runs.
_STARTED: "Final[list[subprocess.Popen[bytes]]]" = []
_MAY_START: "Final[ContextVar[bool]]" = ContextVar("may_start", default=True)


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A running local cloud. ``id`` changes with ``aml cloud reset``; ``ca`` is a PEM file.

    ``token`` is needed for the daemon's own endpoints.

    ``url`` has no trailing slash: ``https://127.0.0.1:49213``.
    """

    id: str
    url: str
    ca: Path
    pid: int
    token: str = field(default="", repr=False)


def cloud_folder(home: Path) -> Path:
    """Return the folder in which a project's local cloud keeps its data."""
    return home / "cloud"


def find_cloud(home: Path) -> LocalCloud | None:
    """Return the local cloud of ``home`` if it answers, otherwise ``None``."""
    cloud = _announced(home)
    status = ask(cloud, "/aml/status") if cloud else None
    if cloud is None or status is None:
        return None
    # One that has just started takes the port of a killed one, whose file may have been read.
    return cloud if (status.get("id"), status.get("pid")) == (cloud.id, cloud.pid) else None


def _announced(home: Path) -> LocalCloud | None:
    """Return the cloud that the discovery file describes, whether it answers or not."""
    try:
        document = json.loads((cloud_folder(home) / "discovery.json").read_text(encoding="utf-8"))
        return LocalCloud(
            document["id"],
            document["url"],
            Path(document["ca"]),
            int(document["pid"]),
            document.get("token", ""),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def local_ca(home: Path, url: str) -> str | None:
    """Return the CA file of the local cloud of ``home`` if ``url`` is below its address."""
    cloud = _announced(home)
    return str(cloud.ca) if cloud is not None and url.startswith(f"{cloud.url}/") else None


@contextmanager
def never_starting() -> Iterator[None]:
    """Let ``ensure_cloud`` raise ``CloudStoppedError`` where it would start a local cloud.

    Holds for this thread, or asyncio task, and for what copies its context.
    """
    before = _MAY_START.set(False)
    try:
        yield
    finally:
        _MAY_START.reset(before)


def ensure_cloud(home: Path, *, port: int | None = None) -> LocalCloud:
    """Return the running local cloud of ``home``; start it if there is none.

    ``port`` applies to a cloud that has to be started; by default it takes its previous port.

    Concurrent callers get the same cloud: the daemon holds a lock, and a second daemon exits
    quietly. Raises ``UnreachableError`` with the end of its log if it does not start.
    """
    cloud = find_cloud(home)
    if cloud is not None:
        return cloud
    if not _MAY_START.get():
        raise CloudStoppedError(
            "The local cloud is stopped.",
            remedy="Start it with `aml cloud start`.",
            at=str(cloud_folder(home)),
        )
    _require_installed()
    folder = cloud_folder(home)
    private_folder(folder)
    log = private_file(folder / "daemon.log")
    chosen = ["--port", str(port)] if port else []
    with log.open("ab") as sink:
        before = sink.tell()
        process = subprocess.Popen(
            # -P: keeps a folder `infra` in the working directory off sys.path.
            [sys.executable, "-P", "-m", "localcloud.daemon", "--home", str(home), *chosen],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            # It runs for weeks, and its jobs can read its environment. A run that starts it must
            # not take it for one of its own processes.
            env={**selected(os.environ, DAEMON), PROCESS_OWNER: "localcloud"},
            start_new_session=True,
        )
    _STARTED.append(process)
    return _wait_for(home, process, log, before)


def _require_installed() -> None:
    """Raise ``MissingExtraError`` if the daemon would fail to import its dependencies."""
    needed = ("asyncssh", "cryptography", "starlette", "uvicorn")
    missing = [name for name in needed if not find_spec(name)]
    if missing:
        raise MissingExtraError(
            f"The local cloud needs the Python module {missing[0]!r}, which is not installed.",
            remedy="Run `pip install 'aml-platform[localcloud]'`.",
        )


def _wait_for(home: Path, process: "subprocess.Popen[bytes]", log: Path, before: int) -> LocalCloud:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        cloud = find_cloud(home)
        if cloud is not None:
            return cloud
        # 0: another daemon holds the lock; wait for that one, unless we cannot trust it.
        if process.poll() == 0:
            _refuse_untrusted(_announced(home))
        elif process.poll() is not None:
            break
        time.sleep(0.05)
    # The log also has the output of earlier starts.
    written = log.read_bytes()[before:].decode("utf-8", errors="replace")
    tail = "\n".join(written.splitlines()[-5:])
    raise UnreachableError(
        f"The local cloud did not start. The end of its log:\n{tail}",
        remedy="See `aml cloud logs`, fix the cause, then run `aml cloud start`.",
        at=str(log),
    )


def _refuse_untrusted(cloud: LocalCloud | None) -> None:
    """Raise ``UnreachableError`` for a running cloud whose certificate authority is damaged."""
    if cloud is None:
        return
    try:
        _answer(cloud, "/aml/status")
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if not isinstance(reason, ssl.SSLError | FileNotFoundError):
            return
        raise UnreachableError(
            f"The local cloud runs (process {cloud.pid}), but its certificate authority cannot be"
            f" used: {reason}.",
            remedy=f"Run `kill {cloud.pid}`, then this command again: a new one is made.",
            at=str(cloud.ca),
        ) from error


def ask(cloud: LocalCloud, path: str, *, method: str = "GET") -> JsonObject | None:
    """Send one request to the daemon's own endpoints; ``None`` if it does not answer."""
    try:
        return _answer(cloud, path, method=method)
    except (OSError, ValueError):
        return None


def _answer(cloud: LocalCloud, path: str, *, method: str = "GET") -> JsonObject:
    headers = {"Authorization": f"Bearer {cloud.token}"}
    request = urllib.request.Request(  # noqa: S310 - always https
        cloud.url + path, method=method, headers=headers
    )
    context = ssl.create_default_context(cafile=str(cloud.ca))
    opener = urllib.request.build_opener(
        # A proxy from the environment cannot reach the loopback interface.
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=context),
    )
    with opener.open(request, timeout=5) as answer:
        document: JsonObject = json.load(answer)
        return document
