"""The steps that have completed, by what they were made of: ``<home>/steps/``.

``done/<fingerprint>.json`` says which run a step may be replaced with; ``last/<hash>.json`` what
each step of each pipeline was made of when it last ran, so that the next run can say what changed.
Each file is written whole; two drivers that write the same one do no harm.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.private import private_file, private_folder
from runtime.history.store import History
from runtime.model.data import DataLocation
from runtime.model.states import RunState
from runtime.pipelines.fingerprint import Parts

FOLDER: Final = "steps"


@dataclass(frozen=True, slots=True)
class DoneStep:
    """A step that completed: its run, where its outputs are, and what they hold."""

    run_id: str
    outputs: Mapping[str, DataLocation] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> JsonObject:
        """Return it as JSON."""
        return asdict(self)


def done_step(document: JsonObject) -> DoneStep:
    """Return what ``DoneStep.document`` wrote."""
    outputs = {name: DataLocation(**each) for name, each in document["outputs"].items()}
    return DoneStep(str(document["run_id"]), outputs, dict(document["contents"]))


class KeptSteps:
    """The completed steps of one project."""

    def __init__(self, home: Path, history: History) -> None:
        self._folder = home / FOLDER
        self._history = history

    def find(self, fingerprint: str) -> DoneStep | None:
        """Return a completed step whose run still exists."""
        document = _read(self._folder / "done" / f"{fingerprint}.json")
        if document is None:
            return None
        found = done_step(document)
        if not self._history.has(found.run_id):
            return None
        is_complete = self._history.record(found.run_id).state is RunState.COMPLETED
        return found if is_complete else None

    def keep(self, fingerprint: str, step: DoneStep) -> None:
        """Remember a step that completed."""
        _write(self._folder / "done" / f"{fingerprint}.json", step.document())

    def last(self, pipeline: str, step: str) -> Parts | None:
        """Return what a step was made of when it last ran."""
        return _read(self._last(pipeline, step))

    def note(self, pipeline: str, step: str, parts: Parts) -> None:
        """Remember what a step is made of."""
        _write(self._last(pipeline, step), dict(parts))

    def _last(self, pipeline: str, step: str) -> Path:
        name = hashlib.sha256(f"{pipeline}\0{step}".encode()).hexdigest()[:32]
        return self._folder / "last" / f"{name}.json"


def _read(file: Path) -> JsonObject | None:
    try:
        document: JsonObject = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document


def _write(file: Path, document: JsonObject) -> None:
    private_folder(file.parent)
    partial = private_file(file.with_name(f".{os.getpid()}-{file.name}"))
    partial.write_text(json.dumps(document), encoding="utf-8")
    partial.replace(file)
