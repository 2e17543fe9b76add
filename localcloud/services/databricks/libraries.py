"""Libraries of runs and clusters, as requirements of a virtual environment, and as jars."""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.contract.json_types import Document
from localcloud.services.databricks.refusals import absent, unsupported, wrong
from localcloud.services.databricks.storage import Storage

_REFUSED: Final = {
    "egg": "Databricks itself no longer installs eggs; build a wheel.",
    "maven": "Upload the jar and give it as a jar library.",
    "cran": "Runs are Python or Spark.",
}
_KNOWN: Final = ("pypi", "whl", "jar", "requirements")


@dataclass(frozen=True, slots=True)
class Libraries:
    """What a run needs beside its own files."""

    requirements: tuple[str, ...]
    jars: tuple[Path, ...]


def require_libraries(libraries: Iterable[Document]) -> None:
    """Refuse libraries that cannot be installed, by name."""
    for library in libraries:
        for kind in library:
            if kind in _REFUSED:
                raise unsupported(f"libraries of the kind {kind!r}", _REFUSED[kind])
            if kind not in _KNOWN:
                raise wrong(f"Unknown library {kind!r}; known ones: {', '.join(_KNOWN)}.")
        if (library.get("pypi") or {}).get("repo"):
            raise unsupported("'pypi.repo'", "Set UV_INDEX_URL before `aml cloud start`.")


def libraries_in(storage: Storage, libraries: Iterable[Document], wheels: Path) -> Libraries:
    """Return the requirements and jars of libraries; 404 for a file that does not exist.

    Wheels are copied below ``wheels`` by their content, so that an environment's name says what is
    in it.
    """
    requirements: list[str] = []
    jars: list[Path] = []
    for library in libraries:
        if library.get("pypi"):
            requirements.append(str(library["pypi"]["package"]))
        if library.get("requirements"):
            text = _file(storage, library["requirements"]).read_text(encoding="utf-8")
            requirements += [line for line in text.splitlines() if line.strip()]
        if library.get("whl"):
            requirements.append(_wheel(_file(storage, library["whl"]), wheels))
        if library.get("jar"):
            jars.append(_file(storage, library["jar"]))
    return Libraries(tuple(requirements), tuple(jars))


def _file(storage: Storage, path: object) -> Path:
    file = storage.anywhere(str(path))
    if not file.is_file():
        raise absent(f"The library {path}")
    return file


def _wheel(file: Path, wheels: Path) -> str:
    folder = wheels / hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    kept = folder / file.name
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, kept)
    return f"{file.name.partition('-')[0]} @ {kept.as_uri()}"
