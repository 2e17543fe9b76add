"""Reads ``Pulumi.yaml``. A module of its own, because what only submits needs no YAML."""

from pathlib import Path

from infra.contract.bounded_yaml import YamlError, plain
from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject


def read_project_file(file: Path) -> JsonObject:
    """Return the document. Raises ``UsageError`` if it cannot be read, or has no name."""
    try:
        document = plain(file.read_text(encoding="utf-8-sig"))
    except YamlError as error:
        raise UsageError(
            f"The file {error}", remedy="Fix that line.", at=f"{file}:{error.line}"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The file cannot be read: {error}.",
            remedy="Make it a file of UTF-8 text that you may read.",
            at=str(file),
        ) from error
    if not isinstance(document, dict) or not document.get("name"):
        raise UsageError("The file has no `name`.", remedy="Add `name: <project>`.", at=str(file))
    for key in ("name", "main", "stackConfigDir"):
        if isinstance(document.get(key), dict | list):
            raise UsageError(f"`{key}` is not text.", remedy="Write it as text.", at=str(file))
    return document
