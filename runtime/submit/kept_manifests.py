"""Keeps manifests that submissions were given, for as long as somebody may ask for their runs.

The file may be gone by then, or be another stack's. A manifest has references, no secrets.
"""

import hashlib
import os
from pathlib import Path
from typing import Final

from infra.contract.private import private_file, private_folder
from infra.contract.project import manifest_file

FOLDER: Final = "run-manifests"


def kept_manifest(home: Path, stack: str, given: Path) -> str | None:
    """Keep a manifest and return where; ``None`` for the one of the stack itself."""
    if given.resolve() == manifest_file(home, stack).resolve():
        return None
    if given.parent == home / FOLDER:
        return str(given)
    content = given.read_bytes()
    folder = private_folder(home / FOLDER)
    file = folder / f"{hashlib.sha256(content).hexdigest()[:32]}.json"
    if not file.exists():
        partial = private_file(folder / f".{os.getpid()}-{file.name}")
        partial.write_bytes(content)
        partial.replace(file)
    return str(file)
