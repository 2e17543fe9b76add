"""Reads the files of data and model assets of CLI v2: where the files are, name and version."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from infra.contract.json_types import JsonObject
from infra.contract.load import nearest
from runtime.definitions.keys import Key, Meaning, check_keys
from runtime.definitions.located import Located
from runtime.definitions.problems import COMMAND_LINE, GIVEN, GIVEN_OPTION, Problems
from runtime.definitions.reading import read_file
from runtime.definitions.settings_given import Setting, with_settings


class AssetKind(StrEnum):
    """What is registered, as a message names it."""

    DATA = "a data asset"
    MODEL = "a model"


TYPES: Final = {
    AssetKind.DATA: ("uri_folder", "uri_file", "mltable"),
    AssetKind.MODEL: ("custom_model", "mlflow_model", "triton_model"),
}
"""The types of each kind; the first is the default."""
_READ: Final = "Read."
_KEYS: Final = (
    *(
        Key(each, "text", _READ)
        for each in ("$schema", "name", "version", "type", "path", "description")
    ),
    *(Key(each, "map", _READ, free=True) for each in ("tags", "properties")),
    Key("stage", "text", "Models have no stages here.", Meaning.NO_EFFECT),
    Key("flavors", "map", "They are in the model's own `MLmodel`.", Meaning.NO_EFFECT, free=True),
)


@dataclass(frozen=True, slots=True)
class AssetFile:
    """An asset to register. ``path`` is an address, or an absolute path on this machine.

    ``version`` ``None``: the next one.
    """

    kind: AssetKind
    name: str
    type: str
    path: str
    version: str | None = None
    description: str | None = None
    tags: JsonObject = field(default_factory=dict)
    properties: JsonObject = field(default_factory=dict)


def read_asset(kind: AssetKind, file: Path | None, settings: Sequence[Setting]) -> AssetFile:
    """Read an asset from a file, from options of the command line, or from both.

    Local paths are relative to the file; those of options, to the working folder. Raises
    ``DefinitionError`` with every problem.
    """
    problems = Problems(file or COMMAND_LINE)
    document = Located({}, GIVEN_OPTION) if file is None else read_file(file, problems)
    problems.raise_any()
    root = with_settings(document or Located({}, 1), settings)
    check_keys(root, _KEYS, problems, noun=str(kind))
    found = {
        key: value.text
        for key in ("name", "version", "type", "path", "description")
        if (value := root.get(key)) is not None
    }
    for key in ("name", "path"):
        if key not in found:
            what = f"{str(kind).capitalize()} needs a `{key}`."
            problems.at_line(root.line, what, f"Write `{key}:`, or give `--{key}`.")
    wanted = found.get("type", TYPES[kind][0])
    if wanted not in TYPES[kind]:
        problems.at_line(
            (root.get("type") or root).line,
            f"The type of {kind} is {wanted!r}.",
            nearest(wanted, dict.fromkeys(TYPES[kind]), noun="type"),
        )
    path = _path(root.get("path"), wanted, file, problems)
    problems.raise_any()
    return AssetFile(
        kind,
        found["name"],
        wanted,
        path,
        found.get("version"),
        found.get("description"),
        _texts(root.get("tags")),
        _texts(root.get("properties")),
    )


def _path(given: Located | None, wanted: str, file: Path | None, problems: Problems) -> str:
    """Return the address or the absolute path; a local one must be there, and be of the type."""
    text = "" if given is None else given.text.removeprefix("file:")
    if given is None or "://" in text or text.startswith(("runs:/", "azureml:")):
        return text
    folder = Path() if file is None or given.line in {GIVEN, GIVEN_OPTION} else file.parent
    local = (folder / text).absolute()
    if not local.exists():
        problems.at_line(given.line, f"There is no file or folder {local}.", "Correct the path.")
    elif wanted == "uri_file" and local.is_dir():
        what = f"{text} is a folder, and the type is `uri_file`."
        problems.at_line(given.line, what, "Write `type: uri_folder`, or name a file in it.")
    elif wanted == "uri_folder" and local.is_file():
        what = f"{text} is a file, and the type is `uri_folder`."
        problems.at_line(given.line, what, "Write `type: uri_file`, or name its folder.")
    elif wanted == "mltable" and not (local / "MLTable").is_file():
        what = f"{text} has no file MLTable, which `type: mltable` needs."
        problems.at_line(given.line, what, "Add it, or write `type: uri_folder`.")
    return str(local)


def _texts(given: Located | None) -> JsonObject:
    return {key: each.text for key, each in (given.entries.items() if given else ())}
