"""A run's folder in a blob container, as its node uses it: attempts, the request to stop, the end.

``attempts/N.json`` says which node began attempt N, ``cancel`` asks the run to stop, ``files/N/…``
is what attempt N left, and ``end.json`` is written last.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runtime.agent.assets.blob_http import Credential
from runtime.agent.assets.blobs import Container
from runtime.agent.assets.errors import UserErrorException, WebserviceException
from runtime.agent.documents import JsonObject
from runtime.agent.files import files_below, make_folder, storable

CANCEL = "cancel"
END = "end.json"
SENT = (
    "work/outputs", "work/logs", "work/user_logs", "work/azureml-logs", "artifacts",
    "named_outputs",
)  # fmt: skip
"""The folders of a run that its node sends."""
_AT_ONCE = 8
_BROKEN = (WebserviceException, UserErrorException, OSError)


class NodeBlobs:
    """The folder of one run; ``url`` is the container's, with a signature."""

    def __init__(self, url: str, folder: str) -> None:
        address, _, signature = url.partition("?")
        self._container = Container(address, Credential(sas=signature))
        self._folder = folder

    def claim(self, facts: JsonObject) -> tuple[int, JsonObject | None]:
        """Begin an attempt; return its number, from 1, and the facts of the one before."""
        number, before = 1, None
        while not self._container.write(
            self._attempt(number), json.dumps(facts).encode(), overwrite=False
        ):
            before = self._document(self._attempt(number))
            number += 1
        return number, before

    def attempts(self) -> list[JsonObject]:
        """Return the facts of all attempts so far, in their order."""
        found: list[JsonObject] = []
        while True:
            known = self._document(self._attempt(len(found) + 1))
            if known is None:
                return found
            found.append(known)

    def canceled(self) -> bool:
        """Return whether the run was asked to stop; ``False`` while storage does not answer."""
        try:
            return self._container.head(f"{self._folder}/{CANCEL}") is not None
        except _BROKEN:
            return False

    def ended(self) -> JsonObject | None:
        """Return how the run has ended; ``None`` if it has not."""
        return self._document(f"{self._folder}/{END}")

    def end(self, document: JsonObject) -> None:
        """Say that the run has ended, and that its files are all here."""
        self._container.write(f"{self._folder}/{END}", json.dumps(document).encode())

    def mark(self, name: str) -> None:
        """Write a blob without content."""
        self._container.write(f"{self._folder}/{name}", b"")

    def marked(self, name: str) -> bool:
        """Return whether a blob was written."""
        return self._container.head(f"{self._folder}/{name}") is not None

    def fetch(self, blob: str, file: Path) -> None:
        """Read a blob of the container into a file."""
        make_folder(file.parent)
        self._container.get(blob, str(file))

    def send(self, root: Path, attempt: int, tops: Sequence[str] = SENT) -> list[str]:
        """Send the files below a run's folder; return sentences about those left out."""
        wanted: list[str] = []
        problems: list[str] = []
        for top in tops:
            for below, problem in files_below(root / top):
                name = f"{top}/{below}"
                if problem or not storable(name):
                    problems.append(f"{name}: {problem or 'storage allows no such name'}")
                else:
                    wanted.append(name)

        def put(name: str) -> str:
            try:
                self._container.put(f"{self._folder}/files/{attempt}/{name}", str(root / name))
            except _BROKEN as error:
                return f"{name}: {error}"
            return ""

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return problems + [problem for problem in pool.map(put, wanted) if problem]

    def send_file(self, root: Path, attempt: int, name: str) -> None:
        """Send one file of a run's folder, if it is there."""
        if (root / name).exists():
            self._container.put(f"{self._folder}/files/{attempt}/{name}", str(root / name))

    def _attempt(self, number: int) -> str:
        return f"{self._folder}/attempts/{number}.json"

    def _document(self, name: str) -> JsonObject | None:
        if self._container.head(name) is None:
            return None
        found: JsonObject = json.loads(self._container.read(name))
        return found
