"""The attempts of a carried run that starts again when it was lost: how many, and with what."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from infra.contract.private import private_file
from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.model.redaction import MASK
from runtime.targets.places import ARTIFACTS, FOLLOWED, WORK, Shipment
from runtime.targets.run_folder import AGENT_EVENTS, RunFolder, Task

_LEFT: Final = (*FOLLOWED, f"{WORK}/outputs", ARTIFACTS)


class Attempts:
    """The attempts of one run, counted in its folder. ``fresh``: its task is complete.

    A carrier that took over does not know what is secret, and so cannot start most runs again.
    """

    def __init__(self, folder: RunFolder, task: Task, *, fresh: bool) -> None:
        self._folder = folder
        self._task = task
        self._file = folder.path / "attempts"
        self._complete = fresh or MASK not in json.dumps(asdict(task))

    @property
    def most(self) -> int:
        """Return how many attempts the run may have."""
        return self._task.restarts + 1

    @property
    def left(self) -> bool:
        """Return whether there is another one, and all is known that it needs."""
        return self._complete and self._number() < self.most

    def next(self) -> int:
        """Count another attempt and return its number."""
        number = self._number() + 1
        private_file(self._file).write_text(str(number), encoding="utf-8")
        return number

    def going_on(self, shipment: Shipment, events: Path) -> Shipment:
        """Return what the next attempt gets: also what is here of the earlier ones.

        ``events`` is the file with the agent's events.
        """
        content = events.read_bytes() if events.exists() else b""
        # The agent would end a line that was cut off, and the copies would differ.
        private_file(events).write_bytes(content[: content.rfind(b"\n") + 1])
        kept = {name: self._folder.path / name for name in _LEFT}
        trees = {name: place for name, place in kept.items() if place.is_dir()}
        texts = {**shipment.texts, ATTEMPT_VARIABLE: str(self._number())}
        return replace(
            shipment,
            trees={**shipment.trees, **trees, AGENT_EVENTS: events},
            texts=texts,
        )

    def _number(self) -> int:
        return int(self._file.read_text(encoding="utf-8")) if self._file.exists() else 1
