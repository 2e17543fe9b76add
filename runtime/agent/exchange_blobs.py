"""Runs the agent where its carrier is reached through a container of blobs: in Spark's driver.

Spark puts the run's files into the working folder of the driver. What ``exchange`` writes there is
moved to the container's folder of the run, and ``cancel`` there becomes a file here. The address of
the container has a signature; it is in ``start.json`` only.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runtime.agent import exchange
from runtime.agent.assets.blob_http import Credential
from runtime.agent.assets.blobs import Container
from runtime.agent.assets.errors import WebserviceException

STORAGE = "storage.json"
"""``url`` of the container with its signature, ``folder`` of the run, ``ca``: a PEM text or ``""``.
"""
_EVERY_S = 0.3
_LOOK_EVERY_S = 1.0
_CA = "storage-ca.pem"


class Blobs:
    """The folder of one run in a container, from the driver's side. ``ca`` is a file or ``None``.

    Raises ``WebserviceException`` where storage refuses something, or does not answer for long.
    """

    def __init__(self, url: str, folder: str, ca: str | None) -> None:
        address, _, signature = url.partition("?")
        self._container = Container(address, Credential(sas=signature), ca)
        self._folder = folder

    def put(self, name: str, content: bytes) -> None:
        """Write a blob."""
        self._container.write(f"{self._folder}/{name}", content)

    def there(self, name: str) -> bool:
        """Return whether there is a blob."""
        return self._container.head(f"{self._folder}/{name}") is not None


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
        """Move what is left. Raises ``WebserviceException``."""
        self._over.set()
        self._thread.join()
        self._move()

    def _work(self) -> None:
        while not self._over.wait(_EVERY_S):
            with suppress(WebserviceException):  # what was not moved is tried again
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
    # What is left of a driver that is killed goes with its container.
    tempfile.tempdir = str(given)
    # Spark may send its files on when the script begins: all of them stay, and copies are used.
    with tempfile.TemporaryDirectory(prefix="aml-shared-") as folder:
        home, shared = Path(folder), Path(folder, "shared")
        ca = home / _CA if storage["ca"] else None
        if ca is not None:
            ca.write_text(storage["ca"], "utf-8")
        blobs = Blobs(storage["url"], storage["folder"], None if ca is None else str(ca))
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
