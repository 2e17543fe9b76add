"""Promises of the tree that no linter knows: sizes, names, empty package files, the agent alone."""

import ast
import runpy
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file
    for package in ("infra", "runtime", "localcloud", "aml_platform")
    for file in (ROOT / package).rglob("*.py")
)
LATE = ROOT / "infra" / "contract" / "load.py"


@cache
def source(file):
    """Return a module's text and its tree, which several rules read."""
    text = file.read_text(encoding="utf-8")
    return text, ast.parse(text)


def functions(file):
    nodes = ast.walk(source(file)[1])
    return [n for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def name(file):
    return str(file.relative_to(ROOT))


def test_modules_stay_small():
    assert {name(file) for file in FILES if source(file)[0].count("\n") > 500} == set()


def test_functions_stay_small():
    lengths = {
        f"{name(file)}:{f.name}": (f.end_lineno or 0) - f.lineno + 1
        for file in FILES
        for f in functions(file)
    }
    assert {function: length for function, length in lengths.items() if length > 60} == {}


def test_package_files_are_empty():
    files = [file for file in FILES if file.name == "__init__.py"]
    texts = {name(file): source(file)[0] for file in files if file.parent.name != "aml_platform"}
    assert {file for file, text in texts.items() if text} == set()


def test_modules_say_what_they_are_for():
    assert {
        name(file)
        for file in FILES
        if (source(file)[0] or file.name != "__init__.py")
        and not ast.get_docstring(source(file)[1])
    } == set()


def test_only_the_loader_imports_late():
    assert {
        f"{name(file)}:{node.lineno}"
        for file in FILES
        if file != LATE
        for function in functions(file)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    } == set()


def test_infra_shadows_no_standard_module():
    # Pulumi runs infra/ as a program folder, which puts it first on sys.path.
    names = {path.stem for path in (ROOT / "infra").iterdir()} - {"__init__", "__main__"}
    assert not names & sys.stdlib_module_names


def test_no_package_is_a_drawer_for_everything():
    drawers = {"utils", "helpers", "common", "manager", "misc"}
    assert [f for f in FILES if drawers & {f.stem, *f.relative_to(ROOT).parts}] == []


def test_processes_of_tests_end_with_them():
    """A process is started in a `with`, or through `tests.processes`, which ends it."""
    left = []
    for file in sorted((ROOT / "tests").rglob("*.py")):
        if file.name == "processes.py" or "subprocess.Popen(" not in file.read_text("utf-8"):
            continue
        nodes = list(ast.walk(source(file)[1]))
        entered = {
            id(item.context_expr) for n in nodes if isinstance(n, ast.With) for item in n.items
        }
        calls = [n for n in nodes if isinstance(n, ast.Call) and id(n) not in entered]
        left += [
            f"{name(file)}:{call.lineno}"
            for call in calls
            if ast.unparse(call.func) == "subprocess.Popen"
        ]
    assert left == []


def test_the_top_level_holds_what_the_architecture_lists():
    listed = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\n")
    top = {line.split("/")[0] for line in tracked if line}
    assert sorted(name for name in top if f"`{name}" not in listed) == []


@pytest.mark.parametrize("file", sorted((ROOT / "benchmarks").glob("*.py")), ids=lambda f: f.stem)
def test_benchmarks_import_what_there_is(file, monkeypatch):
    monkeypatch.syspath_prepend(file.parent)  # as of a script
    runpy.run_path(str(file))


STREAMS = {"stdout", "stderr", "__stdout__", "__stderr__"}
PRINTS = {"echo", "secho", "confirm", "prompt", "Console"}
PRINTERS = {
    "infra/commands/view.py",
    # Draws with rich, which view.py must not load: `aml check` runs without it.
    "infra/commands/live_view.py",
    "infra/deploy/run/signals.py",
    # The first line of a plugin is its port.
    "infra/plugin/serving.py",
    "runtime/cli/render.py",
    "runtime/environments/conda_names.py",
    # Its output is the answer that the local cloud's daemon reads.
    "runtime/pipelines/requested.py",
    "runtime/api/environment_builds.py",
    "runtime/api/computes/base.py",
    "runtime/api/run.py",
    # They print as azureml-core does, to a script's own output.
    "runtime/agent/entering.py",
    # In the process that a script runs in: how it ends.
    "runtime/agent/in_driver.py",
    "runtime/agent/in_run/offline.py",
    "runtime/automl/in_run/main.py",
    "runtime/agent/in_run/run.py",
    # Its lines are the log of a parallel step.
    "runtime/agent/azureml_site/aml_parallel_run.py",
    "runtime/agent/assets/progress.py",
    "runtime/api/tensorboard.py",
    "runtime/api/widgets.py",
    "localcloud/commands.py",
    "localcloud/vm_commands.py",
    "localcloud/service_commands.py",
    # Programs in processes of a service.
    "localcloud/services/databricks/driver.py",
    "localcloud/services/hdinsight/spark_submit.py",
    "localcloud/services/hdinsight/yarn_command.py",
    "localcloud/daemon.py",
    "aml_platform/_own_packages.py",
    # Generators of pages, for `python -m`.
    "infra/catalogue/types/page.py",
    "infra/catalogue/updates/page.py",
    "runtime/cli/reference.py",
}


def is_stream(node):
    """Return whether an expression is a standard stream: ``sys.stdout`` or ``stdout``."""
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name in STREAMS
    return False


def prints(tree):
    """Return the lines where a module prints: by a function, or by writing to a stream."""
    lines = []
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print"), keywords=options):
                to = [option.value for option in options if option.arg == "file"]
                found = not to or is_stream(to[0])
            case ast.Call(func=ast.Attribute(value=stream, attr="write" | "writelines")):
                found = is_stream(stream)
            case ast.Call(func=ast.Name(id=name)):
                found = name in PRINTS
            case ast.Call(func=ast.Attribute(value=ast.Name(id="click" | "rich"), attr=name)):
                found = name in PRINTS | {"print"}
            case ast.Call(func=ast.Attribute(attr=name)):
                found = name == "Console"
            case _:
                found = False
        if found:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "text",
    [
        "print(1)",
        "print(1, file=sys.stderr)",
        "click.echo(text)",
        "echo(text)",
        "sys.stdout.write(text)",
        "sys.stderr.writelines(lines)",
        "from sys import stderr\nstderr.write(text)",
        "console = Console()",
        "console = rich.console.Console(stderr=True)",
        "rich.print(tree)",
    ],
)
def test_what_counts_as_printing(text):
    assert len(prints(ast.parse(text))) == 1


