"""A conda document that is written within another file, with the lines that it has there."""

from itertools import takewhile
from pathlib import Path
from textwrap import dedent

import yaml

from infra.contract.json_types import JsonObject
from runtime.definitions.reading import read_text
from runtime.environments.conda_yaml import write_yaml


def inline_conda(file: Path, line: int, document: JsonObject) -> tuple[str, int]:
    """Return the text of a document, and how many lines of ``file`` are above it.

    ``line`` is that of its key. It is the text as written where that is a block of its own;
    elsewhere (a list in brackets, JSON, a value of an option) it is written anew, and 0 are above.
    """
    anew = write_yaml(document)
    if line < 1:
        return anew, 0
    lines = read_text(file).splitlines()
    key = _indent(lines[line - 1])
    block = takewhile(lambda each: not each.strip() or _indent(each) > key, lines[line:])
    written = dedent("\n".join(block)) + "\n"
    try:
        same = yaml.safe_load(written) == yaml.safe_load(anew)
    except yaml.YAMLError:
        same = False
    return (written, line) if same else (anew, 0)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
