"""``Dataset.File`` and ``Dataset.Tabular``, as in azureml-core: datasets from paths."""

import os
import tempfile
import uuid
from typing import Dict, List, Optional, Tuple, Union

from . import partitions
from .column_types import PromoteHeadersBehavior, header_number, python_encoding, type_documents
from .datastore import Datastore
from .definitions import FILE, TABULAR, Definition
from .entries import list_files
from .errors import UserErrorException, not_offered
from .file_dataset import FileDataset
from .frames import Frame, write_parquet
from .local_files import files_in, remote_path
from .references import DataPath, DataReference
from .sources import matcher, sources_of
from .tabular_dataset import TabularDataset

Target = Union[Datastore, DataPath, DataReference, Tuple[Datastore, str]]
_TARGETS = "Give a datastore, (datastore, 'path') or a DataPath."
_LINES = ("error", "drop")


class FileDatasetFactory:
    """Makes file datasets."""

    @staticmethod
    def from_files(
        path: object,
        validate: bool = True,
        partition_format: Optional[str] = None,
        is_file: bool = False,
    ) -> FileDataset:
        """Return the files at a path; with ``validate``, there must be some.

        A path is ``(datastore, 'pattern')``, an address, a local path, or a list of these.
        """
        if partition_format:
            partitions.check(partition_format)
        sources, workspace = sources_of(path)
        reader: Dict[str, object] = {}
        if partition_format:
            reader["partition_format"] = partition_format
        if validate:
            list_files([each for each in sources if each["kind"] != "url"], workspace)
        return FileDataset(Definition(FILE, sources, reader), workspace)

    @staticmethod
    def upload_directory(
        src_dir: str,
        target: Target,
        pattern: Optional[str] = None,
        overwrite: bool = False,
        show_progress: bool = True,
    ) -> FileDataset:
        """Upload the files of a folder, those of a pattern, and return them as a dataset."""
        if not os.path.isdir(src_dir):
            raise UserErrorException(f"There is no folder {src_dir}.")
        datastore, folder = _target(target)
        wanted = matcher(pattern) if pattern else None
        files = [
            path for name, path in files_in(str(src_dir)) if not wanted or wanted.fullmatch(name)
        ]
        if not files:
            raise UserErrorException(f"There are no files {pattern or ''} in {src_dir}.")
        datastore.upload_files(files, str(src_dir), folder, overwrite, show_progress)
        return FileDatasetFactory.from_files((datastore, folder), validate=False)


class TabularDatasetFactory:
    """Makes tabular datasets. ``path`` is as for ``Dataset.File.from_files``."""

    @staticmethod
    def from_delimited_files(
        path: object,
        validate: bool = True,
        include_path: bool = False,
        infer_column_types: bool = True,
        set_column_types: Optional[Dict[str, object]] = None,
        separator: str = ",",
        header: object = True,
        partition_format: Optional[str] = None,
        support_multi_line: bool = False,
        empty_as_string: bool = False,
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Return the rows of CSV and similar files. Quoted values may have line ends in them."""
        behaviour = header_number(header)
        reader: Dict[str, object] = {"separator": separator, "encoding": python_encoding(encoding)}
        if behaviour != PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS:
            reader["header"] = behaviour
        if not infer_column_types:
            reader["infer_column_types"] = False
        if empty_as_string:
            reader["empty_as_string"] = True
        return _tabular(
            "delimited", path, validate, include_path, set_column_types, partition_format, reader
        )

    @staticmethod
    def from_parquet_files(
        path: object,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Dict[str, object]] = None,
        partition_format: Optional[str] = None,
    ) -> TabularDataset:
        """Return the rows of parquet files; reading them needs pyarrow."""
        return _tabular(
            "parquet", path, validate, include_path, set_column_types, partition_format, {}
        )

    @staticmethod
    def from_json_lines_files(
        path: object,
        validate: bool = True,
        include_path: bool = False,
        set_column_types: Optional[Dict[str, object]] = None,
        partition_format: Optional[str] = None,
        invalid_lines: str = "error",
        encoding: str = "utf8",
    ) -> TabularDataset:
        """Return the rows of files with a JSON object in each line."""
        if invalid_lines not in _LINES:
            raise UserErrorException(f"invalid_lines is {invalid_lines!r}; use error or drop.")
        reader: Dict[str, object] = {
            "encoding": python_encoding(encoding),
            "invalid_lines": invalid_lines,
        }
        return _tabular(
            "jsonlines", path, validate, include_path, set_column_types, partition_format, reader
        )

    @staticmethod
    def from_sql_query(*_: object, **__: object) -> TabularDataset:
        raise not_offered(
            "Dataset.Tabular.from_sql_query",
            "Query with a database client, and register the frame with register_pandas_dataframe.",
        )

    @staticmethod
    def register_pandas_dataframe(
        dataframe: Frame,
        target: Target,
        name: str,
        description: Optional[str] = None,
        tags: Optional[Dict[str, str]] = None,
        show_progress: bool = True,
        row_group_size: Optional[int] = None,
        make_target_path_unique: bool = True,
    ) -> TabularDataset:
        """Write a frame as parquet to a datastore and register it as the next version."""
        datastore, folder = _target(target)
        if make_target_path_unique:
            folder = f"{folder}/{uuid.uuid4()}".lstrip("/")
        with tempfile.TemporaryDirectory(prefix="aml-data-") as local:
            path = os.path.join(local, "part-00000.parquet")
            write_parquet(dataframe, path)
            datastore.upload_files([path], None, folder, True, show_progress)
        made = TabularDatasetFactory.from_parquet_files((datastore, folder + "/"), validate=False)
        return made.register(datastore.workspace, name, description, tags, True)

    @staticmethod
    def register_spark_dataframe(*_: object, **__: object) -> TabularDataset:
        raise not_offered("register_spark_dataframe", "Use register_pandas_dataframe.")

    @staticmethod
    def register_dask_dataframe(*_: object, **__: object) -> TabularDataset:
        raise not_offered("register_dask_dataframe", "Use register_pandas_dataframe.")


def _tabular(
    form: str,
    path: object,
    validate: bool,
    include_path: bool,
    types: Optional[Dict[str, object]],
    partition_format: Optional[str],
    reader: Dict[str, object],
) -> TabularDataset:
    sources, workspace = sources_of(path)
    reader["format"] = form
    if include_path:
        reader["include_path"] = True
    if types:
        reader["column_types"] = type_documents(types)
    if partition_format:
        partitions.check(partition_format)
        reader["partition_format"] = partition_format
    if validate:
        list_files([each for each in sources if each["kind"] != "url"], workspace)
    return TabularDataset(Definition(TABULAR, sources, reader), workspace)


def _target(target: object) -> Tuple[Datastore, str]:
    pair: List[object] = list(target) if isinstance(target, tuple) else [target, ""]
    if isinstance(target, (DataPath, DataReference)):
        pair = [target.datastore, target.path_on_datastore or ""]
    if len(pair) != 2 or not isinstance(pair[0], Datastore):  # noqa: PLR2004 - a pair
        raise UserErrorException(f"{target!r} is not a place for data. {_TARGETS}")
    return pair[0], remote_path(str(pair[1] or ""))