@pytest.mark.parametrize("text", ["print(1, file=log)", "log.write(1)", "answers.confirm(1)"])
def test_what_does_not_count_as_printing(text):
    assert prints(ast.parse(text)) == []


def test_only_the_modules_that_are_named_print():
    assert {name(file) for file in FILES if prints(source(file)[1])} == PRINTERS


def test_the_architecture_page_names_the_modules_that_print():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = page.partition("## Printing")[2].partition("\n## ")[0]
    names = {name.removesuffix(".py").replace("/", ".") for name in PRINTERS}
    assert {name for name in names if f"`{name}`" not in section} == set()


def places(text):
    """Return a layer's modules: ``engine | arm`` are two that know nothing of each other."""
    return {name.strip() for name in text.split("|")}


def drawn_layers():
    """Return the layers on the page by package, the highest first."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = page.partition("\n## Layers")[2].split("```")[1]
    drawn, package = {}, ""
    for line in block.strip().splitlines():
        name, colon, layers = line.partition(":")
        if not colon:
            continue  # aml_platform has no layers
        package = f"{package.partition('.')[0]}.{name.strip()}" if name[0] == " " else name
        drawn[package] = [places(layer) for layer in layers.split("→")]
    return drawn


def test_the_architecture_page_has_the_layers_that_import_linter_checks():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    checked = {
        contract["containers"][0]: [places(layer) for layer in contract["layers"]]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["type"] == "layers"
    }
    assert drawn_layers() == checked
