"""What is installed: the base stays small, and each extra alone brings what its parts import."""

import os
import subprocess
import tomllib
from pathlib import Path

import pytest
from uv import find_uv_bin

ROOT = Path(__file__).parents[2]
FEWER_THAN = 15
PARTS = {
    "infra": [
        "infra.commands.operation",
        "infra.commands.live_view",
        "infra.deploy.run.stack_operations",
    ],
    "localcloud": ["localcloud.daemon", "localcloud.machines.server"],
    "azureml": ["runtime.targets.azureml", "infra.engine.state.azblob", "jmespath"],
    "docker": ["runtime.targets.docker_target", "runtime.targets.docker_images"],
    "ssh": ["runtime.targets.ssh", "infra.deploy.hosts.host_keys"],
    "sweeps": ["runtime.sweeps.bayesian"],
    "pipelines": ["runtime.pipelines.triggers", "croniter"],
    "batch": ["runtime.targets.batch", "runtime.targets.batch_place"],
    "databricks": ["runtime.targets.databricks", "runtime.targets.databricks_workspace"],
    "studio": ["runtime.studio.server", "runtime.studio.app"],
}


def uv(*arguments, **variables):
    """Run uv, which takes from its cache what it has; return what it printed."""
    done = subprocess.run(
        [find_uv_bin(), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_base_install_is_small():
    listed = uv("export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--no-header")
    packages = [line for line in listed.splitlines() if "==" in line and not line.startswith(" ")]
    assert len(packages) < FEWER_THAN, "\n".join(packages)


def test_every_extra_is_tried():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*project["optional-dependencies"]} == {*PARTS, "all"}


def installed(folder, *extras):
    """Install the project, as its wheel would be, with extras alone; return the environment."""
    chosen = [part for extra in extras for part in ("--extra", extra)]
    uv(
        "sync", "--frozen", "--no-dev", "--no-editable", *chosen,
        UV_PROJECT_ENVIRONMENT=str(folder / "environment"), UV_PYTHON_DOWNLOADS="never",
    )  # fmt: skip
    return folder / "environment/bin"


def ran(folder, *command):
    """Run a command in an empty folder, where nothing of the repository is found."""
    work = folder / "work"
    work.mkdir(exist_ok=True)
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [*map(str, command)], cwd=work, capture_output=True, text=True, check=False, env=variables
    )


@pytest.mark.slow
@pytest.mark.parametrize("extra", PARTS)
def test_an_extra_alone_brings_what_its_parts_import(tmp_path, extra):
    bin_ = installed(tmp_path, extra)
    imports = "".join(f"import {part}\n" for part in (*PARTS[extra], "runtime.cli.root"))
    done = ran(tmp_path, bin_ / "python", "-I", "-c", f"{imports}print(runtime.cli.root.__file__)")
    assert done.returncode == 0, done.stderr
    assert str(tmp_path) in done.stdout
    assert ran(tmp_path, bin_ / "aml", "--help").returncode == 0


@pytest.mark.slow
def test_the_base_alone_says_what_a_command_lacks(tmp_path):
    bin_ = installed(tmp_path)
    checked = [ran(tmp_path, bin_ / "aml", *command) for command in (("init",), ("check",))]
    assert [done.returncode for done in checked] == [0, 0], checked
    for command, extra in ((("up", "--yes"), "infra"), (("cloud", "start"), "localcloud")):
        done = ran(tmp_path, bin_ / "aml", *command)
        assert done.returncode == 2
        assert f"aml-platform[{extra}]" in done.stderr
