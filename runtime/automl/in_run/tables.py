"""Reads training data as a table: files by their ending, MLTable folders, registered datasets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd
import yaml

READERS: Final[Mapping[str, Callable[..., Any]]] = {
    ".csv": pd.read_csv,
    ".tsv": lambda file: pd.read_csv(file, sep="\t"),
    ".txt": pd.read_csv,
    ".parquet": pd.read_parquet,
    ".json": pd.read_json,
    ".jsonl": lambda file: pd.read_json(file, lines=True),
}
"""The ending of a file → what reads it."""
_MLTABLE: Final = "MLTable"
_HEADERS: Final = {
    "all_files_same_headers": True,
    "all_files_have_same_headers": True,
    "from_first_file": True,
    "true": True,
    "no_header": False,
    "no_headers": False,
    "false": False,
}


class DataProblemError(Exception):
    """Data from which nothing can be learnt; the message says why, and what to do."""


def read_table(source: Any) -> Any:
    """Return a data frame: of a dataset, a file, or a folder (of files, or with an ``MLTable``)."""
    if hasattr(source, "to_pandas_dataframe"):
        return source.to_pandas_dataframe()
    path = Path(str(source))
    if not path.exists():
        raise DataProblemError(f"There is no file or folder {path}.")
    if path.is_dir() and (path / _MLTABLE).is_file():
        return _mltable(path)
    files = _files(path) if path.is_dir() else [path]
    if not files:
        raise DataProblemError(f"{path} has no file that ends in {', '.join(READERS)}.")
    return pd.concat([_read(file) for file in files], ignore_index=True)


def _files(folder: Path) -> list[Path]:
    """Return the files that can be read; without any, those whose names have no ending."""
    found = sorted(file for file in folder.rglob("*") if file.is_file())
    plain = [file for file in found if not file.suffix and not file.name.startswith((".", "_"))]
    return [file for file in found if file.suffix.lower() in READERS] or plain


def _read(file: Path) -> Any:
    reader = READERS.get(file.suffix.lower() or ".csv")
    if reader is None:
        raise DataProblemError(f"{file.name} cannot be read: use {', '.join(READERS)}, or MLTable.")
    return reader(file)


# --- MLTable


def _mltable(folder: Path) -> Any:
    document = yaml.safe_load((folder / _MLTABLE).read_text(encoding="utf-8")) or {}
    files = [file for each in document.get("paths") or () for file in _matching(folder, each)]
    steps = [_step(each) for each in document.get("transformations") or ()]
    read: Callable[[Path], Any] = _read
    changes: list[tuple[str, Any]] = []
    for name, options in steps:
        if name in _READ_STEPS:
            read = _READ_STEPS[name](options or {})
        elif name in _CHANGES:
            changes.append((name, options))
        else:
            known = ", ".join((*_READ_STEPS, *_CHANGES))
            raise DataProblemError(f"The MLTable has {name!r}; this reads {known}.")
    if not files:
        raise DataProblemError(f"The MLTable of {folder} names no file that is there.")
    table = pd.concat([read(file) for file in files], ignore_index=True)
    for name, options in changes:
        table = _CHANGES[name](table, options)
    return table


def _matching(folder: Path, entry: Mapping[str, str]) -> list[Path]:
    kind, path = next(iter(entry.items()))
    if "://" in path:
        raise DataProblemError(
            f"The MLTable reads {path}. Give paths beside it: what it names is sent with it."
        )
    relative = path.removeprefix("./")
    if kind == "pattern":
        return sorted(folder.glob(relative))
    found = folder / relative
    return _files(found) if kind == "folder" else [found]


def _step(entry: Any) -> tuple[str, Any]:
    if isinstance(entry, str):
        return entry, {}
    name, options = next(iter(entry.items()))
    return str(name), options


def _delimited(options: Mapping[str, Any]) -> Callable[[Path], Any]:
    has_header = _HEADERS.get(str(options.get("header", "true")).lower(), True)
    arguments = {
        "sep": options.get("delimiter", ","),
        "encoding": "utf-8" if options.get("encoding") in {None, "utf8"} else options["encoding"],
        "header": "infer" if has_header else None,
    }

    def read(file: Path) -> Any:
        table = pd.read_csv(file, **arguments)
        if not has_header:
            table.columns = [f"Column{number}" for number in range(1, table.shape[1] + 1)]
        return table

    return read


_READ_STEPS: Final[Mapping[str, Callable[[Mapping[str, Any]], Callable[[Path], Any]]]] = {
    "read_delimited": _delimited,
    "read_parquet": lambda _: pd.read_parquet,
    "read_json_lines": lambda _: lambda file: pd.read_json(file, lines=True),
}


def _names(options: Any) -> list[str]:
    return [options] if isinstance(options, str) else [str(each) for each in options]


_CHANGES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "keep_columns": lambda table, names: table[_names(names)],
    "drop_columns": lambda table, names: table.drop(columns=_names(names)),
    "take": lambda table, count: table.head(int(count)),
    "skip": lambda table, count: table.iloc[int(count) :],
}


def checked_columns(table: Any, names: Sequence[str], what: str) -> None:
    """Raise ``DataProblemError`` for columns that a table does not have."""
    missing = [name for name in names if name not in table.columns]
    if missing:
        known = ", ".join(map(str, table.columns))
        raise DataProblemError(f"The {what} has no column {', '.join(missing)}; it has {known}.")
