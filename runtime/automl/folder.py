"""The folder that the run of a search sends: written once, named by its content."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.contract.private import private_folder
from runtime.automl.run import search_files
from runtime.automl.spec import AutoMLSpec

_FOLDER: Final = "automl"


def search_folder(
    spec: AutoMLSpec,
    home: Path,
    tables: Mapping[str, str] | None = None,
    names: Mapping[str, str] | None = None,
) -> Path:
    """Write the files of a search below ``home`` and return their folder; the same one for equals.

    ``tables`` and ``names`` are what ``search_files`` takes.
    """
    files = search_files(spec, tables, names)
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
    folder = private_folder(home / _FOLDER) / digest
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    return folder
