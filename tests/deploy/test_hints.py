"""Every hint to run a command on a stack names that stack: as typed, it may not reach another."""

import ast
import re
from pathlib import Path

import pytest

from tests.deploy.outside import Outside

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for folder in ("infra/deploy", "infra/commands")
    for file in (ROOT / folder).rglob("*.py")
    if file.name != "__init__.py"
)
ON_A_STACK = (
    "up|preview|refresh|destroy|outputs|drift|import|check|unprotect|cancel|compute|config"
    "|targets|stack (?:export|import|repair|deleted)"
)
HINT = re.compile(
    rf"(?:[Rr]un|first:|[Ss]et it:|allow it with|again with) `aml (?:{ON_A_STACK})\b[^`]*`"
)
# `stack export` makes a file of any stack, so its hint needs no name.
BARE = re.compile(rf"`aml (?:{ON_A_STACK})\b(?<!stack export)[^`]*`")


def texts(node: ast.AST, inside: str = ""):
    """Yield each text of a module but docstrings and the help of options, which know no stack."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword) and child.arg == "help":
            continue
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in child.values
            )
            continue
        if isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child.value
        yield from texts(child)


def remedies(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "remedy":
            yield from texts(node)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_hints_are_written_with_their_stack(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert [text for text in texts(tree) if HINT.search(text)] == []
    assert [text for text in remedies(tree) if BARE.search(text)] == []


def test_a_hint_for_a_stack_that_is_not_selected_names_it(project):
    text = project.stack_file().read_text(encoding="utf-8")
    project.stack_file("other").write_text(text, encoding="utf-8")
    assert "`aml up --yes -s other`" in project.aml("up", "-s", "other").err
    project.good("up", "-s", "other", "--yes")
    assert "`aml destroy --yes -s other`" in project.aml("destroy", "-s", "other").err
    workspace = Outside(project).workspace
    refused = project.aml("import", workspace, "-s", "taken", "--compute", "cpu").err
    assert f"`aml import {workspace} --compute cpu --yes -s taken`" in refused
    assert "Import of stack 'taken' (local):" in refused
