"""Applications of a cluster, as YARN keeps them: a folder each, with its facts and its logs."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject

_FACTS: Final = "application.json"


@dataclass(frozen=True, slots=True)
class Application:
    """One application; ``folder`` is also the working folder of a driver in cluster mode."""

    folder: Path

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def logs(self) -> tuple[Path, Path]:
        """The driver's output and errors in cluster mode."""
        return self.folder / "stdout", self.folder / "stderr"

    def facts(self) -> JsonObject:
        """Return ``name``, ``state``, ``final`` and ``pid``; nothing of one that has none."""
        try:
            found: JsonObject = json.loads((self.folder / _FACTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found

    def change(self, **facts: object) -> None:
        """Write facts beside those it has, atomically."""
        staged = self.folder / f"{_FACTS}.new"
        staged.write_text(json.dumps({**self.facts(), **facts}), encoding="utf-8")
        staged.replace(self.folder / _FACTS)


def new_application(folder: Path, name: str) -> Application:
    """Create an application below ``folder``, with the next id."""
    folder.mkdir(parents=True, exist_ok=True)
    started = int(time.time() * 1000)
    number = sum(1 for _ in applications(folder)) + 1
    while True:
        made = Application(folder / f"application_{started}_{number:04}")
        try:
            made.folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            made.change(name=name, state="ACCEPTED", final="UNDEFINED")
            return made


def applications(folder: Path) -> Iterator[Application]:
    """Yield the applications below a folder, oldest first."""
    for found in sorted(folder.glob("application_*")):
        yield Application(found)
