"""Experiments that were created before their first run: their names, in a file of the project."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.contract.errors import StateError
from infra.contract.private import private_file, private_folder

_FILE: Final = "experiments.json"


def created_experiments(home: Path) -> Sequence[str]:
    """Return the names, sorted. Raises ``StateError`` for a damaged file."""
    file = home / _FILE
    if not file.is_file():
        return []
    try:
        names = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StateError(
            f"The list of experiments cannot be read: {error}.",
            remedy="Delete the file; experiments with runs are listed without it.",
            at=str(file),
        ) from error
    return sorted(str(name) for name in names)


def create_experiment(home: Path, name: str) -> None:
    """Add a name; one that is there stays as it is."""
    names = {*created_experiments(home), name}
    private_folder(home)
    file = private_file(home / _FILE)
    file.write_text(json.dumps(sorted(names)) + "\n", encoding="utf-8")
