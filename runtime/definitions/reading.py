"""Reads a definition file, YAML or JSON, as a map whose values know their lines."""

import json
from pathlib import Path
from typing import Final

from infra.contract.errors import DefinitionError
from runtime.definitions.located import Located, read_located
from runtime.definitions.problems import Place, Problems

_CLOSING: Final = ("]", "}")


def read_text(file: Path) -> str:
    """Return the text of a file. Raises ``DefinitionError`` if it cannot be read."""
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise DefinitionError(
            "There is no such file.", remedy="Correct the path.", at=str(file)
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(
            f"The file cannot be read: {error}.",
            remedy="Make it a text file in UTF-8 that you can read.",
            at=str(file),
        ) from error


def read_file(file: Path, problems: Problems) -> Located | None:
    """Return the document of a file; ``None``, with the problem added, if it cannot be read."""
    return document_of(read_text(file), file, problems)


def document_of(text: str, file: Path, problems: Problems) -> Located | None:
    """Return the document of the text of ``file``."""
    if text.lstrip().startswith("{"):
        line = _trailing_comma(text)
        if line:
            problems.add(
                "A comma is followed by a closing bracket, which JSON does not allow.",
                remedy="Remove the comma.",
                at=Place(str(file), line),
            )
            return None
        text = _without_tabs(text)
    document, faults = read_located(text, str(file))
    for each in faults:
        problems.add(each.what, remedy=each.remedy, at=Place(str(file), each.line))
    return document


def _trailing_comma(text: str) -> int:
    """Return the line of a comma before a closing bracket in JSON text, 0 without one."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        before, after = text[: error.pos].rstrip(), text[error.pos :]
        if after.startswith(","):  # Python 3.13 points to the comma, earlier ones behind it
            before, after = f"{before},", after[1:].lstrip()
        if before.endswith(",") and after.startswith(_CLOSING):
            return before.count("\n") + 1
    except RecursionError:
        pass  # too deep: said when it is read
    return 0


def _without_tabs(text: str) -> str:
    """Return JSON as YAML reads it: between two values, a tab is a space."""
    try:
        json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return text  # a flow mapping of YAML, or a mistake
    return text.replace("\t", " ")
