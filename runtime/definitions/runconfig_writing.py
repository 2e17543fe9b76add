"""Writes run configurations strictly: azureml-core's keys and order, values of their types.

A file that exists is edited: comments, order, casing and what did not change stay as they are.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from infra.contract.bounded_yaml import compose
from infra.contract.errors import DefinitionError
from infra.contract.json_types import Document, JsonObject
from runtime.definitions.finding import FOLDERS
from runtime.definitions.keys import Meaning
from runtime.definitions.problems import Problems
from runtime.definitions.reading import document_of
from runtime.definitions.runconfig import read_document
from runtime.definitions.runconfig_keys import RUN_CONFIGURATION
from runtime.definitions.shapes import Key, Kind, ShapeReader, part
from runtime.definitions.text_edits import TextEdits
from runtime.definitions.yaml_text import block

CONDA_FILE: Final = "conda_dependencies.yml"
_TITLE: Final = 72
_USELESS: Final = {Meaning.NO_EFFECT: "No effect", Meaning.REFUSED: "Refused"}
_BOM: Final = "\ufeff"


def write_run_configuration(document: Document, file: Path) -> None:
    """Write a document of azureml-core's form to ``file``, making or changing it.

    Inline `condaDependencies` go to the file that `condaDependenciesFile` names, or to
    `conda_dependencies.yml` beside ``file``, as azureml-core writes them. Raises
    ``DefinitionError`` with every problem of the document, before anything is written.
    """
    ordered, conda = _with_conda_file(in_order(document, RUN_CONFIGURATION), file)
    fresh = _fresh(ordered)
    _require_valid(fresh, file)
    before = file.read_bytes().decode("utf-8") if file.is_file() else None
    text = fresh if before is None else _changed(before, ordered, file) or fresh
    if conda is not None:
        _replace(conda[0], conda[1])
    if text != before:
        _replace(file, text)


def new_text(document: Document) -> str:
    """Return the text of a new file, with a comment above each key."""
    return _fresh(in_order(document, RUN_CONFIGURATION))


def in_order(document: Document, keys: tuple[Key, ...]) -> JsonObject:
    """Return a document with its keys in azureml-core's order; unknown ones come last."""
    ordered: JsonObject = {}
    for key in keys:
        if key.name in document:
            value = document[key.name]
            inner = key.kind is Kind.SECTION and isinstance(value, Mapping)
            ordered[key.name] = in_order(value, key.keys) if inner else value
    return ordered | {name: value for name, value in document.items() if name not in ordered}


def _fresh(document: JsonObject) -> str:
    """Return a new file: every key with a comment that says what it is."""
    texts = {key.name: _comment(key) for key in RUN_CONFIGURATION}
    lines = []
    for name, value in document.items():
        if texts.get(name):
            lines.append(f"# {texts[name]}\n")
        lines.append(block({name: value}))
    return "".join(lines)


def _comment(key: Key) -> str:
    """Return what a key is for, or why it has no use here."""
    if key.text and key.meaning in _USELESS:
        return f"{_USELESS[key.meaning]}: {key.text[:1].lower()}{key.text[1:]}"
    return key.text


def _require_valid(text: str, file: Path) -> None:
    """Raise ``DefinitionError`` if the text could not be read again."""
    problems = Problems(file)
    root = document_of(text, file, problems)
    problems.raise_any()
    if root is None or not root.is_map:
        raise DefinitionError(
            "The run configuration is empty.", remedy="Set its script or target.", at=str(file)
        )
    ShapeReader(RUN_CONFIGURATION, file, problems).document(root)
    problems.raise_any()


def _changed(before: str, new: JsonObject, file: Path) -> str | None:
    """Return the text of a file with what differs changed; ``None`` if it is to be rewritten.

    Rewritten are files in Workbench's format, with anchors, or that cannot be read.
    """
    bom = _BOM if before.startswith(_BOM) else ""
    text = before.removeprefix(_BOM)
    problems = Problems(file)
    document = document_of(text, file, problems)
    if document is None or not document.is_map:
        return None
    read = ShapeReader(RUN_CONFIGURATION, file, problems).document(document)
    if problems.found:
        return None
    if isinstance(read.values.get("environment"), str) and _environment(file) == new.get(
        "environment"
    ):
        new = new | {"environment": read.values["environment"]}
    if text.lstrip().startswith("{"):
        same = read.values == new
        return before if same else bom + json.dumps(new, indent=4, ensure_ascii=False) + "\n"
    root = compose(text)
    anchored = any(getattr(event, "anchor", None) for event in yaml.parse(text))
    if not isinstance(root, yaml.MappingNode) or anchored:
        return None
    edits = TextEdits(text)
    edits.mapping(root, RUN_CONFIGURATION, read.values, new)
    return bom + edits.applied()


def _environment(file: Path) -> object:
    """Return the environment that a run configuration names, ``None`` if it cannot be read."""
    project = file.parent.parent if file.parent.name in FOLDERS else file.parent
    try:
        return read_document(file, project).get("environment")
    except DefinitionError:
        return None


def _with_conda_file(
    document: JsonObject, file: Path
) -> tuple[JsonObject, tuple[Path, str] | None]:
    """Return the document with its conda dependencies in a file, and that file's text."""
    environment = part(document, "environment")
    python = part(environment, "python")
    if "condaDependencies" not in python:
        return document, None
    changed = {name: value for name, value in python.items() if name != "condaDependencies"}
    conda, content = None, python["condaDependencies"]
    if content:
        named, place = _conda_place(changed.get("condaDependenciesFile"), content, file)
        changed["condaDependenciesFile"] = named
        conda = (place, block(content))
        if _read(place) == content:
            conda = None  # its comments stay
    section = in_order({"python": changed}, (_KEYS["environment"],))["python"]
    return document | {"environment": {**environment, "python": section}}, conda


def _conda_place(named: object, content: object, file: Path) -> tuple[str, Path]:
    """Return the conda file as a run configuration names it, and where it is.

    It is relative to the project if the run configuration is in its configuration folder. A file
    of the usual name that holds something else belongs to another run configuration.
    """
    in_folder = file.parent.name in FOLDERS
    root = file.parent.parent if in_folder else file.parent
    if named:
        return str(named), root / str(named)
    folder = f"{file.parent.name}/" if in_folder else ""
    place = file.parent / CONDA_FILE
    if place.is_file() and _read(place) != content:
        own = f"{file.stem}_{CONDA_FILE}"
        return f"{folder}{own}", file.parent / own
    return f"{folder}{CONDA_FILE}", place


def _read(file: Path) -> object:
    """Return the content of a YAML file, ``None`` if it cannot be read."""
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return None


def _replace(file: Path, text: str) -> None:
    """Write a file whole: a reader never sees a part of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    new = file.with_name(f".{file.name}.{os.getpid()}.new")
    try:
        new.write_bytes(text.encode("utf-8"))
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


_KEYS: Final = {key.name: key for key in RUN_CONFIGURATION}
