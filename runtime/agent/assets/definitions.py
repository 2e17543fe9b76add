"""The definition of a dataset as JSON, and as an asset of the workspace. Pure.

``{"kind": "file" | "tabular", "sources": [...], "reader": {...}, "steps": [...], "timestamps":
{...}}``. The asset is ``uri_folder`` or ``uri_file`` where that says all, else ``mltable``, so that
Azure ML's other clients read it too.
"""

import copy
import hashlib
import json
from typing import Dict, List, Mapping, Optional

from .sources import Source, is_pattern
from .transport import objects, section, texts

PROPERTY = "aml.dataset"
"""The property of a data asset that holds the definition."""
FILE, TABULAR = "file", "tabular"
_READS = {"delimited": "read_delimited", "parquet": "read_parquet", "jsonlines": "read_json_lines"}
_HEADERS = {0: "no_header", 1: "from_first_file", 2: "all_files_different_headers"}
_SAME_HEADERS = "all_files_same_headers"
_TYPES = {"string": "string", "long": "int", "float": "float", "bool": "boolean"}


class Definition:
    """A dataset's definition; never changed once made."""

    def __init__(
        self,
        kind: str,
        sources: List[Source],
        reader: Optional[Dict[str, object]] = None,
        steps: Optional[List[List[object]]] = None,
        timestamps: Optional[Dict[str, object]] = None,
    ) -> None:
        self.kind = kind
        self.sources = sources
        self.reader = reader or {}
        self.steps = steps or []
        self.timestamps = timestamps or {}

    def json(self) -> str:
        """Return the definition as JSON text: the same for the same definition."""
        document = {
            "kind": self.kind,
            "sources": self.sources,
            "reader": self.reader,
            "steps": self.steps,
            "timestamps": self.timestamps,
        }
        return json.dumps({k: v for k, v in document.items() if v}, sort_keys=True)

    @property
    def hash(self) -> str:
        """Return a SHA-256 of the definition, 40 digits of it."""
        return hashlib.sha256(self.json().encode("utf-8")).hexdigest()[:40]

    def then(self, *step: object) -> "Definition":
        """Return the definition with one more step."""
        return Definition(
            self.kind, self.sources, self.reader, [*self.steps, list(step)], self.timestamps
        )

    def at(self, sources: List[Source]) -> "Definition":
        """Return the definition with other sources."""
        return Definition(self.kind, sources, self.reader, self.steps, self.timestamps)

    def timed(self, timestamps: Mapping[str, object]) -> "Definition":
        """Return the definition with other timestamp columns."""
        return Definition(self.kind, self.sources, self.reader, self.steps, dict(timestamps))


def parsed(text: str) -> Definition:
    """Return the definition that ``Definition.json`` wrote."""
    document: Dict[str, object] = json.loads(text)
    steps = document.get("steps")
    return Definition(
        str(document["kind"]),
        [texts(each) for each in objects(document.get("sources"))],
        section(document, "reader"),
        [list(each) for each in steps] if isinstance(steps, list) else [],
        section(document, "timestamps"),
    )


def plain_source(definition: Definition) -> Optional[Source]:
    """Return the one folder or file that the dataset is, ``None`` if it is anything else."""
    if definition.kind != FILE or definition.steps or len(definition.sources) != 1:
        return None
    source = definition.sources[0]
    path = source["path"][:-3] if source["path"].endswith("/**") else source["path"]
    if source["kind"] != "datastore" or is_pattern(path) or definition.reader:
        return None
    return dict(source, path=path)


def mltable(definition: Definition, uris: Dict[str, str]) -> str:
    """Return the text of an ``MLTable`` file; ``uris`` gives the URI of each datastore's root.

    The path of a folder ends with a slash.

    It is JSON, and so YAML. What MLTable has no word for is left out: reading it by Azure ML's own
    packages gives at least the rows and columns of the dataset.
    """
    paths = [_path(source, uris) for source in definition.sources]
    transformations = []
    if definition.reader.get("format") in _READS:
        transformations.append(_read(definition.reader))
    for step in definition.steps:
        if step[0] in ("take", "skip", "keep_columns", "drop_columns"):
            transformations.append({str(step[0]): step[1]})
        if step[0] == "sample":
            transformations.append(
                {"take_random_sample": {"probability": step[1], "seed": step[2]}}
            )
    document: Dict[str, object] = {"type": "mltable", "paths": paths}
    if transformations:
        document["transformations"] = transformations
    return json.dumps(document, indent=2) + "\n"


def from_mltable(document: Dict[str, object], folder: Source) -> Definition:
    """Return the definition of a table registered by another client.

    ``folder`` is where the ``MLTable`` file is; its paths may be relative to it.
    """
    sources = []
    for each in objects(document.get("paths")):
        path = str(each.get("file") or each.get("folder") or each.get("pattern") or "")
        sources.append(_source(path, folder))
    steps: List[List[object]] = []
    reader: Dict[str, object] = {}
    by_name = {name: form for form, name in _READS.items()}
    listed = document.get("transformations")
    for each in listed if isinstance(listed, list) else []:
        for name, value in each.items() if isinstance(each, dict) else [(str(each), {})]:
            if name in by_name:
                reader = dict(
                    _reader(value if isinstance(value, dict) else {}), format=by_name[name]
                )
            elif name in ("take", "skip", "keep_columns", "drop_columns"):
                steps.append([name, value])
    return Definition(TABULAR if reader else FILE, sources, reader, steps)


def _path(source: Source, uris: Dict[str, str]) -> Dict[str, str]:
    path = source["path"]
    whole = uris.get(source.get("datastore", ""), "") + path
    if is_pattern(path):
        return {"pattern": whole}
    return {"folder" if path.endswith("/") or not path else "file": whole}


def _source(path: str, folder: Source) -> Source:
    marker = "/datastores/"
    if path.startswith("azureml://"):
        store, _, below = path.partition(marker)[2].partition("/paths/")
        if path.startswith("azureml://datastores/"):
            store, _, below = path[len("azureml://datastores/") :].partition("/paths/")
        return {"kind": "datastore", "datastore": store, "path": below}
    if "://" in path:
        return {"kind": "url", "path": path}
    relative = path[2:] if path.startswith("./") else path
    return dict(folder, path=f"{folder['path'].rstrip('/')}/{relative}".lstrip("/"))


def _read(reader: Dict[str, object]) -> Dict[str, object]:
    options: Dict[str, object] = {}
    if reader["format"] == "delimited":
        header = reader.get("header")
        options = {
            "delimiter": reader.get("separator") or ",",
            "encoding": reader.get("encoding") or "utf8",
            "header": _HEADERS.get(header, _SAME_HEADERS)
            if isinstance(header, int)
            else _SAME_HEADERS,
            "include_path_column": bool(reader.get("include_path")),
        }
    return {_READS[str(reader["format"])]: copy.deepcopy(options)}


def _reader(options: Dict[str, object]) -> Dict[str, object]:
    reader: Dict[str, object] = {}
    if options.get("delimiter"):
        reader["separator"] = str(options["delimiter"])
    if options.get("encoding"):
        reader["encoding"] = str(options["encoding"])
    if options.get("include_path_column"):
        reader["include_path"] = True
    headers = {name: number for number, name in _HEADERS.items()}
    if options.get("header") in headers:
        reader["header"] = headers[str(options["header"])]
    return reader
