"""Scripts on `local` under an older Python than this project's own."""

import os

import pytest

from runtime.environments.installed_pythons import installed_pythons
from runtime.environments.uv_builder import uv_binary

OLD = [f"3.{minor}" for minor in (6, 7, 8)]
SCRIPT = """\
import sys
open("outputs/version.txt", "w").write(".".join(map(str, sys.version_info[:2])))
"""


@pytest.fixture(scope="module")
def installed():
    found = installed_pythons(uv_binary(), os.environ)
    return {".".join(map(str, python.version[:2])) for python in found}


@pytest.mark.parametrize("version", OLD)
def test_a_script_runs_on_the_python_its_environment_pins(desk, installed, version):
    if version not in installed:
        pytest.skip(f"Python {version} is not installed")
    desk.write(f"dependencies: [python={version}.0]\n", "environment.yml")
    said = desk.submit(SCRIPT)
    assert said.code == 0, said.err
    assert f"Python {version}.0 is not installed; Python {version}." in said.err
    written = list((desk.root / "home" / "outputs").rglob("version.txt"))
    assert [file.read_text() for file in written] == [version]
