"""The inputs and outputs of a CLI v2 job: literals, and where data is.

A literal is its text as written, except that true and false are `True` and `False`, as the
service receives them from Microsoft's client.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Final

from infra.contract.load import nearest
from runtime.definitions.job_expressions import EXPRESSION, Literal, Value, Variable, references
from runtime.definitions.located import Located, folder_of
from runtime.definitions.problems import Problems
from runtime.model.data import DataInput, DataLocation, DataOutput, Mechanism, data_variable

NAME: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
INPUT_MODES: Final[Mapping[str, Mechanism]] = {
    "ro_mount": "mount",
    "download": "download",
    "direct": "direct",
}
OUTPUT_MODES: Final[Mapping[str, Mechanism]] = {"rw_mount": "mount", "upload": "upload"}
DATA_TYPES: Final = (
    *("uri_file", "uri_folder", "mltable"),
    *("mlflow_model", "custom_model", "triton_model"),
)
LITERAL_TYPES: Final = ("string", "number", "integer", "boolean")
_MODELS: Final = frozenset({"mlflow_model", "custom_model", "triton_model"})
_ASSET: Final = re.compile(r"azureml:(?P<name>[\w.-]+)(?::(?P<version>[\w.-]+)|@(?P<label>\w+))")
_DATASTORE: Final = re.compile(
    r"azureml://(?:subscriptions/[^/]+/resource[gG]roups/[^/]+(?:/providers/[^/]+)?"
    r"/workspaces/[^/]+/)?datastores/(?P<store>[^/]+)/paths/(?P<path>.*)"
)
_WASB: Final = re.compile(r"wasbs?://(?P<container>[^@/]+)@(?P<host>[^/]+)/?(?P<path>.*)")
_REFUSED: Final = (
    ("azureml://registries/", "Data of a registry", "Register the data in the workspace."),
    ("azureml://", "This address", "Write `azureml://datastores/NAME/paths/PATH`."),
    ("azureml:/", "This address", "Write `azureml:NAME:VERSION`."),
    ("azureml:", "An asset without a version", "Write `azureml:NAME:VERSION` or `NAME@latest`."),
    ("runs:/", "An artifact of a run", "Download it, and give its local path."),
    ("abfs", "An Azure Data Lake path", "Give it a datastore: `azureml://datastores/NAME/paths/…`."),
    ("adl:", "An Azure Data Lake path", "Give it a datastore: `azureml://datastores/NAME/paths/…`."),
    ("git+", "A repository", "Clone it, and give the local path."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JobData:
    """What the expressions of a job stand for (``inputs.x`` → value), and its data."""

    values: Mapping[str, Value]
    inputs: tuple[DataInput, ...]
    outputs: tuple[DataOutput, ...]


def read_data(document: Located, folder: Path, problems: Problems) -> JobData:
    """Read ``inputs`` and ``outputs``; local paths are relative to their file, or ``folder``."""
    values: dict[str, Value] = {}
    inputs, outputs = list[DataInput](), list[DataOutput]()
    reading = _Reading(folder, problems)
    for name, given in (document.get("inputs") or Located({}, 1)).entries.items():
        value, data = reading.input(name, given)
        values[f"inputs.{name}"] = value
        inputs += [data] if data else []
    for name, given in (document.get("outputs") or Located({}, 1)).entries.items():
        value, output = reading.output(name, given)
        values[f"outputs.{name}"] = value
        outputs += [output] if output else []
    return JobData(values, tuple(inputs), tuple(outputs))


def literal_text(value: Located) -> str:
    """Return a literal as it stands in a command."""
    return str(value.value) if isinstance(value.value, bool) else value.text


@dataclass(frozen=True, slots=True)
class _Reading:
    folder: Path
    problems: Problems

    def input(self, name: str, given: Located) -> tuple[Value, DataInput | None]:
        """Return what an input stands for, and its data if it is any."""
        self._check_name(name, given)
        if given.is_list:
            self.problems.at_line(given.line, f"Input {name!r} is a list.", "Write text or a map.")
            return _WRONG, None
        if given.is_null:
            return None, None
        if not given.is_map:
            return Literal(literal_text(given)), None
        kind = self._one_of(given, "type", (*DATA_TYPES, *LITERAL_TYPES), "uri_folder")
        if kind in LITERAL_TYPES:
            return self._literal(name, kind, given), None
        return self._data(name, kind, given)

    def _literal(self, name: str, kind: str, given: Located) -> Value:
        path = given.get("path")
        if path is not None:
            todo = f"Write `{name}: {path.text}`, or `type: uri_file`."
            self.problems.at_line(path.line, f"Input {name!r} of type {kind} has a path.", todo)
            return _WRONG
        value = given.get("value") or given.get("default")
        if value is None:
            return self._absent(name, given, "value", f"Write `{name}: VALUE`")
        self._check_literal(name, kind, value, given)
        return Literal(literal_text(value))

    def _check_literal(self, name: str, kind: str, value: Located, given: Located) -> None:
        if not _IS_A[kind](value.text):
            self.problems.at_line(
                value.line, f"Input {name!r} is {value.text!r}, not of type {kind}.", "Correct it."
            )
            return
        allowed = [each.text for each in (given.get("enum") or Located((), 1)).items]
        if allowed and value.text not in allowed:
            what = f"Input {name!r} is {value.text!r}, which `enum` does not list."
            self.problems.at_line(
                value.line, what, nearest(value.text, dict.fromkeys(allowed), noun="value")
            )
        for key, below in (("min", True), ("max", False)):
            bound = given.get(key)
            if bound is not None and kind in {"number", "integer"}:
                outside = (
                    float(value.text) < float(bound.text)
                    if below
                    else float(value.text) > float(bound.text)
                )
                if outside:
                    what = f"Input {name!r} is {value.text}; its `{key}` is {bound.text}."
                    self.problems.at_line(value.line, what, "Correct it.")

    def _data(self, name: str, kind: str, given: Located) -> tuple[Value, DataInput | None]:
        path = given.get("path")
        mode = self._one_of(given, "mode", tuple(INPUT_MODES), "ro_mount")
        if path is None:
            return self._absent(name, given, "path", "Write where the data is"), None
        location = self._location(path, model=kind in _MODELS)
        value = Variable(data_variable(name))
        if location is None:
            return value, None
        mechanism, place = INPUT_MODES.get(mode, "mount"), _place(given)
        return value, DataInput(name, location, mechanism, path_on_compute=place)

    def output(self, name: str, given: Located) -> tuple[Value, DataOutput | None]:
        """Return what an output stands for, and where it is stored."""
        self._check_name(name, given)
        kind = self._one_of(given, "type", DATA_TYPES, "uri_folder")
        mode = self._one_of(given, "mode", tuple(OUTPUT_MODES), "rw_mount")
        file = ""
        location = None
        path = given.get("path")
        if path is not None:
            location = self._destination(name, path)
        if kind == "uri_file":
            # A run stores folders: the file is one in a folder of its own.
            at = PurePosixPath(location.path if location else name)
            file = f"/{at.name}"
            location = location and DataLocation("datastore", str(at.parent), location.datastore)
        registered = given.get("name")
        output = DataOutput(
            name,
            location,
            OUTPUT_MODES.get(mode, "mount"),
            path_on_compute=_place(given),
            registered_as=registered.text if registered else None,
        )
        return Variable(data_variable(name), file), output

    def _destination(self, name: str, path: Located) -> DataLocation | None:
        text = EXPRESSION.sub(lambda match: _PLACES.get(match[1], match[0]), path.text)
        text = text.replace("{output-name}", name)
        for unknown in references(text):
            self.problems.at_line(
                path.line,
                f"`${{{{{unknown}}}}}` cannot be used in the path of an output.",
                "Use ${{name}}, ${{output_name}} or ${{default_datastore}}.",
            )
            return None
        found = _DATASTORE.fullmatch(text)
        if found is None:
            self.problems.at_line(
                path.line,
                f"Output {name!r} cannot be stored at {path.text!r}.",
                "Write `path: azureml://datastores/NAME/paths/PATH`, or leave `path` out.",
            )
            return None
        store = found["store"]
        return DataLocation(
            "datastore", found["path"].rstrip("/"), None if store == _DEFAULT_STORE else store
        )

    def _location(self, path: Located, *, model: bool) -> DataLocation | None:
        text = path.text.strip()
        found = location_of(text)
        if found is not None:
            return replace(found, kind="model") if model and found.kind == "asset" else found
        if EXPRESSION.search(text):
            what = f"The path {text!r} has an expression."
            self.problems.at_line(path.line, what, "Write the path itself.")
            return None
        for start, what, todo in _REFUSED:
            if text.startswith(start):
                self.problems.at_line(path.line, f"{what} cannot be an input: {text}.", todo)
                return None
        folder = folder_of(path.line, self.folder)
        local = Path(os.path.normpath(folder.absolute() / text.removeprefix("file:")))
        if not local.exists():
            what = f"There is no file or folder {text!r} beside the job."
            self.problems.at_line(
                path.line, what, "Correct the path; it is relative to the job's file."
            )
            return None
        return DataLocation("local", str(local))

    def _absent(self, name: str, given: Located, key: str, todo: str) -> Value:
        """Return what an input without a value stands for: nothing, if it is optional."""
        optional = given.get("optional")
        if optional is not None and optional.value is True:
            return None
        if not any(old in given.entries for old in _OLD_PATHS):
            rest = f"{todo}, give it with `--set inputs.{name}…`, or write `optional: true`."
            self.problems.at_line(given.line, f"Input {name!r} has no {key}.", rest)
        return _WRONG

    def _check_name(self, name: str, given: Located) -> None:
        if not NAME.fullmatch(name):
            what = f"{name!r} cannot be the name of an input or output."
            self.problems.at_line(given.line, what, "Use letters, digits and underscores.")

    def _one_of(self, given: Located, key: str, allowed: tuple[str, ...], default: str) -> str:
        value = given.get(key)
        if value is None or value.is_map or value.is_list:
            return default
        if value.text in allowed:
            return value.text
        hint = nearest(value.text.replace("-", "_"), dict.fromkeys(allowed), noun=key)
        self.problems.at_line(value.line, f"`{key}` is {value.text!r}.", hint)
        return default


def _place(given: Located) -> str | None:
    place = given.get("path_on_compute")
    return place.text if place else None


_WRONG: Final = Literal("")
"""What an input stands for whose problem was added: one is enough."""
_OLD_PATHS: Final = ("data", "dataset", "file", "folder")
_DEFAULT_STORE: Final = "{default-datastore}"
_PLACES: Final = {
    "name": "{run-id}",
    "output_name": "{output-name}",
    "default_datastore": _DEFAULT_STORE,
}
"""The expressions of an output's path, and the placeholders of a data location."""
_IS_A: Final[Mapping[str, Callable[[str], bool]]] = {
    "string": lambda _: True,
    "boolean": lambda text: text.lower() in {"true", "false"},
    "integer": lambda text: re.fullmatch(r"[-+]?\d+", text) is not None,
    "number": lambda text: re.fullmatch(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text) is not None,
}


def location_of(text: str) -> DataLocation | None:
    """Return where an address leads; ``None`` for one that is local, or that cannot be used."""
    if text.startswith(("http://", "https://")):
        return DataLocation("url", text)
    if found := _WASB.fullmatch(text):
        return DataLocation("url", f"https://{found['host']}/{found['container']}/{found['path']}")
    if found := _DATASTORE.fullmatch(text):
        return DataLocation("datastore", found["path"].rstrip("/"), found["store"])
    if (found := _ASSET.fullmatch(text)) and found["label"] in {None, "latest"}:
        end = f":{found['version']}" if found["version"] else "@latest"
        return DataLocation("asset", f"{found['name']}{end}")
    return None
