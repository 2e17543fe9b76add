"""``DataType`` and ``PromoteHeadersBehavior``, as in azureml-core: how columns are read."""

import codecs
import enum
from typing import Dict, List, Optional, Union

from .errors import UserErrorException, not_offered


class PromoteHeadersBehavior(enum.IntEnum):
    """Which files have a line of column names."""

    NO_HEADERS = 0
    ONLY_FIRST_FILE_HAS_HEADERS = 1
    COMBINE_ALL_FILES_HEADERS = 2
    ALL_FILES_HAVE_SAME_HEADERS = 3


class DataType:
    """The type of a column, for ``set_column_types``."""

    def __init__(self, kind: str, detail: Optional[Dict[str, object]] = None) -> None:
        self.kind = kind
        self.detail = detail or {}

    @staticmethod
    def to_string() -> "DataType":
        return DataType("string")

    @staticmethod
    def to_long() -> "DataType":
        return DataType("long")

    @staticmethod
    def to_float(decimal_mark: str = ".") -> "DataType":
        return DataType("float", {"decimal_mark": decimal_mark})

    @staticmethod
    def to_bool() -> "DataType":
        return DataType("bool")

    @staticmethod
    def to_datetime(formats: Union[str, List[str], None] = None) -> "DataType":
        """Return dates, read by the given ``strptime`` formats or, without any, as they look."""
        listed = [formats] if isinstance(formats, str) else list(formats or [])
        return DataType("datetime", {"formats": listed})

    @staticmethod
    def to_stream(*_: object, **__: object) -> "DataType":
        raise not_offered("DataType.to_stream", "Use a file dataset for the files.")


_ENCODINGS = {"iso88591": "iso-8859-1", "utf8bom": "utf-8-sig", "windows1252": "cp1252"}


def python_encoding(encoding: str) -> str:
    """Return Python's name of an encoding. Raises ``UserErrorException`` for an unknown one."""
    name = _ENCODINGS.get(encoding, encoding)
    try:
        codecs.lookup(name)
    except LookupError:
        raise UserErrorException(
            f"{encoding!r} is not an encoding; use utf8, utf8bom, iso88591, latin1, ascii, utf16, "
            "utf32 or windows1252."
        ) from None
    return name


def header_number(header: object) -> int:
    """Return the number of a ``header`` argument: a bool or one of ``PromoteHeadersBehavior``."""
    if isinstance(header, bool):
        return int(
            PromoteHeadersBehavior.ALL_FILES_HAVE_SAME_HEADERS
            if header
            else PromoteHeadersBehavior.NO_HEADERS
        )
    value = getattr(header, "value", header)
    if value not in {int(each) for each in PromoteHeadersBehavior}:
        raise UserErrorException(
            f"{header!r} is not a header option: use True, False or one of PromoteHeadersBehavior."
        )
    return int(str(value))


def type_documents(types: Optional[Dict[str, object]]) -> Dict[str, object]:
    """Return ``set_column_types`` as JSON."""
    documents: Dict[str, object] = {}
    for column, given in (types or {}).items():
        if not isinstance(given, DataType):
            raise UserErrorException(
                f"The type of column {column!r} is {given!r}; use DataType.to_string() or another."
            )
        documents[str(column)] = dict(given.detail, type=given.kind)
    return documents
