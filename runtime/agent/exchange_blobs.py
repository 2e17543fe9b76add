"""Runs the agent where its carrier is reached through a container of blobs: in Spark's driver.

Spark puts the run's files into the working folder of the driver. What ``exchange`` writes there is
moved to the container's folder of the run, and ``cancel`` there becomes a file here. The address of
the container has a signature; it is in ``start.json`` only.
"""

from __future__ import annotations

import json
import shutil
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

from runtime.agent import exchange
from runtime.agent.assets.blob_http import VERSION

STORAGE = "storage.json"
"""``url`` of the container with its signature, ``folder`` of the run, ``ca``: a PEM text or ``""``.
"""
_EVERY_S = 0.3
_LOOK_EVERY_S = 1.0
_TIMEOUT_S = 60.0
_TRIES = 6
_FIRST_ERROR = 400
_SERVER_ERRORS = 500
_NOT_FOUND = 404


class StorageError(Exception):
    """Storage refused something, or did not answer for long."""


class Blobs:
    """The folder of one run in a container, from the driver's side."""

    def __init__(self, url: str, folder: str, ca: str) -> None:
        self._parts = urlsplit(url)
        self._folder = folder
        self._context = ssl.create_default_context(cadata=ca or None)

    def put(self, name: str, content: bytes) -> None:
        """Write a blob. Raises ``StorageError``."""
        self._asked("PUT", name, content)

    def there(self, name: str) -> bool:
        """Return whether there is a blob."""
        return self._asked("HEAD", name) != _NOT_FOUND

    def _asked(self, method: str, name: str, content: bytes = b"") -> int:
        problem = ""
        for attempt in range(_TRIES):
            try:
                status, reason = self._once(method, name, content)
            except (OSError, HTTPException) as error:
                status, problem = _SERVER_ERRORS, str(error)
            else:
                problem = f"{status} {reason}"
            if status < _FIRST_ERROR or (status == _NOT_FOUND and method == "HEAD"):
                return status
            if status < _SERVER_ERRORS:
                break
            time.sleep(_EVERY_S * 2**attempt)
        raise StorageError(f"{name} cannot be written to storage: {problem}")

    def _once(self, method: str, name: str, content: bytes) -> tuple[int, str]:
        parts = self._parts
        path = f"{parts.path}/{quote(f'{self._folder}/{name}')}?{parts.query}"
        connection: HTTPConnection = HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
        if parts.scheme == "https":
            connection = HTTPSConnection(parts.netloc, timeout=_TIMEOUT_S, context=self._context)
        headers = {"x-ms-version": VERSION}
        if method == "PUT":
            headers["x-ms-blob-type"] = "BlockBlob"
        with closing(connection):
            connection.request(method, path, content if method == "PUT" else None, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status, answer.reason


@contextmanager
def mirrored(home: Path, shared: Path, blobs: Blobs) -> Iterator[None]:
    """Keep storage up to date while the block runs, and at its end."""
    mirror = Mirror(home, shared, blobs)
    mirror.begin()
    try:
        yield
    finally:
        mirror.end()


class Mirror:
    """Moves what ``exchange`` writes into storage, and brings the request to stop."""

    def __init__(self, home: Path, shared: Path, blobs: Blobs) -> None:
        self._home = home
        self._shared = shared
        self._blobs = blobs
        self._over = threading.Event()
        self._looked = 0.0
        self._thread = threading.Thread(target=self._work, daemon=True)

    def begin(self) -> None:
        """Move files in the background."""
        self._thread.start()

    def end(self) -> None:
        """Move what is left. Raises ``StorageError``."""
        self._over.set()
        self._thread.join()
        self._move()

    def _work(self) -> None:
        while not self._over.wait(_EVERY_S):
            with suppress(StorageError):  # what was not moved is tried again
                self._move()
                self._look()

    def _move(self) -> None:
        # The frame that says the end is written after the results, and so is its copy.
        frames = self._files(exchange.FRAMES)
        for file in [*self._files(exchange.RESULTS), *frames]:
            self._blobs.put(f"{file.parent.name}/{file.name}", file.read_bytes())
            file.unlink()

    def _files(self, folder: str) -> list[Path]:
        place = self._shared / folder
        found = sorted(place.iterdir()) if place.is_dir() else []
        return [file for file in found if not file.name.startswith(".")]

    def _look(self) -> None:
        if time.monotonic() - self._looked > _LOOK_EVERY_S:
            self._looked = time.monotonic()
            if self._blobs.there(exchange.CANCEL):
                (self._home / exchange.CANCEL).touch()


def main() -> int:
    """Run what lies in the working folder; return the run's exit code."""
    given = Path.cwd()
    storage = json.loads((given / STORAGE).read_text("utf-8"))
    blobs = Blobs(storage["url"], storage["folder"], storage["ca"])
    # What is left of a driver that is killed goes with its container.
    tempfile.tempdir = str(given)
    # Spark may send its files on when the script begins: all of them stay, and copies are used.
    with tempfile.TemporaryDirectory(prefix="aml-shared-") as folder:
        home, shared = Path(folder), Path(folder, "shared")
        payload = shared / exchange.PAYLOAD
        payload.mkdir(parents=True)
        for name in (exchange.ASKED, exchange.AGENT):
            shutil.copyfile(str(given / name), str(home / name))
        for file in given.glob(f"{exchange.PAYLOAD}-*"):
            shutil.copyfile(str(file), str(payload / file.name.rpartition("-")[2]))
        with mirrored(home, shared, blobs):
            return exchange.main([str(home), str(shared)])


if __name__ == "__main__":
    sys.exit(main())
