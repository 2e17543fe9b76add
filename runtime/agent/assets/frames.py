"""Tabular datasets as pandas data frames: read, typed, filtered, written.

pandas is imported when it is used: a run that reads no table needs none.
"""

import importlib
import json
import re
import tempfile
from types import ModuleType
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import conditions, partitions
from .column_types import PromoteHeadersBehavior
from .definitions import Definition
from .entries import fetch, list_files, positions
from .errors import DatasetExecutionError, MissingPackageError, UserErrorException
from .transport import HasTransport, section

Frame = Any
"""A ``pandas.DataFrame``: its types are not installed with it."""
_ROWS = ("take", "skip", "sample", "split")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?")
_NUMBERS = {"long": "Int64", "float": "float64"}
_TRUE, _FALSE = ("true", "1"), ("false", "0")


def pandas(verb: str, package: str = "pandas") -> ModuleType:
    """Return pandas, or another package. Raises ``MissingPackageError`` where it is absent."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingPackageError(
            f"{verb} needs {package}, which this Python does not have: add it to the packages of "
            "the environment."
        ) from error


def read_frame(definition: Definition, workspace: Optional[HasTransport]) -> Frame:
    """Return the rows of a tabular dataset.

    Raises ``DatasetExecutionError`` for files that cannot be read as the dataset says.
    """
    library = pandas("to_pandas_dataframe")
    listing = list_files(definition.sources, workspace)
    with tempfile.TemporaryDirectory(prefix="aml-data-") as folder:
        paths = fetch(listing, folder)
        frames = []
        for number, (entry, path) in enumerate(zip(listing.entries, paths)):
            try:
                frame = _READERS[str(definition.reader.get("format"))](
                    library, path, definition.reader, number
                )
            except (ValueError, OSError, UnicodeError) as error:
                raise DatasetExecutionError(f"{entry.name} cannot be read: {error}") from error
            frames.append(_with_path(library, frame, entry.name, definition.reader))
    whole = library.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    typed = _typed(library, whole, definition.reader)
    for step in definition.steps:
        typed = _stepped(typed, step, definition.timestamps)
    return typed.reset_index(drop=True)


def write_parquet(frame: Frame, path: str) -> None:
    """Write a frame as a parquet file."""
    pandas("Writing parquet", "pyarrow")
    frame.to_parquet(path, index=False)


def _delimited(library: ModuleType, path: str, reader: Dict[str, object], number: int) -> Frame:
    header = reader.get("header", int(PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS))
    first_only = header == PromoteHeadersBehavior.ONLY_FIRST_FILE_HAS_HEADERS and number > 0
    headless = header == PromoteHeadersBehavior.NO_HEADERS or first_only
    infer = bool(reader.get("infer_column_types", True))
    frame = library.read_csv(
        path,
        sep=str(reader.get("separator") or ","),
        header=None if headless else 0,
        encoding=str(reader.get("encoding") or "utf8"),
        dtype=None if infer else str,
        keep_default_na=not reader.get("empty_as_string"),
        na_values=[""] if infer and reader.get("empty_as_string") else None,
        engine="python" if len(str(reader.get("separator") or ",")) > 1 else "c",
    )
    if headless:
        frame.columns = [f"Column{n + 1}" for n in range(len(frame.columns))]
    return frame


def _parquet(library: ModuleType, path: str, _: Dict[str, object], __: int) -> Frame:
    pandas("Reading parquet", "pyarrow")
    return library.read_parquet(path)


def _json_lines(library: ModuleType, path: str, reader: Dict[str, object], _: int) -> Frame:
    with open(path, encoding=str(reader.get("encoding") or "utf8")) as source:
        rows = list(_objects(source, path, drop=reader.get("invalid_lines") == "drop"))
    return library.DataFrame(rows)


def _objects(source: "Iterator[str]", path: str, drop: bool) -> Iterator[Dict[str, object]]:
    for number, line in enumerate(source, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if isinstance(row, dict):
            yield row
        elif not drop:
            raise DatasetExecutionError(f"{path}:{number} is not a JSON object.")


_READERS = {"delimited": _delimited, "parquet": _parquet, "jsonlines": _json_lines}


def _with_path(library: ModuleType, frame: Frame, name: str, reader: Dict[str, object]) -> Frame:
    pattern = reader.get("partition_format")
    values: List[Tuple[str, object]] = []
    if pattern:
        values += partitions.values(str(pattern), name)
    if reader.get("include_path"):
        values.append(("Path", "/" + name))
    for position, (column, value) in enumerate(values):
        dated = library.Timestamp(value) if hasattr(value, "isoformat") else value
        frame.insert(position, column, dated)
    return frame


def _typed(library: ModuleType, frame: Frame, reader: Dict[str, object]) -> Frame:
    types = section(reader, "column_types")
    for column in types:
        if column not in frame.columns:
            raise UserErrorException(
                f"set_column_types names {column!r}; the data has {', '.join(frame.columns)}."
            )
        frame[column] = _converted(library, frame[column], section(types, column))
    if reader.get("format") == "delimited" and reader.get("infer_column_types", True):
        for column in frame.columns:
            if column not in types and _dates(frame[column]):
                frame[column] = library.to_datetime(frame[column], format="ISO8601")
    return frame


def _dates(column: Frame) -> bool:
    """Return whether all texts of a column are dates of ISO 8601."""
    if column.dtype.kind not in "OUT" and str(column.dtype) not in ("str", "string", "object"):
        return False
    present = column.dropna()
    return bool(len(present)) and all(
        isinstance(text, str) and _DATE.fullmatch(text) for text in present
    )


def _converted(library: ModuleType, column: Frame, wanted: Dict[str, object]) -> Frame:
    kind = str(wanted.get("type"))
    if kind == "string":
        return column.map(lambda value: value if library.isna(value) else str(value))
    if kind == "bool":
        return column.map(_bool)
    if kind == "datetime":
        formats = wanted.get("formats")
        given = [str(each) for each in formats] if isinstance(formats, list) else []
        return _parsed_dates(library, column, given)
    mark = wanted.get("decimal_mark")
    texts = (
        column.astype(str).str.replace(str(mark), ".", regex=False)
        if mark not in (None, ".")
        else column
    )
    numbers = library.to_numeric(texts, errors="coerce")
    if kind == "long" and not numbers.isna().any():
        return numbers.astype("int64")
    return numbers.astype(_NUMBERS[kind])


def _bool(value: object) -> object:
    text = str(value).strip().lower()
    return True if text in _TRUE else False if text in _FALSE else None


def _parsed_dates(library: ModuleType, column: Frame, formats: List[str]) -> Frame:
    if not formats:
        return library.to_datetime(column, errors="coerce")
    known = library.Series(library.NaT, index=column.index, dtype="datetime64[ns]")
    for each in formats:
        known = known.fillna(library.to_datetime(column, format=each, errors="coerce"))
    return known


def _stepped(frame: Frame, step: List[object], timestamps: Dict[str, object]) -> Frame:
    verb = step[0]
    if verb in _ROWS:
        return frame.iloc[positions(len(frame), step)]
    if verb == "keep_columns":
        return frame[_columns(frame, step[1])]
    if verb == "drop_columns":
        return frame.drop(columns=_columns(frame, step[1]))
    if verb == "filter":
        return frame[conditions.holds(frame, section({"": step[1]}, ""))]
    if verb == "time":
        return _in_time(frame, step, timestamps)
    raise DatasetExecutionError(f"The dataset has a step {verb!r}, which this release cannot do.")


def _columns(frame: Frame, wanted: object) -> List[str]:
    names = [str(each) for each in wanted] if isinstance(wanted, list) else [str(wanted)]
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise UserErrorException(
            f"There is no column {', '.join(missing)}; the data has {', '.join(frame.columns)}."
        )
    return names


def _in_time(frame: Frame, step: List[object], timestamps: Dict[str, object]) -> Frame:
    """Keep the rows from step[1] to step[2], ISO texts or ``None``; step[3]: bounds included."""
    library = pandas("A filter by time")
    name = str(timestamps.get("timestamp") or timestamps.get("partition_timestamp"))
    column = library.to_datetime(frame[_columns(frame, name)[0]])
    low, high, included = step[1], step[2], bool(step[3])
    kept = column.notna()
    if low is not None:
        bound = _moment(library, column, low)
        kept &= (column >= bound) if included else (column > bound)
    if high is not None:
        bound = _moment(library, column, high)
        kept &= (column <= bound) if included else (column < bound)
    return frame[kept]


def _moment(library: ModuleType, column: Frame, text: object) -> Frame:
    moment = library.Timestamp(text)
    zone = getattr(column.dt, "tz", None)
    if zone is not None and moment.tzinfo is None:
        return moment.tz_localize(zone)
    return moment.tz_convert(None) if zone is None and moment.tzinfo is not None else moment
