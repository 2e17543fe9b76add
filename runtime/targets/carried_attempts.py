"""The attempts of a carried run that starts again when it was lost: how many, and with what."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from infra.contract.load import load
from infra.contract.private import private_file
from runtime.agent.attempts import ATTEMPT_VARIABLE
from runtime.agent.retries import LOST, Retries
from runtime.model.redaction import MASK
from runtime.targets.folder_runs import agent_end
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
        return max(self._task.restarts, self._retries().most) + 1

    def follow(self, end: Document | None) -> bool:
        """Return whether another one follows, and all is known that it needs.

        ``end`` is the data of the agent's last event; ``None`` if the agent is gone without one.
        """
        if not self._complete:
            return False
        events = frozenset[str]() if end is None else frozenset(end.get("events", ()))
        if end is None or LOST in events:
            return self._number() <= self._task.restarts
        if "events" not in end:  # its agent started it again, as often as it might
            return False
        return self._retries().again(self._number(), int(end["exit_code"]), events)

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
        # The agent would end a line that was cut off, and the copies would differ. That the
        # attempt failed is not how the run ends.
        private_file(events).write_bytes(content[: agent_end(content)])
        kept = {name: self._folder.path / name for name in _LEFT}
        trees = {name: place for name, place in kept.items() if place.is_dir()}
        texts = {**shipment.texts, ATTEMPT_VARIABLE: str(self._number())}
        trees[AGENT_EVENTS] = events
        return replace(
            shipment,
            trees={**shipment.trees, **trees},
            texts=texts,
            left=frozenset(trees),
        )

    def _retries(self) -> Retries:
        # Most carriers need no parser of options.
        options = load("runtime.agent.options:parsed")(["run", *self._task.options, "--", "python"])
        found: Retries = load("runtime.agent.options:retries_of")(options)
        return found

    def _number(self) -> int:
        return int(self._file.read_text(encoding="utf-8")) if self._file.exists() else 1
