"""The package that users import: its names, its import time, and shadowing packages."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
from uv import find_uv_bin

import aml_platform
from aml_platform import components

ROOT = Path(__file__).parents[2]
API_FOLDER = ROOT / "runtime" / "api"
API = sorted(
    ".".join(file.relative_to(API_FOLDER).with_suffix("").parts)
    for file in API_FOLDER.rglob("[a-z]*.py")
)
COMPONENTS = sorted((ROOT / "infra" / "components").glob("[a-z]*.py"))


def python(*arguments, cwd, **variables):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_public_name_of_the_api_is_here():
    modules = [import_module(f"runtime.api.{module}") for module in API]
    public = [name for module in modules for name in getattr(module, "__all__", ())]
    assert sorted(aml_platform.__all__) == sorted(public)


def test_each_name_resolves_to_the_class_of_that_name():
    found = {name: getattr(aml_platform, name) for name in aml_platform.__all__}
    assert {name: getattr(each, "__name__", name) for name, each in found.items()} == {
        name: name for name in found
    }
    assert found.keys() <= set(dir(aml_platform))


def test_type_checkers_see_the_same_names():
    stub = ast.parse((ROOT / "aml_platform" / "__init__.pyi").read_text(encoding="utf-8"))
    names = [alias.asname for node in stub.body for alias in node.names]
    assert sorted(names) == sorted(aml_platform.__all__)


def test_an_unknown_name_is_an_import_error():
    with pytest.raises(ImportError, match="cannot import name 'Worksapce'"):
        exec("from aml_platform import Worksapce")  # noqa: S102 - what a user would write


def test_every_component_and_its_arguments_are_here():
    classes = {
        node.name
        for file in COMPONENTS
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        and {"pulumi.ComponentResource", "Compute", "ComputeArgs", "OverSshArgs"}
        & {ast.unparse(base) for base in node.bases}
    }
    assert classes - {"Compute", "OverSshArgs"} <= set(components.__all__)
    arguments = {f"{name}Args" for name in components.__all__ if hasattr(components, f"{name}Args")}
    assert arguments <= set(components.__all__)


def test_importing_the_package_loads_little(tmp_path):
    said = python("-c", "import sys, aml_platform; print(*sys.modules)", cwd=tmp_path)
    loaded = set(said.stdout.split())
    assert "aml_platform" in loaded
    assert not loaded & {"pydantic", "yaml", "httpx", "pulumi", "sqlite3", "runtime.submit.session"}


def test_the_api_is_imported_without_pulumi(tmp_path):
    program = "import sys; from aml_platform import *; print(Workspace, *sys.modules)"
    said = python("-c", program, cwd=tmp_path)
    assert "runtime.api.workspace" in said.stdout.split()
    assert "pulumi" not in said.stdout.split()


NAMES = [
    ("infra/__init__.py", "infra"),
    ("runtime/__init__.py", "runtime"),
    ("localcloud.py", "localcloud"),
]


@pytest.mark.parametrize(("file", "name"), NAMES)
@pytest.mark.parametrize("how", ["notebook", "script", "path"])
def test_a_package_that_shadows_ours_is_reported(tmp_path, file, name, how):
    mine = tmp_path / file
    mine.parent.mkdir(exist_ok=True)
    mine.touch()
    (tmp_path / "use.py").write_text("import aml_platform\n")
    (tmp_path / "elsewhere").mkdir()
    said = {
        # a kernel, like `python -c`, has '' first on its path: the folder of the notebook
        "notebook": lambda: python("-c", "import aml_platform", cwd=tmp_path),
        "script": lambda: python("../use.py", cwd=tmp_path / "elsewhere"),
        "path": lambda: python(
            "-c", "import aml_platform", cwd=tmp_path / "elsewhere", PYTHONPATH=str(tmp_path)
        ),
    }[how]()
    *_, last = said.stderr.splitlines()
    place = mine.parent if mine.name == "__init__.py" else mine
    assert last.startswith(f"ImportError: {place} would be imported instead of aml-platform's")
    assert f"'{name}'. Rename it, for instance to 'my_{name}'" in last


def test_two_packages_that_shadow_ours_are_both_reported(tmp_path):
    for name in ("infra", "runtime"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    said = python("-c", "import aml_platform", cwd=tmp_path)
    assert f"{tmp_path / 'infra'} and {tmp_path / 'runtime'} would be imported" in said.stderr


def test_a_module_imported_earlier_is_reported_too(tmp_path):
    (tmp_path / "runtime.py").touch()
    program = "import sys, runtime; sys.path.pop(0); import aml_platform"
    said = python("-c", program, cwd=tmp_path)
    assert f"ImportError: {tmp_path / 'runtime.py'} would be imported instead" in said.stderr


def test_a_package_that_shadows_ours_later_is_reported_at_the_first_use(tmp_path):
    (tmp_path / "runtime.py").touch()
    change = f"sys.path.insert(0, {str(tmp_path)!r})"
    program = f"import sys, aml_platform; {change}; aml_platform.Workspace"
    said = python("-c", program, cwd=tmp_path.parent)
    *_, last = said.stderr.splitlines()
    assert last.startswith(f"ImportError: {tmp_path / 'runtime.py'} would be imported instead")


@pytest.mark.parametrize("file", ["infra/main.tf", "infra/network.py", "src/runtime/__init__.py"])
def test_a_folder_that_is_not_a_package_shadows_nothing(tmp_path, file):
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).touch()
    said = python("-c", "import aml_platform; print(aml_platform.Workspace)", cwd=tmp_path)
    assert "runtime.api.workspace.Workspace" in said.stdout


def test_packages_installed_as_links_are_ours(tmp_path):
    for name in ("aml_platform", "infra", "runtime", "localcloud"):
        shutil.copytree(ROOT / name, tmp_path / "site" / name, copy_function=os.symlink)
    said = python(
        "-c", "import aml_platform; print(aml_platform.__file__)", cwd=tmp_path,
        PYTHONPATH=str(tmp_path / "site"),
    )  # fmt: skip
    assert said.stdout.strip() == str(tmp_path / "site" / "aml_platform" / "__init__.py")


def test_the_project_packs_every_package():
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packed = document["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(packed) == sorted(file.parent.name for file in ROOT.glob("[a-z]*/__init__.py"))


def test_the_wheel_has_the_package(tmp_path):
    """The build backend comes from uv's cache, where installing this project put it."""
    built = subprocess.run(
        [find_uv_bin(), "build", "--wheel", "--offline", "--out-dir", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "hatchling" in built.stderr and built.returncode:
        pytest.skip("the build backend is not in uv's cache")
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"aml_platform/__init__.py", "aml_platform/__init__.pyi"} <= set(names)
    typed = {
        f"{package}/py.typed" for package in ("aml_platform", "infra", "runtime", "localcloud")
    }
    assert typed <= set(names)
    assert "runtime/api/workspace.py" in names
