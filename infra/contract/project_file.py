"""Reads ``Pulumi.yaml``. A module of its own, because what only submits needs no YAML."""

from pathlib import Path

import yaml

from infra.contract.errors import UsageError
from infra.contract.json_types import JsonObject


def read_project_file(file: Path) -> JsonObject:
    """Return the document. Raises ``UsageError`` if it is not YAML, or has no name."""
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UsageError(
            f"The file is not YAML: {error}", remedy="Fix the line named above.", at=str(file)
        ) from error
    if not isinstance(document, dict) or not document.get("name"):
        raise UsageError("The file has no `name`.", remedy="Add `name: <project>`.", at=str(file))
    return document
