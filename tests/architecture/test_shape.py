"""Promises of the tree that no linter knows: sizes, names, empty package files, the agent alone."""

import ast
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for package in ("infra", "runtime", "localcloud", "aml_platform")
    for file in (ROOT / package).rglob("*.py")
)
LATE = ROOT / "infra" / "contract" / "load.py"


def functions(file):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_modules_and_functions_stay_small(file):
    assert file.read_text(encoding="utf-8").count("\n") <= 500
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(file)}
    assert {name: length for name, length in lengths.items() if length > 60} == {}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_modules_say_what_they_are_for(file):
    text = file.read_text(encoding="utf-8")
    if file.name == "__init__.py" and file.parent.name != "aml_platform":
        assert text == ""
    else:
        assert ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_only_the_loader_imports_late(file):
    late = [
        node.lineno
        for function in functions(file)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == [] or file == LATE


def test_infra_shadows_no_standard_module():
    # Pulumi runs infra/ as a program folder, which puts it first on sys.path.
    names = {path.stem for path in (ROOT / "infra").iterdir()} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names


def test_no_package_is_a_drawer_for_everything():
    drawers = {"utils", "helpers", "common", "manager", "misc"}
    assert [f for f in FILES if drawers & {f.stem, *f.relative_to(ROOT).parts}] == []


def test_the_top_level_holds_what_the_architecture_lists():
    listed = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top = {line.split("/")[0] for line in tracked if line}
    assert sorted(name for name in top if f"`{name}" not in listed) == []


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda f: f.stem)
def test_benchmarks_import_what_there_is(file):
    runpy.run_path(str(file))


PRINTS = {"print", "echo", "secho", "confirm", "prompt", "Console"}
# progress.py draws with rich, which view.py must not load: `aml check` runs without it.
PRINTERS = {"infra/commands": {"view.py", "progress.py"}, "runtime/cli": {"render.py"}}


def calls(file):
    """Yield the name and the line of what a module calls: ``echo`` of ``click.echo(…)``."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
                yield name, node.lineno


@pytest.mark.parametrize("package", PRINTERS)
def test_commands_print_in_one_place(package):
    files = [file for file in FILES if file.is_relative_to(ROOT / package)]
    assert {file.name for file in files} > PRINTERS[package]
    prints = {
        f"{file.name}:{line}"
        for file in files
        for name, line in calls(file)
        if name in PRINTS and file.name not in PRINTERS[package]
    }
    assert prints == set()
