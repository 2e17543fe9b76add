"""Data that a run reads and writes: where it is, and how the script gets at it. All frozen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from infra.contract.json_types import Document
from runtime.model.redaction import redacted

Mechanism: TypeAlias = Literal["direct", "mount", "download", "upload"]


@dataclass(frozen=True, slots=True)
class DataLocation:
    """Where data is.

    ``local``: ``path`` is a file or folder of the submitting machine, absolute. ``url``: an http or
    https address. ``datastore``: a path on the datastore called ``datastore`` (``None``: the
    workspace's default). ``asset``: a registered dataset, ``name:version`` or ``name@latest``.
    ``model``: the files of a registered model, named likewise.
    """

    kind: Literal["local", "url", "datastore", "asset", "model"]
    path: str
    datastore: str | None = None


@dataclass(frozen=True, slots=True)
class DataInput:
    """Data that the script reads.

    The script finds the local path in ``AZUREML_DATAREFERENCE_<name>`` (and in ``variable``, if
    set), and in place of ``$AZUREML_DATAREFERENCE_<name>`` in an argument. ``mount`` and
    ``download`` give a path to the content; ``direct`` passes ``location`` itself, as text.
    ``path_on_compute`` is where it is put, relative to the working folder or absolute.
    ``may_be_empty``: where nothing is stored, the script finds an empty folder.
    """

    name: str
    location: DataLocation
    mechanism: Mechanism = "mount"
    path_on_compute: str | None = None
    overwrite: bool = False
    variable: str | None = None
    may_be_empty: bool = False


@dataclass(frozen=True, slots=True)
class DataOutput:
    """A folder that the script writes, found like an input's, and stored at ``location``.

    ``location`` ``None``: ``azureml/<run id>/<name>`` on the workspace's default datastore.
    ``{run-id}`` and ``{output-name}`` in its path are filled in. ``mount`` and ``upload`` store
    it when the script ends. ``registered_as`` names the dataset to register then, if the script
    succeeded, with ``description`` and ``tags``; ``definition`` is how it is read (JSON, as
    ``runtime.agent.assets.definitions`` writes it), empty for files. ``file``: the script writes
    this file alone.
    """

    name: str
    location: DataLocation | None = None
    mechanism: Mechanism = "mount"
    path_on_compute: str | None = None
    overwrite: bool = False
    registered_as: str | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    definition: str = ""
    file: str = ""


def data_variable(name: str) -> str:
    """Return the variable in which a script finds the path of an input or output."""
    return f"AZUREML_DATAREFERENCE_{name}"


def names_of_both(inputs: Iterable[DataInput], outputs: Iterable[DataOutput]) -> list[str]:
    """Return the names that an input and an output share: a script would find one of them."""
    written = {each.name for each in outputs}
    return [each.name for each in inputs if each.name in written]


def output_path(output: DataOutput, run_id: str) -> str:
    """Return where an output is stored on its datastore."""
    given = output.location.path if output.location else ""
    if not given.strip("/"):
        return f"azureml/{run_id}/{output.name}"
    return given.replace("{run-id}", run_id).replace("{output-name}", output.name)


def place_text(location: DataLocation | None) -> str:
    """Return a location as a person writes it, without credentials."""
    if location is None:
        return "a folder of the run's own on the default datastore"
    if location.kind == "datastore":
        return f"azureml://datastores/{location.datastore or 'DEFAULT'}/paths/{location.path}"
    if location.kind in {"asset", "model"}:
        return f"azureml:{location.path}"
    return redacted(location.path)


def without_token(data: DataInput) -> DataInput:
    """Return an input without the credentials in its address."""
    return replace(data, location=replace(data.location, path=redacted(data.location.path)))


def input_of(document: Document) -> DataInput:
    """Return the input that ``dataclasses.asdict`` gave as a document."""
    return DataInput(**{**document, "location": DataLocation(**document["location"])})


def output_of(document: Document) -> DataOutput:
    """Return the output that ``dataclasses.asdict`` gave as a document."""
    location = document.get("location")
    return DataOutput(**{**document, "location": DataLocation(**location) if location else None})
