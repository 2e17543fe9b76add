"""Each api-version is written in one place."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    path
    for part in ("infra", "runtime", "localcloud", "aml_platform")
    for path in (ROOT / part).rglob("*.py")
    if path.name != "api_versions.py"
]
DATE = r"20\d\d-\d\d-\d\d(-[a-z]+)?"
# A literal that is a date, or a text that names an api-version's.
VERSION = re.compile(rf"{DATE}|.*api.versions? (\w+ )?{DATE}.*", re.DOTALL)
# Days: on which Azure retired Data Lake Analytics, images were published, names were compared.
DAYS = {
    ("runtime/definitions/curated.py", "2020-07-01"),
    ("runtime/definitions/curated.py", "2021-11-11"),
    ("runtime/definitions/curated.py", "2022-10-10"),
    ("runtime/definitions/curated.py", "2024-10-01"),
    ("runtime/environments/packages.py", "2026-08-19"),
}
# The agent travels with a run and imports nothing but itself.
OF_THE_AGENT = {
    ("runtime/agent/assets/blob_http.py", "2021-08-06"),
    ("runtime/agent/service_gateway.py", "2017-09-01"),
    ("runtime/agent/service_gateway.py", "2024-10-01"),
}


def versions(source):
    """Return the texts in a module that are or name an api-version."""
    constants = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    texts = (node.value for node in constants if isinstance(node.value, str))
    return [text for text in texts if VERSION.fullmatch(text)]


@pytest.mark.parametrize(
    "source",
    [
        'versions = ("2024-10-01", NEWEST)',
        'PREVIEW: Final = "2023-01-01-preview"',
        '"""Speaks to jobs.\n\nAt api-version 2025-12-01.\n"""',
        '"""A list in the api-versions before 2022-09-01."""',
    ],
)
def test_what_counts_as_an_api_version(source):
    assert len(versions(source)) == 1


def test_only_the_catalogue_writes_api_versions():
    found = {
        (path.relative_to(ROOT).as_posix(), text)
        for path in MODULES
        for text in versions(path.read_text(encoding="utf-8"))
    }
    assert found == DAYS | OF_THE_AGENT
