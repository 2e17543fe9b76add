"""The page about components names each one, its program runs, and arguments say what they do."""

import ast
import re
from pathlib import Path

import pytest

from aml_platform import components as public

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
MODULES = sorted((ROOT / "infra" / "components").glob("*.py"))
TREES = {file.stem: ast.parse(file.read_text(encoding="utf-8")) for file in MODULES}
CLASSES = [
    (module, node)
    for module, tree in TREES.items()
    for node in tree.body
    if isinstance(node, ast.ClassDef)
]
ARGUMENTS = [node for _, node in CLASSES if node.name.endswith("Args") or node.name == "Subnet"]
BEHAVIOUR = re.compile(r"[Rr]eplace|[Ii]n place|[Ii]gnored|manifest")


def components():
    bases = {"pulumi.ComponentResource", "Compute"}
    for module, node in CLASSES:
        if node.name != "Compute" and bases & {ast.unparse(base) for base in node.bases}:
            yield node.name, module


def test_the_page_lists_every_component_with_its_module():
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(components())


@pytest.mark.parametrize("args", ARGUMENTS, ids=lambda node: node.name)
def test_every_argument_documents_the_effect_of_a_new_value(args):
    below = dict(zip(args.body, args.body[1:], strict=False))
    for field, text in below.items():
        if isinstance(field, ast.AnnAssign):
            said = isinstance(text, ast.Expr) and ast.unparse(text)
            assert said, f"{ast.unparse(field.target)} has no text"
            assert BEHAVIOUR.search(said), ast.unparse(field.target)


def test_names_on_the_page_exist():
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    imports = [node for node in ast.parse(program).body if isinstance(node, ast.ImportFrom)]
    (ours,) = [node for node in imports if node.module == "aml_platform.components"]
    assert {alias.name for alias in ours.names} <= set(public.__all__)
