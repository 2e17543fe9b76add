"""Data that a run reads and writes: where it is, and how the script gets at it. All frozen."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Mechanism: TypeAlias = Literal["direct", "mount", "download", "upload"]


@dataclass(frozen=True, slots=True)
class DataLocation:
    """Where data is.

    ``local``: ``path`` is a file or folder of the submitting machine, absolute. ``url``: an http or
    https address. ``datastore``: a path on the datastore called ``datastore`` (``None``: the
    workspace's default). ``asset``: a registered dataset, ``name:version`` or ``name@latest``.
    """

    kind: Literal["local", "url", "datastore", "asset"]
    path: str
    datastore: str | None = None


@dataclass(frozen=True, slots=True)
class DataInput:
    """Data that the script reads.

    The script finds the local path in ``AZUREML_DATAREFERENCE_<name>`` (and in ``variable``, if
    set), and in place of ``$AZUREML_DATAREFERENCE_<name>`` in an argument. ``mount`` and
    ``download`` give a path to the content; ``direct`` passes ``location`` itself, as text.
    ``path_on_compute`` is where it is put, relative to the working folder or absolute.
    """

    name: str
    location: DataLocation
    mechanism: Mechanism = "mount"
    path_on_compute: str | None = None
    overwrite: bool = False
    variable: str | None = None


@dataclass(frozen=True, slots=True)
class DataOutput:
    """A folder that the script writes, found like an input's, and stored at ``location``.

    ``location`` ``None``: ``azureml/<run id>/<name>`` on the workspace's default datastore.
    ``mount`` and ``upload`` both store it when the script ends. ``registered_as`` names the dataset
    to register then.
    """

    name: str
    location: DataLocation | None = None
    mechanism: Mechanism = "mount"
    path_on_compute: str | None = None
    overwrite: bool = False
    registered_as: str | None = None


def data_variable(name: str) -> str:
    """Return the variable in which a script finds the path of an input or output."""
    return f"AZUREML_DATAREFERENCE_{name}"
