"""Environments built by conda's tools; a program in their place records how it was called."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

from infra.contract.errors import EnvironmentBuildError
from runtime.environments.builders import ChosenBuilder
from runtime.environments.cache import EnvironmentCache
from runtime.environments.conda_builder import CondaBuilder, create_argv
from runtime.environments.conda_tools import TOOLS, conda_tool
from runtime.environments.lock_store import LockStore
from runtime.environments.locking import lock
from runtime.model.environments import EnvironmentSpec
from tests.runtime.index import add_wheel

TOOL = """\
#!{python}
import json, os, subprocess, sys
from pathlib import Path
arguments = sys.argv[1:]
prefix = Path(arguments[arguments.index("--prefix") + 1])
document = Path(arguments[arguments.index("--file") + 1]).read_text()
seen = {{"arguments": arguments, "document": document, "variables": dict(os.environ)}}
Path({log!r}).write_text(json.dumps(seen))
print("Solving environment")
if prefix.exists():
    sys.exit("prefix already exists")
if "impossible" in document:
    print("nothing provides impossible")
    sys.exit(1)
subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
(prefix / "conda-meta").mkdir()
channel = "https://conda.example.org/conda-forge/linux-64"
for name, version, build in [("python", "3.11.4", "h0"), ("gcc", "9.3.0", "h1")]:
    record = dict(name=name, version=version, build=build, channel=channel)
    (prefix / "conda-meta" / (name + ".json")).write_text(json.dumps(record))
(site,) = prefix.glob("lib/python*/site-packages")
subprocess.run([sys.executable, "-m", "zipfile", "-e", {wheel!r}, str(site)], check=True)
"""
DOCUMENT = "channels: [conda-forge]\ndependencies: [python=3.11, gcc, {pip: [planted]}]\n"


@pytest.fixture
def seen(tmp_path):
    """Return what the tool saw when it was last called."""
    return lambda: json.loads((tmp_path / "seen.json").read_text())


@pytest.fixture(params=list(TOOLS))
def environ(request, tmp_path):
    """Return the variables of a machine with one of the tools."""
    wheel = add_wheel(tmp_path / "index", "planted", "1.0")
    tool = tmp_path / "bin" / request.param
    tool.parent.mkdir()
    log = str(tmp_path / "seen.json")
    tool.write_text(TOOL.format(python=sys.executable, log=log, wheel=str(wheel)))
    tool.chmod(0o755)
    return {
        "PATH": f"{tool.parent}:/usr/bin:/bin",
        "CONDA_PREFIX": "/other",
        "CONDA_PKGS_DIRS": "x",
    }


@pytest.fixture
def cache(environ, tmp_path):
    return EnvironmentCache(tmp_path / "environments", ChosenBuilder(environ))


def locked(text=DOCUMENT, **how):
    return lock(EnvironmentSpec("conda", conda=text, **how), with_conda=True)


def test_the_environment_is_created_where_it_stays(cache, seen, tmp_path):
    log = []
    with cache.lease(locked(), log.append) as built:
        subprocess.run([built.python, "-c", "import planted"], check=True)
        assert built.variables["CONDA_PREFIX"] == str(built.folder)
    prefix = seen()["arguments"][seen()["arguments"].index("--prefix") + 1]
    assert Path(prefix) == built.folder == tmp_path / "environments" / locked().key
    assert "Solving environment" in log
    assert yaml.safe_load(seen()["document"])["channels"] == ["conda-forge"]


def test_it_is_created_once(cache):
    with cache.lease(locked(), print) as first, cache.lease(locked(), print) as second:
        assert (first.reused, second.reused) == (False, True)


def test_settings_are_passed_on_and_an_active_environment_is_not(cache, seen):
    with cache.lease(locked(), print):
        variables = seen()["variables"]
    assert variables["CONDA_PKGS_DIRS"] == "x"
    assert "CONDA_PREFIX" not in variables
    assert variables["CONDA_ALWAYS_YES"] == "true"


def test_the_lock_has_the_builds_and_installs_them_again(cache, seen, tmp_path):
    with cache.lease(locked(), print) as built:
        text = LockStore(tmp_path / "locks").load(built.lock).text
    with cache.lease(locked(lock=text), print) as again:
        assert again.reused
    other = EnvironmentCache(tmp_path / "other" / "environments", cache._builder)
    with other.lease(locked(lock=text), print):
        dependencies = yaml.safe_load(seen()["document"])["dependencies"]
    assert dependencies == ["gcc=9.3.0=h1", "python=3.11.4=h0", {"pip": ["planted==1.0"]}]


def test_a_failure_shows_the_last_lines_and_leaves_nothing(cache, tmp_path):
    with (
        pytest.raises(EnvironmentBuildError, match="nothing provides impossible"),
        cache.lease(locked("dependencies: [impossible]"), print),
    ):
        pass
    assert [p.name for p in (tmp_path / "environments").iterdir()] == [".locks"]


def test_a_build_can_be_stopped(environ, tmp_path):
    stop = threading.Event()
    stop.set()
    folder = tmp_path / "environment"
    folder.mkdir()
    with pytest.raises(EnvironmentBuildError, match="canceled"):
        CondaBuilder(environ=environ).build(locked(), folder, print, stop)


def test_remains_of_a_build_that_was_killed_are_removed(cache, tmp_path):
    left = tmp_path / "environments" / "0123-conda"
    left.mkdir(parents=True)
    (left / "half").touch()
    with cache.lease(locked(), print):
        assert not left.exists()


def test_requirements_are_installed_by_uv_where_conda_is(cache, tmp_path):
    found = lock(EnvironmentSpec("pip", requirements=""), with_conda=True)
    with cache.lease(found, print):
        assert not (tmp_path / "seen.json").exists()


def test_the_tool_on_path_is_found(environ):
    assert conda_tool(environ).name in TOOLS
    assert conda_tool({"PATH": "/nonexistent"}) is None


def test_without_a_tool_nothing_is_built(tmp_path):
    (tmp_path / "environment").mkdir()
    with pytest.raises(EnvironmentBuildError, match="Neither micromamba, mamba nor conda"):
        CondaBuilder(environ={"PATH": os.devnull}).build(
            locked(), tmp_path / "environment", print, threading.Event()
        )


@pytest.mark.parametrize(
    ("tool", "command"),
    [
        ("micromamba", ["create", "--yes", "--no-rc"]),
        ("mamba", ["env", "create"]),
        ("conda", ["env", "create"]),
    ],
)
def test_command_lines(tool, command):
    argv = create_argv(Path(f"/bin/{tool}"), Path("/prefix"), Path("/e.yml"))
    assert argv == [f"/bin/{tool}", *command, "--prefix", "/prefix", "--file", "/e.yml"]
