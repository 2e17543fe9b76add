"""Files that become parent runs, by what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.contract.load import load
from runtime.cli.parents import ParentFile
from runtime.definitions.recognition import Kind, recognize

PARENTS: Final[Mapping[Kind, str]] = {
    Kind.PIPELINE_JOB: "runtime.cli.pipeline_files:PipelineJob",
    Kind.PIPELINE_V1: "runtime.cli.pipeline_files:PipelineYaml",
}
"""A kind of file → import path of what submits it."""


def parent_file(file: Path) -> ParentFile | None:
    """Return what submits a file, ``None`` for one that is no parent."""
    if not file.is_file():
        return None
    found = recognize(file.name, file.read_text(encoding="utf-8-sig", errors="replace"))
    if found.kind not in PARENTS:
        return None
    made: ParentFile = load(PARENTS[found.kind])(file)
    return made
