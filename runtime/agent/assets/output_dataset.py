"""``OutputFileDatasetConfig``, as in azureml-core: a folder that a run writes."""

import copy
import uuid
from typing import Dict, List, Optional, Tuple, Union

from .abstract_dataset import names
from .column_types import PromoteHeadersBehavior, header_number, type_documents
from .consumption import MOUNT, DatasetConsumptionConfig
from .datastore import Datastore
from .definitions import FILE, TABULAR, Definition
from .errors import UserErrorException, not_offered
from .local_files import remote_path
from .references import variable
from .transport import texts

UPLOAD = "upload"


class OutputFileDatasetConfig:
    """A folder that the script writes, stored when it ends.

    ``destination`` is ``(datastore, path)``, by default a folder of the run's own; ``{run-id}``
    and ``{output-name}`` in its path are filled in. ``source`` is where the script writes, by
    default a folder that it gets as an argument: the text of this object stands for it.
    """

    def __init__(
        self,
        name: Optional[str] = None,
        destination: "Optional[Tuple[Datastore, str]]" = None,
        source: Optional[str] = None,
        partition_format: Optional[str] = None,
    ) -> None:
        if destination is not None and not _is_place(destination):
            raise UserErrorException(
                f"The destination is {destination!r}; give (datastore, 'path')."
            )
        self.name = name or "output_" + uuid.uuid4().hex[:8]
        self.destination = destination
        self.source = source
        self.mode = MOUNT
        self.overwrite = False
        self.registered_as: Optional[str] = None
        self.description: Optional[str] = None
        self.tags: Dict[str, str] = {}
        self._reader: Dict[str, object] = {}
        self._steps: List[List[object]] = []
        if partition_format:
            self._reader["partition_format"] = partition_format

    def as_mount(self, disable_metadata_cache: bool = False) -> "OutputFileDatasetConfig":
        return self._with(mode=MOUNT)

    def as_upload(
        self, overwrite: bool = False, source_globs: Optional[List[str]] = None
    ) -> "OutputFileDatasetConfig":
        """Return the output as one that replaces what is at its destination, if ``overwrite``."""
        if source_globs:
            raise not_offered("source_globs", "Write only what is to be kept to the folder.")
        return self._with(mode=UPLOAD, overwrite=overwrite)

    def register_on_complete(
        self,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
    ) -> "OutputFileDatasetConfig":
        """Return the output as one that is registered as a dataset when the run completes."""
        return self._with(registered_as=name, description=description, tags=texts(tags))

    def read_delimited_files(
        self,
        include_path: bool = False,
        separator: str = ",",
        header: object = PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Optional[Dict[str, object]] = None,
    ) -> "OutputFileDatasetConfig":
        """Return the output as a table of its CSV files."""
        reader: Dict[str, object] = {
            "format": "delimited",
            "separator": separator,
            "header": header_number(header),
        }
        return self._read(reader, include_path, partition_format, path_glob, set_column_types)

    def read_parquet_files(
        self,
        include_path: bool = False,
        partition_format: Optional[str] = None,
        path_glob: Optional[str] = None,
        set_column_types: Optional[Dict[str, object]] = None,
    ) -> "OutputFileDatasetConfig":
        """Return the output as a table of its parquet files."""
        reader: Dict[str, object] = {"format": "parquet"}
        return self._read(reader, include_path, partition_format, path_glob, set_column_types)

    def keep_columns(self, columns: Union[str, List[str]]) -> "OutputFileDatasetConfig":
        return self._step("keep_columns", columns)

    def drop_columns(self, columns: Union[str, List[str]]) -> "OutputFileDatasetConfig":
        return self._step("drop_columns", columns)

    def as_input(self, name: Optional[str] = None) -> DatasetConsumptionConfig:
        """Return what the run writes as the input of a later step."""
        return DatasetConsumptionConfig(name or self.name, self, MOUNT)

    def definition(self) -> Definition:
        """Return the dataset that is registered, without its source."""
        kind = TABULAR if self._reader.get("format") else FILE
        return Definition(kind, [], self._reader, self._steps)

    def _read(
        self,
        reader: Dict[str, object],
        include_path: bool,
        partition_format: Optional[str],
        path_glob: Optional[str],
        types: Optional[Dict[str, object]],
    ) -> "OutputFileDatasetConfig":
        given = {
            "include_path": include_path or None,
            "partition_format": partition_format,
            "path_glob": remote_path(path_glob) if path_glob else None,
            "column_types": type_documents(types) or None,
        }
        reader.update((key, value) for key, value in given.items() if value)
        return self._with(_reader=reader)

    def _step(self, verb: str, columns: Union[str, List[str]]) -> "OutputFileDatasetConfig":
        if not self._reader.get("format"):
            raise UserErrorException(f"{verb} needs a table: call read_delimited_files first.")
        return self._with(_steps=[*self._steps, [verb, names(columns)]])

    def _with(self, **changes: object) -> "OutputFileDatasetConfig":
        changed = copy.copy(self)
        changed.__dict__.update(changes)
        return changed

    def __str__(self) -> str:
        return "$" + variable(self.name)

    def __repr__(self) -> str:
        return f"OutputFileDatasetConfig(name={self.name!r}, mode={self.mode!r})"


def _is_place(destination: object) -> bool:
    return (
        isinstance(destination, tuple)
        and len(destination) == 2  # noqa: PLR2004 - a pair
        and isinstance(destination[0], (Datastore, str))
    )
