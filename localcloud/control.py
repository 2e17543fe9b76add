"""Starting, stopping and resetting a project's local cloud from another process.

Uses the daemon's endpoints and files; imports none of the packages the daemon needs.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from infra.contract.discovery import LocalCloud, ask, cloud_folder, ensure_cloud, find_cloud
from infra.contract.errors import UnreachableError, UsageError
from infra.contract.json_types import JsonObject

_STOP_S: Final = 20.0
_PAUSE_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class CloudStatus:
    """The output of ``aml cloud status``; all but ``running`` are empty when it is not running."""

    running: bool
    id: str = ""
    url: str = ""
    pid: int = 0
    ca: str = ""
    version: str = ""
    subscription: str = ""
    tenant: str = ""
    inside: bool = False
    """Whether this machine counts as inside all virtual networks."""

    def document(self) -> JsonObject:
        """Return the status as a JSON object."""
        return asdict(self) if self.running else {"running": False}


def status(home: Path) -> CloudStatus:
    """Return the status of the cloud of ``home``."""
    cloud = find_cloud(home)
    reported = ask(cloud, "/aml/status") if cloud else None
    if cloud is None or reported is None:
        return CloudStatus(running=False)
    facts = ("version", "subscription", "tenant")
    return CloudStatus(
        running=True,
        id=cloud.id,
        url=cloud.url,
        pid=cloud.pid,
        ca=str(cloud.ca),
        inside=bool(reported.get("inside")),
        **{name: str(reported.get(name, "")) for name in facts},
    )


def start(home: Path, port: int | None) -> LocalCloud:
    """Start the cloud if it is not running; if it is, ``port`` must be the one it listens on."""
    running = find_cloud(home)
    if running is not None and port and not running.url.endswith(f":{port}"):
        raise UsageError(
            f"The local cloud is already running at {running.url}.",
            remedy=f"Run `aml cloud stop`, then `aml cloud start --port {port}`.",
        )
    return running or ensure_cloud(home, port=port)


def stop(home: Path) -> bool:
    """Stop the cloud and wait until its process has ended; ``False`` if it was not running."""
    cloud = find_cloud(home)
    if cloud is None:
        return False
    ask(cloud, "/aml/shutdown", method="POST")
    deadline = time.monotonic() + _STOP_S
    while not _free(cloud_folder(home)):
        if time.monotonic() > deadline:
            raise UnreachableError(
                f"The local cloud (process {cloud.pid}) has not stopped after {_STOP_S:g} s.",
                remedy="See `aml cloud logs`, or kill that process.",
            )
        time.sleep(_PAUSE_S)
    return True


def reset(home: Path) -> str:
    """Delete everything in the cloud, starting it if it is down; return its new id."""
    reported = ask(ensure_cloud(home), "/aml/reset", method="POST")
    if reported is None:
        raise UnreachableError(
            "The local cloud did not respond to the reset.", remedy="See `aml cloud logs`."
        )
    return str(reported["id"])


def put_inside(home: Path, *, inside: bool) -> None:
    """Put this machine inside the virtual networks of the cloud, or out of them."""
    path = f"/aml/inside/{'on' if inside else 'off'}"
    if ask(ensure_cloud(home), path, method="POST") is None:
        raise UnreachableError("The local cloud did not respond.", remedy="See `aml cloud logs`.")


def log_lines(home: Path, last: int) -> list[str]:
    """Return the last lines of the daemon's log; none if it never ran."""
    file = cloud_folder(home) / "daemon.log"
    if not file.exists():
        return []
    return file.read_text(encoding="utf-8", errors="replace").splitlines()[-last:]


def new_log_lines(home: Path) -> Iterator[str]:
    """Yield new lines of the daemon's log until interrupted."""
    with (cloud_folder(home) / "daemon.log").open(encoding="utf-8", errors="replace") as source:
        source.seek(0, os.SEEK_END)
        while True:
            line = source.readline()
            if line:
                yield line.rstrip("\n")
            else:
                time.sleep(_PAUSE_S)


def _free(folder: Path) -> bool:
    """Return whether no daemon holds the lock of ``folder``."""
    try:
        with (folder / "daemon.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True
