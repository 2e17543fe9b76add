"""Environments built for real with uv: one tiny package from PyPI."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra.contract.errors import EnvironmentBuildError
from runtime.environments.cache import EnvironmentCache
from runtime.environments.installed_pythons import installed_pythons
from runtime.environments.locking import lock
from runtime.environments.uv_builder import UvBuilder, install_argv, uv_binary, venv_argv
from runtime.model.environments import EnvironmentSpec
from runtime.testing.builders import BuilderContract
from tests.runtime.index import add_wheel, requirements


class TestUvBuilder(BuilderContract):
    @pytest.fixture
    def builder(self):
        return UvBuilder()


@pytest.fixture
def cache(tmp_path):
    return EnvironmentCache(tmp_path / "environments", UvBuilder())


def pip(text):
    return lock(EnvironmentSpec("pip", requirements=text, source="requirements.txt"))


def test_a_package_is_installed_and_nothing_of_ours(cache, tmp_path):
    log = []
    spec = EnvironmentSpec("conda", conda="dependencies: [pip, {pip: [six==1.16.0]}]")
    with cache.lease(lock(spec), log.append) as environment:
        said = subprocess.run(
            [
                environment.python,
                "-c",
                "import six, sys; print(six.__version__, *sys.version_info[:2])",
            ],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        ours = subprocess.run(
            [environment.python, "-c", "import click"], capture_output=True, check=False
        )
    assert said == ["1.16.0", str(sys.version_info[0]), str(sys.version_info[1])]
    assert ours.returncode == 1
    assert any("six==1.16.0" in line for line in log)
    assert not list(environment.folder.glob("requirements*"))


@pytest.fixture
def with_sdk(tmp_path):
    """Return an index where the SDK's newest release holds back another package."""
    index = tmp_path / "index"
    add_wheel(index, "azureml_defaults", "1.0")
    add_wheel(index, "azureml_defaults", "1.60", needs="planted<2")
    for version in ("1.0", "2.0"):
        add_wheel(index, "planted", version)
    return index


@pytest.mark.parametrize(
    ("lines", "pins"),
    [
        (("planted", "azureml-defaults"), ["azureml-defaults==1.60", "planted==1.0"]),
        (("planted==2.0", "azureml-defaults"), ["azureml-defaults==1.0", "planted==2.0"]),
        (("planted", "azureml-defaults<1.50"), ["azureml-defaults==1.0", "planted==2.0"]),
    ],
)
def test_the_newest_sdk_that_fits_the_pins_is_installed(with_sdk, lines, pins):
    text = requirements(with_sdk, *lines)
    spec = EnvironmentSpec("pip", requirements=text, keep_azureml=True)
    found = UvBuilder().resolve(lock(spec), lambda _: None, threading.Event()).text
    assert [line.split()[0] for line in found.splitlines() if "==" in line] == pins


def test_setuptools_is_installed_where_azureml_core_imports_it(tmp_path):
    index = tmp_path / "index"
    add_wheel(index, "azureml_core", "1.60.0", needs="planted")
    add_wheel(index, "planted", "1.0")
    spec = EnvironmentSpec(
        "pip", requirements=requirements(index, "azureml-core"), keep_azureml=True
    )

    def pins():
        text = UvBuilder().resolve(lock(spec), lambda _: None, threading.Event()).text
        return [line.split()[0] for line in text.splitlines() if "==" in line]

    assert pins() == ["azureml-core==1.60.0", "planted==1.0"]  # an index that has none
    for version in ("75.0", "82.0"):
        add_wheel(index, "setuptools", version)
    assert pins() == ["azureml-core==1.60.0", "planted==1.0", "setuptools==75.0"]


def test_a_missing_package_fails_with_the_last_lines(cache, tmp_path):
    log = []
    with pytest.raises(EnvironmentBuildError) as failed, cache.lease(pip("six>999"), log.append):
        pass
    assert "`uv pip` failed with exit code" in failed.value.detail
    assert "six>999" in failed.value.detail
    assert [p.name for p in (tmp_path / "environments").iterdir()] == [".locks"]


def test_a_build_can_be_stopped(tmp_path):
    waiting = tmp_path / "uv"
    waiting.write_text("#!/bin/sh\necho working\nexec sleep 600\n")
    waiting.chmod(0o755)
    stop = threading.Event()
    builder = UvBuilder(waiting, {"PATH": "/usr/bin:/bin"})
    lines = []

    def log(line):
        lines.append(line)
        if line == "working":
            stop.set()

    (tmp_path / "environment").mkdir()
    with pytest.raises(EnvironmentBuildError, match="canceled"):
        builder.build(pip("six"), tmp_path / "environment", log, stop)
    assert "working" in lines


def test_the_shims_of_pyenv_are_not_run(tmp_path):
    shim, ran = tmp_path / "pyenv" / "shims" / "python3.11", tmp_path / "ran"
    build = tmp_path / "pyenv" / "versions" / "3.7.99" / "bin" / "python"
    for file in (shim, build):
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\ntouch {ran}\nexit 127\n")
        file.chmod(0o755)
    path = f"{shim.parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYENV_ROOT": str(tmp_path / "pyenv")}
    found = list(installed_pythons(uv_binary(), environ))
    assert build in [each.path for each in found]
    assert not ran.exists()


def test_command_lines():
    uv, python, folder = Path("/uv"), Path("/python"), Path("/folder")
    assert venv_argv(uv, python, folder) == [
        "/uv", "venv", "--quiet", "--allow-existing", "--relocatable", "--no-project",
        "--python", "/python", "/folder",
    ]  # fmt: skip
    assert install_argv(uv, python, folder, ["--prerelease=allow"]) == [
        "/uv", "pip", "install", "--python", "/python", "--requirements", "/folder",
        "--prerelease=allow",
    ]  # fmt: skip
