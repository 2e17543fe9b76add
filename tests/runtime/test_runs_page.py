"""`docs/runs.md` and `docs/environments.md` name what the code has."""

import ast
import re
from pathlib import Path

import pytest

import aml_platform
from runtime.agent.archive import ARCHIVE_NAME
from runtime.agent.main import CANNOT_START, TIMED_OUT
from runtime.agent.options import EVENTS_FILE
from runtime.agent.ranks import log_name
from runtime.environments.cache import DISK_LIMIT_BYTES
from runtime.environments.declarations import FILE_NAMES
from runtime.model.environments import LOCK_PROPERTY
from runtime.snapshots.files import IGNORE_FILES, LEFT_OUT_BY_DEFAULT
from runtime.snapshots.limits import MAX_BYTES, MAX_CHANGED_FILES, NO_FILE_LIMIT
from runtime.targets.registry import GROUP
from runtime.targets.run_folder import Task
from runtime.targets.script_variables import run_variables

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "runs.md").read_text(encoding="utf-8")
ENVIRONMENTS = (DOCS / "environments.md").read_text(encoding="utf-8")
TASK = Task("r", "e", (), {}, "s", "", "", "python", None, 1)


@pytest.mark.parametrize(
    "word",
    [
        *FILE_NAMES,
        *IGNORE_FILES,
        *sorted(LEFT_OUT_BY_DEFAULT),
        *run_variables(TASK, {}, {}),
        f"{MAX_BYTES // 1024**2} MiB",
        f"{MAX_CHANGED_FILES:,} files",
        NO_FILE_LIMIT,
        ARCHIVE_NAME,
        EVENTS_FILE,
        log_name(0, 1),
        GROUP,
        str(TIMED_OUT),
        str(CANNOT_START),
    ],
)
def test_the_page_mentions_it(word):
    assert word in PAGE


@pytest.mark.parametrize("word", [*FILE_NAMES, f"{DISK_LIMIT_BYTES // 1024**3} GiB", LOCK_PROPERTY])
def test_the_page_about_environments_mentions_it(word):
    assert word in ENVIRONMENTS


def test_the_program_on_the_page_imports_what_there_is():
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (names,) = [node.names for node in ast.parse(program).body if isinstance(node, ast.ImportFrom)]
    assert {alias.name for alias in names} <= set(aml_platform.__all__)
