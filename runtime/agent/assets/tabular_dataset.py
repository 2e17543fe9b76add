"""``TabularDataset``, as in azureml-core: rows and columns read from files."""

import os
import tempfile
from datetime import datetime, timedelta, timezone
from typing import Callable, Dict, List, Optional, Tuple, Union

from .abstract_dataset import KINDS, AbstractDataset, names
from .conditions import Column, Condition
from .definitions import FILE, TABULAR, Definition
from .errors import DatasetTimestampMissingError, UserErrorException, not_offered
from .file_dataset import FileDataset
from .frames import Frame, read_frame, write_parquet
from .registration import on_storage

_ERRORS = ("null", "fail")
Names = Union[str, List[str]]


class TabularDataset(AbstractDataset):
    """Rows and columns, and which of them. Read with pandas, when they are asked for."""

    def to_pandas_dataframe(
        self, on_error: str = "null", out_of_range_datetime: str = "null"
    ) -> Frame:
        """Return the rows as a ``pandas.DataFrame``.

        Raises ``MissingPackageError`` where pandas is absent.
        """
        for word in (on_error, out_of_range_datetime):
            if word not in _ERRORS:
                raise UserErrorException(f"{word!r} is not one of {', '.join(_ERRORS)}.")
        return read_frame(self._definition, self._workspace)

    def keep_columns(self, columns: Names, validate: bool = False) -> "TabularDataset":
        """Return the dataset with these columns only."""
        kept = names(columns)
        times = {k: v for k, v in self._definition.timestamps.items() if v in kept}
        return self._changed(self._definition.then("keep_columns", kept).timed(times))

    def drop_columns(self, columns: Names) -> "TabularDataset":
        """Return the dataset without these columns."""
        gone = names(columns)
        times = {k: v for k, v in self._definition.timestamps.items() if v not in gone}
        return self._changed(self._definition.then("drop_columns", gone).timed(times))

    def __getitem__(self, columns: Names) -> "Union[Column, TabularDataset]":
        """Return a column, to compare it in ``filter``; for a list, the dataset with those."""
        return Column(columns) if isinstance(columns, str) else self.keep_columns(columns)

    def filter(self, expression: object) -> "TabularDataset":
        """Return the rows that fulfil a condition, such as ``dataset['age'] > 30``."""
        if not isinstance(expression, Condition):
            raise UserErrorException(
                "filter takes a condition on columns, such as dataset['age'] > 30. For more, "
                "filter the result of to_pandas_dataframe()."
            )
        return self._then("filter", expression.document)

    # --- time

    @property
    def timestamp_columns(self) -> Tuple[Optional[str], Optional[str]]:
        """Return the names of the timestamp and the partition timestamp."""
        times = self._definition.timestamps
        one, other = times.get("timestamp"), times.get("partition_timestamp")
        return (str(one) if one else None, str(other) if other else None)

    def with_timestamp_columns(
        self,
        timestamp: Optional[str] = None,
        partition_timestamp: Optional[str] = None,
        validate: bool = False,
        fine_grain_timestamp: Optional[str] = None,
        coarse_grain_timestamp: Optional[str] = None,
    ) -> "TabularDataset":
        """Name the columns that ``time_before`` and its like compare."""
        given = {
            "timestamp": timestamp or fine_grain_timestamp,
            "partition_timestamp": partition_timestamp or coarse_grain_timestamp,
        }
        times: Dict[str, object] = {k: v for k, v in given.items() if v}
        return self._changed(self._definition.timed(times))

    def time_before(
        self, end_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> "TabularDataset":
        return self._in_time(None, end_time, include_boundary)

    def time_after(
        self, start_time: datetime, include_boundary: bool = True, validate: bool = True
    ) -> "TabularDataset":
        return self._in_time(start_time, None, include_boundary)

    def time_between(
        self,
        start_time: datetime,
        end_time: datetime,
        include_boundary: bool = True,
        validate: bool = True,
    ) -> "TabularDataset":
        return self._in_time(start_time, end_time, include_boundary)

    def time_recent(
        self, time_delta: timedelta, include_boundary: bool = True, validate: bool = True
    ) -> "TabularDataset":
        """Return the rows of the last time, up to now."""
        start = datetime.now(timezone.utc) - time_delta
        return self._in_time(start, None, include_boundary)

    # --- files

    def to_csv_files(self, separator: str = ",") -> FileDataset:
        """Write the rows to a CSV file and return it as a dataset."""
        return self._as_file("data.csv", lambda frame, path: _csv(frame, path, separator))

    def to_parquet_files(self) -> FileDataset:
        """Write the rows to a parquet file and return it as a dataset."""
        return self._as_file("data.parquet", write_parquet)

    def _as_file(self, name: str, write: Callable[[Frame, str], None]) -> FileDataset:
        folder = tempfile.mkdtemp(prefix="aml-data-")
        path = os.path.join(folder, name)
        write(self.to_pandas_dataframe(), path)
        definition = Definition(FILE, [{"kind": "local", "path": path}])
        if self._workspace is None:
            return FileDataset(definition)
        return FileDataset(on_storage(self._workspace, definition), self._workspace)

    def _in_time(
        self, start: Optional[datetime], end: Optional[datetime], included: bool
    ) -> "TabularDataset":
        if not self._definition.timestamps:
            raise DatasetTimestampMissingError(
                "The dataset has no timestamp column; name one with with_timestamp_columns."
            )
        bounds = [each.isoformat() if each is not None else None for each in (start, end)]
        return self._then("time", bounds[0], bounds[1], included)


def _csv(frame: Frame, path: str, separator: str) -> None:
    frame.to_csv(path, sep=separator, index=False)


KINDS[TABULAR] = TabularDataset


def _refused(verb: str, instead: str) -> "Callable[..., None]":
    def refuse(*_: object, **__: object) -> None:
        raise not_offered("TabularDataset." + verb, instead)

    return refuse


_PANDAS = "Use to_pandas_dataframe()."
for _verb, _instead in {
    "to_spark_dataframe": _PANDAS,
    "to_dask_dataframe": _PANDAS,
    "partition_by": "Write the partitions yourself and register the folder with partition_format.",
    "submit_profile_run": _PANDAS,
    "get_profile": _PANDAS,
    "download": "Use a file dataset.",
    "mount": "Use a file dataset.",
}.items():
    setattr(TabularDataset, _verb, _refused(_verb, _instead))
